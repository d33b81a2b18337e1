"""How training images vary from epoch to epoch."""

import math

import torch
from torch.nn import functional

from auditkit.spec.training_classifier import Augmentation

# ITU-R BT.601, as in most picture libraries.
_LUMA = (0.299, 0.587, 0.114)


def augmented(images: torch.Tensor, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Images flipped, rotated and recoloured, each by draws of its own.

    Rotation is by a uniform angle of at most ``rotate`` degrees about the centre, bilinear, black outside;
    brightness, contrast (about the image's mean luma) and saturation by uniform factors.

    Args:
        images: float32 (N, 3, size, size) in [0, 1].
        how: the recipe's augmentation.
        generator: on the CPU; it is advanced equally whatever ``how`` says.

    Returns:
        float32 of the same shape, in [0, 1].
    """
    drawn = torch.rand(6, len(images), generator=generator)
    images = _flipped(images, drawn[0] < how.flip_horizontal, -1)
    images = _flipped(images, drawn[1] < how.flip_vertical, -2)
    if how.rotate:
        images = _rotated(images, (2 * drawn[2] - 1) * math.radians(how.rotate))
    if how.colour:
        images = _recoloured(images, 1 + how.colour * (2 * drawn[3:] - 1))
    return images


def _flipped(images: torch.Tensor, chosen: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(axis), images)


def _rotated(images: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    rows = [torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    rotated: torch.Tensor = functional.grid_sample(images, grid, align_corners=False)
    return rotated.clamp(0, 1)


def _recoloured(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    brightness, contrast, saturation = factors.view(3, -1, 1, 1, 1)
    weights = images.new_tensor(_LUMA).view(1, 3, 1, 1)
    images = (images * brightness).clamp(0, 1)
    mean = (images * weights).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    images = ((images - mean) * contrast + mean).clamp(0, 1)
    luma = (images * weights).sum(1, keepdim=True)
    recoloured: torch.Tensor = (images - luma) * saturation + luma
    return recoloured.clamp(0, 1)
