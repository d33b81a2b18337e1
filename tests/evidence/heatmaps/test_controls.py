"""Controls: known values, no question to the model, and nothing but the seed in a random map."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from auditkit.evidence.heatmaps import Batch, explainer, subject_of_module
from auditkit.spec.methods import parse_method


class Refuses(nn.Module):
    def forward(self, x):
        raise AssertionError("a control asked the model")


def maps_of(method, inputs, modalities=None, seeds=None):
    subject = subject_of_module(Refuses(), tuple(inputs.shape[1:]), modalities)
    found = explainer(parse_method(method), subject)
    assert not found.fitness().reason
    seeds = seeds or list(range(len(inputs)))
    target = torch.zeros(len(inputs), dtype=torch.int64)
    return found.explain(Batch(inputs, target, seeds), 4).maps.numpy(), found.cell


@pytest.mark.parametrize("space", [(6, 9), (4, 5, 6)])
def test_a_random_map_is_one_uniform_value_per_cell_and_modality(space):
    inputs = torch.zeros(3, 2, *space)
    maps, cell = maps_of({"method": "random-map", "cell": 2}, inputs)
    assert maps.shape == (3, 2, *space)
    assert cell == 2
    assert (maps > 0).all()
    assert (maps <= 1).all()
    corner = (slice(None), slice(None), *[slice(0, 2)] * len(space))
    assert all(len(np.unique(m)) == 1 for one in maps[corner] for m in one)
    per_cell = maps[(..., *[slice(None, None, 2)] * len(space))].reshape(-1)
    assert len(np.unique(per_cell)) == per_cell.size


def test_a_random_map_is_its_images_seed_and_nothing_else():
    inputs = torch.rand(2, 3, 8, 8)
    first, _ = maps_of("random-map", inputs, [(0, 1, 2)], [5, 6])
    other, _ = maps_of("random-map", torch.rand(2, 3, 8, 8), [(0, 1, 2)], [6, 5])
    assert first.shape == (2, 1, 8, 8)
    assert np.array_equal(first, other[::-1])
    assert (
        stats.kstest(maps_of("random-map", torch.zeros(1, 1, 40, 40))[0].ravel(), "uniform")[1]
        > 0.01
    )


def test_an_edge_is_where_the_image_changes():
    image = torch.zeros(1, 2, 8, 8, 8)
    image[0, 1, 4:] = 3.0
    maps, cell = maps_of("edge-map", image)
    assert cell == 1
    assert (maps[0, 0] == 0).all()
    assert maps[0, 1, 3:5] == pytest.approx(np.full((2, 8, 8), 1.5))
    assert maps[0, 1, :3].max() == maps[0, 1, 5:].max() == 0


def test_edges_of_colours_and_axes_are_joined():
    x, y = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    image = torch.stack([3 * x, 4 * y, 0 * x])[None]
    assert maps_of("edge-map", image, [(0, 1, 2)])[0] == pytest.approx(np.full((1, 1, 6, 7), 5.0))
    flat = torch.arange(5.0).view(1, 1, 1, 5)  # an axis of one voxel
    assert (maps_of("edge-map", flat)[0] == 1).all()


def test_the_gaussian_is_centred_and_as_wide_as_declared():
    maps, _ = maps_of({"method": "gaussian-map", "width": 0.25}, torch.zeros(2, 3, 9, 5, 7))
    assert maps.shape == (2, 3, 9, 5, 7)
    assert (maps == maps[0, 0]).all()
    one = maps[0, 0]
    assert one[4, 2, 3] == one.max() == 1
    assert np.allclose(one, one[::-1, ::-1, ::-1])
    # Along the first axis (side 9) the standard deviation is 2.25 voxels.
    assert one[4 + 2, 2, 3] == pytest.approx(np.exp(-0.5 * (2 / 2.25) ** 2))
    assert one[4, 2 + 1, 3] == pytest.approx(np.exp(-0.5 * (1 / 1.25) ** 2))
