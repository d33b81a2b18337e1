"""Costs of any number of images, from a few; costs of stages on several workers."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.planning.costs import StageCost
from auditkit.planning.fit import Fit
from auditkit.planning.usage import Usage


def stage(seconds: float, longest: float, setup: float = 0.0, shards: int = 4) -> StageCost:
    return StageCost(
        name="", key="", images=0, shards=shards, found=0, shared=0, usage=Usage(cpu=seconds),
        longest=longest, setup=setup, size=0, tried=1, together=False,
    )  # fmt: skip


def test_a_padded_batch_costs_the_same_whatever_is_in_it():
    fit = Fit(16, {1: Usage(cpu=2.0, forwards=16)}, {(16, 1): 1})
    assert [fit.of(n).cpu for n in (1, 5, 16, 17, 40)] == [2, 2, 2, 4, 6]
    assert fit.of(40).forwards == 48


def test_passes_that_are_full_follow_the_images():
    fit = Fit(16, {1: Usage(cpu=3.0, forwards=160)}, {(16, 16): 10})
    assert [fit.of(n).cpu for n in (1, 2, 16, 32)] == [3, 6, 48, 96]


def test_where_no_network_is_asked_cost_follows_the_images():
    assert Fit(16, {2: Usage(cpu=1.0)}).of(8).cpu == 4


def test_two_points_make_a_line_and_counts_stay_whole_batches():
    fit = Fit(16, {1: Usage(cpu=1.0, forwards=16), 16: Usage(cpu=4.0, forwards=176)}, {(16, 11): 1})
    assert fit.of(6).cpu == pytest.approx(2.0)
    assert fit.of(8).forwards == 96
    assert fit.of(32).forwards == 352
    assert fit.of(16).forwards == 176


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 16), st.floats(0.01, 10), st.floats(0, 10), st.integers(1, 100))
def test_what_was_computed_is_not_estimated_and_more_images_cost_no_less(k, one, more, n):
    fit = Fit(16, {k: Usage(cpu=one)} | ({16: Usage(cpu=one + more)} if k < 16 else {}))
    assert fit.of(k).cpu == one
    assert fit.of(n + 16).cpu >= fit.of(n).cpu


def test_workers_share_shards_but_not_the_longest():
    assert stage(40, 10, setup=1).seconds(1, accelerated=False) == 41
    assert stage(40, 10, setup=1).seconds(2, accelerated=False) == 21
    assert stage(40, 10, setup=1).seconds(100, accelerated=False) == 11
    crowded = replace(stage(40, 10, setup=1), crowding=1.5)
    assert crowded.seconds(1, accelerated=False) == 41
    assert crowded.seconds(2, accelerated=False) == 31
    assert stage(0, 0, setup=1, shards=0).seconds(1, accelerated=False) == 0
