"""Designs: distinct pairs, sizes in proportion, every beginning a design."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.evidence.heatmaps.perturbation.coalitions import (
    chunks,
    paired_design,
    pairs_of,
)
from auditkit.evidence.heatmaps.perturbation.shapley import shapley_rates


@settings(max_examples=40, deadline=None)
@given(players=st.integers(2, 12), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_no_coalition_comes_twice_not_even_as_a_complement(players, share, seed):
    pairs = round(share * pairs_of(players))
    design = paired_design(players, pairs, shapley_rates(players), seed)
    both = design.coalitions(slice(0, pairs))
    assert len(design) == pairs
    assert len(torch.unique(both, dim=0)) == len(both) == 2 * pairs
    assert torch.equal(design.members.sum(dim=1), design.sizes)
    assert both.any(dim=1).all()
    assert not both.all(dim=1).any()


@pytest.mark.parametrize("players", [2, 3, 4, 7, 10])
def test_a_full_design_holds_every_pair(players):
    design = paired_design(players, pairs_of(players), shapley_rates(players), 0)
    assert design.enumerated.all()
    assert design.taken.sum() == pairs_of(players)


def test_sizes_come_in_proportion_until_they_are_exhausted():
    """16 players, 211 pairs: 16 singles are all there are, the other six sizes and half a size share 195."""
    design = paired_design(16, 211, shapley_rates(16), 0)
    assert design.taken.tolist() == [16, 30, 30, 30, 30, 30, 30, 15]
    assert design.enumerated.tolist() == [True] + [False] * 7


def test_a_longer_design_of_the_same_seed_need_not_agree_but_a_beginning_is_stratified_alike():
    long = paired_design(16, 1000, shapley_rates(16), 0)
    short = paired_design(16, 100, shapley_rates(16), 0)
    assert torch.equal(long.beginning(100).taken, short.taken)


def test_every_coalition_of_a_size_is_as_likely():
    """Both ways of drawing: from a list of all, and at random without repetition."""
    for players, pairs in ((6, 10), (9, 20)):
        designs = [
            paired_design(players, pairs, shapley_rates(players), seed) for seed in range(150)
        ]
        chosen = torch.cat([d.members[d.sizes == 3] for d in designs])
        if players == 6:  # Of two halves the one with the first player is asked about.
            chosen = torch.cat([chosen, ~chosen])
        codes = (chosen.long() * 2 ** torch.arange(players)).sum(dim=1).numpy()
        kinds, counts = np.unique(codes, return_counts=True)
        assert len(kinds) == {6: 20, 9: 84}[players]
        expected = counts.mean()
        assert ((counts - expected) ** 2 / expected).sum() < 1.6 * len(kinds)


def test_thousands_of_players_overflow_nothing():
    design = paired_design(3000, 40, shapley_rates(3000), 0)
    assert torch.equal(design.members.sum(dim=1), design.sizes)
    assert design.available.isinf().any()
    assert not design.enumerated[design.stratum].any()


def test_chunks_cover_everything_once():
    assert list(chunks(20000, 5)) == [slice(5, 8197), slice(8197, 16389), slice(16389, 20000)]
    assert list(chunks(0)) == []
