"""What stands for 'nothing there', for any number of axes and channels."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.baselines import baseline, baselines

SHAPES = [(2, 1, 9), (2, 3, 16, 16), (2, 4, 12, 20), (2, 2, 8, 10, 12)]


def _inputs(shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", SHAPES)
def test_black_is_zero_and_shared(shape):
    inputs = _inputs(shape)
    assert torch.equal(baselines(inputs, "black"), torch.zeros(1, 1, *shape[1:]))
    assert torch.equal(baseline(inputs, "black"), torch.zeros(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_mean_is_each_channel_s_own_over_space(shape):
    inputs = _inputs(shape)
    found = baselines(inputs, "mean")
    assert found.shape == (shape[0], 1, *shape[1:])
    for image in range(shape[0]):
        for channel in range(shape[1]):
            expected = inputs[image, channel].mean()
            assert torch.allclose(found[image, 0, channel], expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_blur_is_scipy_s_with_an_eighth_of_each_side_and_the_edge_replicated(shape):
    inputs = _inputs(shape)
    found = baselines(inputs, "blur")[:, 0]
    for image in range(shape[0]):
        for channel in range(shape[1]):
            expected = gaussian_filter(
                inputs[image, channel].double().numpy(),
                sigma=[size / 8 for size in shape[2:]],
                mode="nearest",
                radius=[int(3 * size / 8) for size in shape[2:]],
            )
            assert np.allclose(found[image, channel].numpy(), expected, atol=1e-6)


def test_blur_of_a_flat_image_is_flat():
    flat = torch.full((1, 3, 7, 5, 6), 0.3)
    assert torch.allclose(baseline(flat, "blur"), flat, atol=1e-6)


def test_data_are_the_background_images_in_the_inputs_type():
    inputs = _inputs((2, 3, 8, 8)).bfloat16()
    background = _inputs((5, 3, 8, 8))
    found = baselines(inputs, "data", background)
    assert found.shape == (1, 5, 3, 8, 8)
    assert torch.equal(found, background.bfloat16()[None])


@pytest.mark.parametrize("background", [None, torch.zeros(0, 3, 8, 8)])
def test_data_without_a_background_is_refused(background):
    with pytest.raises(AuditError, match="images of the data set were expected as background"):
        baselines(torch.zeros(1, 3, 8, 8), "data", background)


@pytest.mark.parametrize("function", [baseline, baselines])
def test_an_unknown_kind_is_refused(function):
    with pytest.raises(AuditError, match="unknown baseline 'grey'"):
        function(torch.zeros(1, 3, 8, 8), "grey")
