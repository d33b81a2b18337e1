"""Limits of proportions hold a part of the table of shares and kinds of patients at a time."""

import tracemalloc

import numpy as np
import pytest

from auditkit.stats import proportions
from auditkit.stats.proportions import proportion


def uneven(n, seed=0):
    """Successes of patients with one to thirty images: many kinds of patients."""
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n), generator.integers(1, 30, n))[:n]
    return generator.random(n) < 0.3, patients


@pytest.mark.parametrize("cells", [1, 100, 5_000])
def test_parts_of_any_size_give_the_same_bits(monkeypatch, cells):
    hits, patients = uneven(700)
    whole = proportion(hits, patients)
    monkeypatch.setattr(proportions, "_CELLS", cells)
    part = proportion(hits, patients)
    assert (part.low, part.high, part.method) == (whole.low, whole.high, whole.method)


def test_memory_does_not_grow_with_events_times_kinds():
    hits, patients = uneven(20_000)
    proportion(hits[:100], patients[:100])  # imports
    tracemalloc.start()
    proportion(hits, patients)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # all at once: 150 MB
