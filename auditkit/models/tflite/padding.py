"""PAD, PADV2 and MIRROR_PAD."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.layout import axis_here
from auditkit.models.tflite.site import Site


class Pad(nn.Module):
    """PAD with zeros, which are centred codes of zero as well, and PADV2 with any value."""

    def __init__(self, padding: tuple[int, ...], fill: float) -> None:
        super().__init__()
        self.padding = padding
        self.fill = fill

    def forward(self, values: Tensor) -> Tensor:
        """Pad every axis but the first."""
        return F.pad(values, self.padding, value=self.fill)


class MirrorPad(nn.Module):
    """MIRROR_PAD: every padded axis is read back and forth."""

    def __init__(self, places: dict[int, Tensor]) -> None:
        super().__init__()
        self.axes = tuple(places)
        for axis, index in places.items():
            self.register_buffer(f"places_{axis}", index)

    def forward(self, values: Tensor) -> Tensor:
        """Pad."""
        for axis in self.axes:
            values = values.index_select(axis, self.get_buffer(f"places_{axis}"))
        return values


def build_pad(site: Site) -> nn.Module:
    """PAD with zeros, PADV2 with a stored value."""
    site.arity(3 if site.record.name == "PADV2" else 2)
    amounts = _amounts(site)
    rank, fill = len(amounts), 0.0
    if site.record.name == "PADV2":
        if site.constant(site.input(2)).size != 1:
            site.fail("pads with more than one value")
        if site.quantised:
            site.same_grid(site.input(2))
        fill = float(_fill(site))
    here = {axis_here(axis, rank): amounts[axis] for axis in range(rank)}
    # PyTorch counts from the last axis.
    return Pad(tuple(amount for axis in range(rank - 1, 0, -1) for amount in here[axis]), fill)


def _fill(site: Site) -> np.float32:
    data = site.constant(site.input(2))
    if site.input(2).dtype != site.source.dtype:
        site.fail(f"pads {site.source.dtype} with {site.input(2).dtype}")
    # Minus infinity is a real fill: it stands in front of a maximum.
    return np.float32(site.centred(site.input(2)).item() if site.quantised else data.item())


def build_mirror_pad(site: Site) -> nn.Module:
    """MIRROR_PAD, with or without the border itself."""
    site.arity(2)
    amounts, shape = _amounts(site), site.input(0).shape
    # The format's 0 is REFLECT, which leaves the border out; 1 is SYMMETRIC.
    border = 1 - site.option("mirror")
    if border not in (0, 1) or any(
        max(pair) > size - border for pair, size in zip(amounts, shape, strict=True)
    ):
        site.fail(f"mirrors {amounts} of the shape {shape}")
    places = {
        axis_here(axis, len(shape)): _mirrored(shape[axis], *amounts[axis], border)
        for axis in range(1, len(shape))
        if any(amounts[axis])
    }
    return MirrorPad(places)


def _mirrored(size: int, before: int, after: int, border: int) -> Tensor:
    first = torch.arange(before - 1, -1, -1) + border
    last = size - 1 - border - torch.arange(after)
    return torch.cat([first, torch.arange(size), last])


def _amounts(site: Site) -> list[tuple[int, int]]:
    """Padding before and after each axis."""
    shape, flat = site.input(0).shape, site.integers(1)
    if len(flat) != 2 * len(shape) or any(not 0 <= amount < 1 << 15 for amount in flat):
        site.fail(f"pads a tensor of {len(shape)} axes by {flat}")
    if flat[0] or flat[1]:
        site.fail("pads the first axis, which counts images")
    amounts = list(zip(flat[::2], flat[1::2], strict=True))
    site.gives([size + sum(pair) for size, pair in zip(shape, amounts, strict=True)])
    site.passes()
    return amounts
