"""The sample is what was asked for, cannot be foreseen, and its chance is stated rightly."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.recomputing.sampling import chance, drawn, fresh_seed, sample_size


@pytest.mark.parametrize(
    ("asked", "shards", "size"),
    [("2%", 100, 2), ("2%", 101, 3), ("2%", 3, 1), ("100%", 7, 7), ("5", 9, 5), ("9", 4, 4)],
)
def test_a_sample_has_the_size_that_was_asked_for(asked, shards, size):
    assert sample_size(asked, shards) == size
    assert sample_size("all", shards) == shards


@pytest.mark.parametrize("asked", ["0", "-1", "0%", "101%", "half", "2.5", "", "%", "nan%", "inf%"])
def test_anything_else_is_refused(asked):
    with pytest.raises(AuditError, match="a share like 2%"):
        sample_size(asked, 10)


def test_a_seed_draws_the_same_sample_again_whatever_the_order_of_the_list():
    addresses = [f"{i:02}" for i in range(40)]
    assert drawn(addresses, 7, 5) == drawn(addresses[::-1], 7, 5)
    assert len(drawn(addresses, 7, 5)) == 7
    assert len({drawn(addresses, 7, seed) for seed in range(50)}) == 50


def test_seeds_differ():
    assert len({fresh_seed() for _ in range(100)}) == 100


def test_every_shard_is_as_likely_as_any_other():
    counts = dict.fromkeys("abcdef", 0)
    for seed in range(3000):
        for address in drawn("abcdef", 2, seed):
            counts[address] += 1
    # Binomial(3000, 1/3): five standard deviations are 129.
    assert all(abs(count - 1000) < 129 for count in counts.values())


@given(st.integers(1, 9), st.data())
def test_the_chance_is_that_of_all_samples_counted(shards, data):
    looked_at, forged = (data.draw(st.integers(0, shards)) for _ in range(2))
    every = list(combinations(range(shards), looked_at))
    hits = sum(any(one < forged for one in sample) for sample in every)
    assert math.isclose(chance(shards, looked_at, forged), hits / len(every), abs_tol=1e-12)


def test_one_forged_shard_is_found_as_often_as_shards_are_looked_at():
    assert chance(1000, 20, 1) == pytest.approx(0.02)
    assert chance(1000, 1000, 1) == 1.0
