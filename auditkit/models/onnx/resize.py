"""Resize and Upsample: one matrix per axis, built from ONNX's definition of the coordinates.

PyTorch's own interpolation knows three of the seven coordinate systems and one of the four nearest
rules; as matrices all of them are a dozen lines, and differentiable.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from auditkit.models.onnx.operation import Operator, Value, integers
from auditkit.models.onnx.site import Site

Floats = npt.NDArray[np.float32]

_COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
)
_NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
_LARGEST = 1 << 24


@dataclass(frozen=True)
class Interpolation:
    """How one axis is resampled; the names are ONNX's."""

    mode: str
    coordinates: str
    nearest: str
    cubic: float
    exclude_outside: bool

    def matrix(self, size: int, count: int, scale: float) -> Floats:
        """Weights (count, size) of the inputs in each output; each row sums to 1."""
        if not 0 < size * count <= _LARGEST:
            raise ValueError("Resize to or from an absurd size")
        places = self._places(size, count, scale)
        rows = np.arange(count)
        result = np.zeros((count, size), np.float32)
        if self.mode == "nearest":
            result[rows, np.clip(self._nearest(places), 0, size - 1).astype(int)] = 1
            return result
        below = np.floor(places)
        for tap in (0, 1) if self.mode == "linear" else (-1, 0, 1, 2):
            source = below + tap
            weight = self._weight(np.abs(places - source))
            if self.exclude_outside:
                weight = np.where((source < 0) | (source >= size), 0, weight)
            np.add.at(result, (rows, np.clip(source, 0, size - 1).astype(int)), weight)
        whole: Floats = result / result.sum(1, keepdims=True)
        return whole

    def _places(self, size: int, count: int, scale: float) -> Floats:
        # In single precision, as the runtime: a place between two pixels then rounds as there.
        x, step, half = np.arange(count, dtype=np.float32), np.float32(scale), np.float32(0.5)
        if self.coordinates == "align_corners":
            return x * np.float32(size - 1) / np.float32(max(count - 1, 1))
        if self.coordinates == "asymmetric":
            return x / step
        if self.coordinates == "tf_half_pixel_for_nn":
            return (x + half) / step
        if self.coordinates == "pytorch_half_pixel" and count == 1:
            return x
        places: Floats = (x + half) / step - half
        if self.coordinates == "half_pixel_symmetric":
            places += np.float32(size / 2 * (1 - count / (scale * size)))
        return places

    def _nearest(self, places: Floats) -> Floats:
        half = np.float32(0.5)
        rules: dict[str, Floats] = {
            "round_prefer_floor": np.ceil(places - half),
            "round_prefer_ceil": np.floor(places + half),
            "floor": np.floor(places),
            "ceil": np.ceil(places),
        }
        return rules[self.nearest]

    def _weight(self, distance: Floats) -> Floats:
        if self.mode == "linear":
            return np.clip(1 - distance, 0, 1)
        # Keys, doi:10.1109/TASSP.1981.1163711, with the free parameter `cubic`.
        a, d = self.cubic, distance
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        weight: Floats = np.where(d <= 1, near, np.where(d < 2, far, 0))
        return weight


class Resize(Operator):
    """Resample the axes that change."""

    def __init__(self, how: Interpolation, axes: tuple[int, ...] | None) -> None:
        super().__init__(host=(1, 2, 3))
        self.how = how
        self.axes = axes

    def forward(self, x: Tensor, *given: Value | None) -> Tensor:
        """Resample a tensor; `given` are roi, scales and sizes, or scales alone."""
        scales, sizes = _wishes(given)
        wish = sizes if sizes is not None else scales
        axes = self.axes or tuple(range(x.ndim))
        if wish is None or len(wish) != len(axes):
            raise ValueError("Resize without one scale or size per axis")
        for axis, asked in zip(axes, wish, strict=True):
            size = x.shape[axis]
            count = int(asked) if sizes is not None else math.floor(size * asked)
            # A size recorded for one image leaves the batch alone.
            batch = sizes is not None and axis % x.ndim == 0 and count == 1
            if count != size and not batch:
                x = self._along(x, axis, count, count / size if sizes is not None else asked)
        return x

    def _along(self, x: Tensor, axis: int, count: int, scale: float) -> Tensor:
        matrix = self.how.matrix(x.shape[axis], count, scale)
        weights = torch.from_numpy(matrix).to(device=x.device, dtype=x.dtype)
        return (x.movedim(axis, -1) @ weights.T).movedim(-1, axis)


def _wishes(given: tuple[Value | None, ...]) -> tuple[list[float] | None, list[int] | None]:
    if len(given) == 1:
        return _numbers(given[0]), None
    sizes = given[2] if len(given) > 2 else None
    if sizes is not None and np.asarray(sizes).size:
        return None, integers(sizes)
    return _numbers(given[1]), None


def _numbers(value: Value | None) -> list[float] | None:
    if isinstance(value, Tensor):
        raise TypeError("a scale depends on the content of the picture")
    return None if value is None else [float(number) for number in value.ravel()]


def build_resize(site: Site) -> Operator:
    """Resize of opset 10 and later, and Upsample."""
    old = site.node.operator == "Upsample" or site.node.version < 11
    usual = "asymmetric" if old else "half_pixel"
    mode = site.text("mode", "nearest", ("nearest", "linear", "cubic"))
    site.only("antialias", 0)
    site.only("keep_aspect_ratio_policy", "stretch")
    how = Interpolation(
        mode,
        site.text("coordinate_transformation_mode", usual, _COORDINATES),
        site.text("nearest_mode", "floor" if old else "round_prefer_floor", _NEAREST),
        site.real("cubic_coeff_a", -0.75),
        bool(site.integer("exclude_outside", 0)),
    )
    if site.node.operator == "Upsample" and site.node.version < 9:
        site.fail("is of an opset before 9; export the model again")
    return Resize(how, site.list("axes"))
