"""Players: which pixels belong together, and how their values are laid out."""

import sys
from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from covering_networks import grid_mask
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.perturbation import superpixels as superpixels_module
from auditkit.evidence.heatmaps.perturbation.players import cell_of, cell_of_pixel, players_of
from auditkit.spec.methods import Superpixels

GREY, MRI = ((0,),), ((0,), (1,), (2,), (3,))


@pytest.fixture(autouse=True)
def _same_numbers_every_time():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_a_pixel_belongs_to_the_cell_in_which_its_centre_lies(sizes):
    size, side = sizes
    expected = [floor(Fraction(2 * p + 1, 2) * Fraction(side, size)) for p in range(size)]
    assert cell_of_pixel(size, side).tolist() == expected
    assert set(expected) == set(range(side)), "no cell is empty"


@pytest.mark.parametrize(("size", "side"), [(5, 2), (7, 3), (64, 7), (224, 10)])
def test_cells_are_those_of_nearest_exact_interpolation(size, side):
    cells = torch.arange(side).float()[None, None]
    enlarged = functional.interpolate(cells, size=size, mode="nearest-exact")[0, 0]
    assert torch.equal(cell_of_pixel(size, side), enlarged.long())


@pytest.mark.parametrize("space", [(6,), (6, 4), (4, 6, 5)])
@pytest.mark.parametrize("shared", [True, False])
def test_values_of_a_grid_are_laid_out_as_its_cells_lie(space, shared):
    inputs = torch.zeros(2, 4, *space)
    players = players_of(inputs, Superpixels(side=2, shared=shared), MRI)
    count = 2 ** len(space) * (1 if shared else 4)
    assert players.counts == (count, count)
    assert players.segments is None
    values = torch.arange(2 * count).double().view(2, count)
    maps = players.maps(list(values))
    assert maps.shape == (2, 4, *(2,) * len(space))
    assert maps.dtype == torch.float32
    mask = grid_mask(players)
    for layer in range(4):
        enlarged = maps[:, layer : layer + 1]
        for axis, size in enumerate(space, start=2):
            enlarged = enlarged.index_select(axis, cell_of_pixel(size, 2))
        expected = values[:, mask[0 if shared else layer]]
        assert torch.equal(enlarged[:, 0].double(), expected)


def test_a_grid_finer_than_the_input_is_refused():
    with pytest.raises(AuditError, match="9 cells per axis on inputs of 12 x 8 pixels; side 8"):
        players_of(torch.zeros(1, 1, 12, 8), Superpixels(side=9), GREY)
    with pytest.raises(AuditError, match="side 8 at most"):
        cell_of((12, 8), Superpixels(side=9))


def test_the_cell_is_the_largest_one_rounded_up():
    assert cell_of((10, 7), Superpixels(side=4)) == 3
    assert cell_of((10, 7), Superpixels(kind="slic")) == 1


def _halves(shape, axis):
    """Channel values that differ between the two halves along an axis, with a little noise."""
    inputs = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0)) * 0.02
    inputs.narrow(axis, shape[axis - 1] // 2, shape[axis - 1] - shape[axis - 1] // 2).add_(0.8)
    return inputs


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 16, 16), (1, 8, 16, 12), (4, 8, 8, 8)])
def test_slic_regions_do_not_cross_an_edge_and_are_numbered_from_0(shape):
    inputs = _halves(shape, 2)
    groups = (tuple(range(shape[0])),) if shape[0] == 3 else tuple((c,) for c in range(shape[0]))
    players = players_of(inputs, Superpixels(kind="slic", segments=8), groups)
    segments = players.segments
    assert segments.shape == (1, len(groups), *shape[1:])
    assert segments.dtype == torch.int32
    assert segments.unique().tolist() == list(range(players.counts[0]))
    assert players.counts[0] > 2
    upper, lower = (
        segments.narrow(2, 0, shape[1] // 2),
        segments.narrow(2, shape[1] // 2, shape[1] // 2),
    )
    assert not set(upper.unique().tolist()) & set(lower.unique().tolist())


def test_slic_of_an_image_does_not_depend_on_its_batch_and_repeats():
    inputs = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    superpixels = Superpixels(kind="slic", segments=9)
    together = players_of(inputs, superpixels, ((0, 1, 2),))
    for index in range(3):
        alone = players_of(inputs[index : index + 1], superpixels, ((0, 1, 2),))
        assert torch.equal(alone.segments[0], together.segments[index])
        assert alone.counts[0] == together.counts[index]


def test_slic_per_modality_numbers_regions_modality_after_modality():
    inputs = torch.cat([_halves((1, 12, 12), 2), _halves((1, 12, 12), 3)], dim=1)
    players = players_of(inputs, Superpixels(kind="slic", segments=4, shared=False), ((0,), (1,)))
    first, second = (set(players.segments[0, m].unique().tolist()) for m in range(2))
    assert first | second == set(range(players.counts[0]))
    assert max(first) < min(second)


def test_values_of_slic_regions_are_laid_out_per_pixel_and_copied_to_all_modalities():
    inputs = torch.rand(2, 2, 12, 12, generator=torch.Generator().manual_seed(5))
    players = players_of(inputs, Superpixels(kind="slic", segments=6), ((0,), (1,)))
    values = [torch.rand(count, dtype=torch.float64) for count in players.counts]
    maps = players.maps(values)
    for image in range(2):
        for modality in range(2):
            expected = values[image][players.segments[image, modality].long()]
            assert torch.equal(maps[image, modality], expected.float())
    assert torch.equal(players.segments[:, 0], players.segments[:, 1])


def test_images_with_equally_many_players_are_grouped():
    inputs = torch.stack([torch.zeros(1, 12, 12), torch.rand(1, 12, 12), torch.zeros(1, 12, 12)])
    players = players_of(inputs, Superpixels(kind="slic", segments=9), GREY)
    groups = players.groups()
    assert sorted(image for group in groups for image in group) == [0, 1, 2]
    assert all(len({players.counts[image] for image in group}) == 1 for group in groups)
    assert any({0, 2} <= set(group) for group in groups)


def test_regions_are_numbered_without_gaps_whatever_slic_names_them(monkeypatch):
    named = np.array([[7, 7], [3, 9]])
    monkeypatch.setattr(superpixels_module, "_slic", lambda: lambda *_, **__: named)
    players = players_of(torch.zeros(1, 1, 2, 2), Superpixels(kind="slic"), GREY)
    assert players.segments.tolist() == [[[[1, 1], [0, 2]]]]
    assert players.counts == (3,)


def test_slic_without_scikit_image_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(AuditError, match=r'pip install "pytest-auditkit\[superpixels\]"'):
        players_of(torch.zeros(1, 1, 8, 8), Superpixels(kind="slic"), GREY)


def test_slic_on_one_axis_is_refused():
    with pytest.raises(AuditError, match="2 or 3 spatial axes, these have 1"):
        players_of(torch.zeros(1, 1, 8), Superpixels(kind="slic"), GREY)
