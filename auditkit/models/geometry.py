"""Crop and resize: from pictures and masks of any size to the model's square. Torch for pictures."""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from auditkit.data.dataset import Mask, Picture
from auditkit.spec.model_card import Input

if TYPE_CHECKING:
    import torch


def centre_square(height: int, width: int) -> tuple[slice, slice]:
    """The largest centred square of a picture."""
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return slice(top, top + side), slice(left, left + side)


def to_input(picture: Picture, spec: Input) -> "torch.Tensor":
    """A picture as the model's square, float32 (3, size, size) in [0, 1], not quantised to 8 bits."""
    import torch

    if spec.crop == "centre":
        picture = picture[centre_square(*picture.shape[:2])]
    if spec.equalise == "before-resize":
        from auditkit.models.equalise import equalise_exact

        picture = equalise_exact(np.ascontiguousarray(picture))
    tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1).to(torch.float32) / 255.0
    for side in filter(None, (spec.via, spec.size)):
        tensor = _resized(tensor, side, spec)
    return tensor.contiguous()


def _resized(tensor: "torch.Tensor", side: int, spec: Input) -> "torch.Tensor":
    from torch.nn import functional

    if tensor.shape[1:] == (side, side):
        return tensor
    smooth = spec.resize != "nearest"
    resized = functional.interpolate(
        tensor[None],
        size=(side, side),
        mode=spec.resize if smooth else "nearest-exact",
        align_corners=False if smooth else None,
        antialias=smooth and spec.antialias,
    )
    return resized[0].clamp_(0.0, 1.0)


def mask_to_input(mask: Mask, spec: Input) -> Mask:
    """A mask as the model's square, nearest neighbour, bool (size, size)."""
    if spec.crop == "centre":
        mask = mask[centre_square(*mask.shape)]
    if mask.shape == (spec.size, spec.size):
        return mask
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.resize((spec.size, spec.size), Image.Resampling.NEAREST)) > 127


def picture_to_input(picture: Picture, spec: Input) -> Picture:
    """A picture as the model's square for people to look at, uint8 (size, size, 3). No torch."""
    if spec.crop == "centre":
        picture = picture[centre_square(*picture.shape[:2])]
    image = Image.fromarray(picture).resize((spec.size, spec.size), Image.Resampling.BILINEAR)
    return np.asarray(image)
