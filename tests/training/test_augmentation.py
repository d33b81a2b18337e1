"""Augmentation: what is asked for and nothing else, against torchvision."""

import math

import numpy as np
import pytest
import torch
from torchvision.transforms import functional as reference

from auditkit.spec.model_card import Input
from auditkit.spec.training_classifier import Augmentation
from auditkit.training.augmentation import _recoloured, _rotated, augmented
from auditkit.training.batches_of_images import ImageInputs


def images(n=4, size=16):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(5))


def draws():
    return torch.Generator().manual_seed(1)


def test_nothing_changes_unless_it_is_asked_for():
    assert torch.equal(augmented(images(), Augmentation(), draws()), images())


def test_flips_are_exact_and_as_frequent_as_stated():
    x = images(400, 8)
    assert torch.equal(augmented(x, Augmentation(flip_horizontal=1.0), draws()), x.flip(3))
    seen = augmented(x, Augmentation(flip_vertical=0.3), draws())
    turned = torch.tensor([bool(torch.equal(a, b.flip(1))) for a, b in zip(seen, x, strict=True)])
    assert torch.equal(seen[~turned], x[~turned])
    assert 0.22 < turned.float().mean() < 0.38


@pytest.mark.parametrize("degrees", [-40.0, 0.0, 15.0, 90.0])
def test_rotation_is_torchvisions(degrees):
    angle = torch.full((4,), math.radians(degrees))
    expected = reference.rotate(
        images(), degrees, interpolation=reference.InterpolationMode.BILINEAR
    )
    # torchvision's is counter-clockwise, as ours is; it blends the rim with black in the same way.
    assert torch.allclose(_rotated(images(), angle), expected, atol=1e-4)


def test_colours_change_as_in_torchvision():
    factors = torch.tensor([[0.8], [1.3], [0.6]])
    expected = reference.adjust_brightness(images(1), 0.8)
    expected = reference.adjust_saturation(reference.adjust_contrast(expected, 1.3), 0.6)
    assert torch.allclose(_recoloured(images(1), factors), expected, atol=1e-3)


def test_everything_together_stays_in_range_and_is_a_function_of_the_seed():
    how = Augmentation(flip_horizontal=0.5, flip_vertical=0.5, rotate=45.0, colour=0.4)
    first = augmented(images(), how, draws())
    assert torch.equal(first, augmented(images(), how, draws()))
    assert not torch.equal(first, augmented(images(), how, torch.Generator().manual_seed(2)))
    assert 0 <= first.min() < first.max() <= 1


class Wide:
    """One picture whose columns are numbered."""

    def image(self, _index):
        return np.repeat(np.arange(40, dtype=np.uint8)[None, :, None], 16, axis=0).repeat(3, axis=2)


def test_random_crops_are_squares_from_all_along_the_longer_side():
    inputs = ImageInputs(Wide(), [0] * 200, Input(size=16), Augmentation(crop="random"))
    batch = (inputs.batch(np.arange(200), seed=3) * 255).round().int()
    starts = batch[:, 0, 0, 0]
    assert torch.equal(batch[:, 0, 0, -1] - starts, torch.full((200,), 15, dtype=torch.int32))
    assert set(starts.tolist()) == set(range(25))
    centre = inputs.batch(np.arange(1), seed=None)
    assert (centre[0, 0, 0, 0] * 255).round() == 12
