"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR.

The three conventions of where the cells of two grids lie (legacy, aligned corners, half-pixel
centres) are TFLite's; torch's own interpolation knows two of them.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage, through
from auditkit.models.tflite.site import Site

_EXACT_BITS, _QUICK_BITS = 10, 11


@dataclass(frozen=True)
class Axis:
    """Where each output cell of one axis lies: between two input cells, with a share of the second.

    `share` is a fraction, or an integer with some fractional bits.
    """

    lower: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]
    share: npt.NDArray[np.float64]


Plane: TypeAlias = tuple[Axis, Axis]


class Nearest(nn.Module):
    """RESIZE_NEAREST_NEIGHBOR; codes stay codes."""

    rows: Tensor
    columns: Tensor

    def __init__(self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> None:
        super().__init__()
        self.register_buffer("rows", torch.from_numpy(rows))
        self.register_buffer("columns", torch.from_numpy(columns))

    def forward(self, values: Tensor) -> Tensor:
        """Resize (N, C, H, W)."""
        return values.index_select(2, self.rows).index_select(3, self.columns)


class Bilinear(nn.Module):
    """RESIZE_BILINEAR: a weighted mean of four cells; `one` is the weight of all together.

    Where the weights are integers, so is the sum, and the output stage divides and rounds.
    """

    lower_rows: Tensor
    upper_rows: Tensor
    row_share: Tensor
    lower_columns: Tensor
    upper_columns: Tensor
    column_share: Tensor

    def __init__(self, plane: Plane, one: int, stage: OutputStage) -> None:
        super().__init__()
        for name, axis in zip(("row", "column"), plane, strict=True):
            self.register_buffer(f"lower_{name}s", torch.from_numpy(axis.lower))
            self.register_buffer(f"upper_{name}s", torch.from_numpy(axis.upper))
            share = torch.from_numpy(axis.share).to(torch.float32)
            self.register_buffer(f"{name}_share", share[:, None] if name == "row" else share)
        self.one = one
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Resize (N, C, H, W)."""
        result: Tensor = self.stage(self.mean(values))
        return result

    def mean(self, values: Tensor) -> Tensor:
        """Weigh the four cells."""
        top, bottom = self._rows(values)
        left, right = (
            self._blend(top.index_select(3, index), bottom.index_select(3, index), self.row_share)
            for index in (self.lower_columns, self.upper_columns)
        )
        return self._blend(left, right, self.column_share)

    def _rows(self, values: Tensor) -> tuple[Tensor, Tensor]:
        return values.index_select(2, self.lower_rows), values.index_select(2, self.upper_rows)

    def _blend(self, first: Tensor, second: Tensor, share: Tensor) -> Tensor:
        if self.one == 1:
            return torch.lerp(first, second, share)
        return first * (self.one - share) + second * share

    def weighed(self, values: Tensor) -> Tensor:
        """Weigh the four cells in the order in which TFLite does, which matters to the last bit."""
        total = torch.zeros(())
        row, column = self.row_share, self.column_share
        for columns, across in ((self.lower_columns, 1 - column), (self.upper_columns, column)):
            for cells, down in zip(self._rows(values), (1 - row, row), strict=True):
                total = total + cells.index_select(3, columns) * down * across
        return total


class RoundedBilinear(Bilinear):
    """RESIZE_BILINEAR on codes: integer weights, and half a step before the bits are dropped.

    TFLite rounds the stored code, whose zero may lie elsewhere than that of the centred one.
    """

    def __init__(self, plane: Plane, bits: int, zero_point: int, *, ties_away: bool) -> None:
        super().__init__(plane, 1 << bits, OutputStage((-np.inf, np.inf)))
        self.bits = bits
        self.zero_point = zero_point
        self.ties_away = ties_away

    def forward(self, values: Tensor) -> Tensor:
        """Resize centred codes (N, C, H, W)."""
        stored = values.detach() + self.zero_point
        if self.bits:
            codes = self.mean(stored.to(torch.float64)) / (1 << 2 * self.bits)
        else:
            codes = self.weighed(stored)
        upwards = (codes.abs() if self.ties_away else codes) + 0.5
        rounded = upwards.floor_().copysign_(codes)
        centred = rounded.sub_(self.zero_point).to(torch.float32)
        if not values.requires_grad:
            return centred
        return through(self.mean(values) / (1 << 2 * self.bits), centred)


def build_nearest(site: Site) -> nn.Module:
    """RESIZE_NEAREST_NEIGHBOR."""
    sizes = _sizes(site)
    site.passes()
    aligned, half = (bool(site.option(n)) for n in ("align_corners", "half_pixel_centers"))
    return Nearest(*(_nearest(*pair, aligned=aligned, half=half) for pair in sizes))


def build_bilinear(site: Site) -> nn.Module:
    """RESIZE_BILINEAR."""
    sizes = _sizes(site)
    site.passes()
    aligned, half = (bool(site.option(n)) for n in ("align_corners", "half_pixel_centers"))
    if aligned and half:
        site.fail("aligns corners and centres at once, which it cannot")
    rows, columns = (_between(*pair, aligned=aligned, half=half) for pair in sizes)
    if not site.quantised or site.mode == "float":
        return Bilinear((rows, columns), 1, OutputStage((-np.inf, np.inf)))
    grid = site.grid(site.source)
    if site.mode != "ref":
        quick = _whole(rows, _QUICK_BITS), _whole(columns, _QUICK_BITS)
        return RoundedBilinear(quick, _QUICK_BITS, grid.zero_point, ties_away=False)
    if not grid.signed:
        # The kernel for bytes weighs in single precision, as that for real numbers does.
        return RoundedBilinear((rows, columns), 0, grid.zero_point, ties_away=False)
    rows, columns = (_between_integers(*pair, aligned=aligned, half=half) for pair in sizes)
    return RoundedBilinear((rows, columns), _EXACT_BITS, grid.zero_point, ties_away=True)


def _whole(axis: Axis, bits: int) -> Axis:
    return Axis(axis.lower, axis.upper, np.rint(axis.share * (1 << bits)))


def _sizes(site: Site) -> list[tuple[int, int]]:
    """Input and output size of the rows and of the columns."""
    site.arity(2)
    source, output = site.source.shape, site.output.shape
    if len(source) != 4 or len(output) != 4:
        site.fail(f"turns the shape {source} into {output}, expected four axes")
    wanted = output[1:3] if site.optional(1) is None else tuple(site.integers(1))
    if len(wanted) != 2:
        site.fail(f"resizes to {wanted}")
    site.gives((source[0], *wanted, source[3]))
    return list(zip(source[1:3], output[1:3], strict=True))


def _ratio(size: int, outputs: int, *, aligned: bool) -> np.float32:
    if aligned and outputs > 1:
        return np.float32(size - 1) / np.float32(outputs - 1)
    return np.float32(size) / np.float32(outputs)


def _nearest(size: int, outputs: int, *, aligned: bool, half: bool) -> npt.NDArray[np.int64]:
    places = np.arange(outputs, dtype=np.float32) + np.float32(0.5 if half else 0)
    scaled = places * _ratio(size, outputs, aligned=aligned)
    whole = np.floor(scaled + np.float32(0.5)) if aligned else np.floor(scaled)
    found: npt.NDArray[np.int64] = np.clip(whole.astype(np.int64), 0, size - 1)
    return found


def _between(size: int, outputs: int, *, aligned: bool, half: bool) -> Axis:
    ratio, cells = _ratio(size, outputs, aligned=aligned), np.arange(outputs, dtype=np.float32)
    offset = np.float32(0.5)
    places = (cells + offset) * ratio - offset if half else cells * ratio
    lower = np.maximum(np.floor(places), 0)
    upper = np.minimum(np.ceil(places), size - 1)
    return Axis(lower.astype(np.int64), upper.astype(np.int64), (places - lower).astype(np.float64))


def _between_integers(size: int, outputs: int, *, aligned: bool, half: bool) -> Axis:
    one = 1 << _EXACT_BITS
    if aligned and outputs > 1:
        ratio = (one * (size - 1) + (outputs - 1) // 2) // (outputs - 1)
    else:
        ratio = (one * size + outputs // 2) // outputs
    cells = np.arange(outputs, dtype=np.int64)
    places = cells * ratio + (ratio // 2 - one // 2 if half else 0)
    lower = np.maximum(_truncated(places, one), 0)
    upper = np.minimum(_truncated(places + one - 1, one), size - 1)
    return Axis(lower, upper, (places - one * lower).astype(np.float64))


def _truncated(values: npt.NDArray[np.int64], divisor: int) -> npt.NDArray[np.int64]:
    whole: npt.NDArray[np.int64] = np.sign(values) * (np.abs(values) // divisor)
    return whole
