"""Operators that only move numbers: reshape, transpose, join, expand, pad."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from auditkit.models.onnx.operation import Operator, Value, integers
from auditkit.models.onnx.site import Site
from auditkit.models.onnx.tensors import Array

_PADS = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
_LONGEST_RANGE = 1 << 20


def build_flatten(site: Site) -> Operator:
    """Flatten into a matrix."""
    return Operator(partial(_flatten, axis=site.integer("axis", 1)))


def _flatten(x: Tensor, axis: int) -> Tensor:
    if not -x.ndim <= axis <= x.ndim:
        raise ValueError(f"Flatten at axis {axis} of {x.ndim}")
    axis += x.ndim if axis < 0 else 0
    rows = math.prod(x.shape[:axis])
    return x.reshape(rows, math.prod(x.shape[axis:]))


def build_squeeze(site: Site) -> Operator:
    """Squeeze axes of one."""
    return Operator(partial(_squeeze, axes=site.list("axes")), host=(1,))


def _squeeze(x: Tensor, given: Value | None = None, *, axes: tuple[int, ...] | None) -> Tensor:
    wanted = tuple(integers(given)) if given is not None else axes
    if wanted is None:
        return x.squeeze()
    if any(x.shape[axis] != 1 for axis in wanted):
        raise ValueError("Squeeze of an axis that is not one")
    return x.squeeze(wanted)


def build_unsqueeze(site: Site) -> Operator:
    """Unsqueeze: new axes of one, counted in the result."""
    return Operator(partial(_unsqueeze, axes=site.list("axes")), host=(1,))


def _unsqueeze(x: Tensor, given: Value | None = None, *, axes: tuple[int, ...] | None) -> Tensor:
    wanted = integers(given) if given is not None else list(axes or ())
    rank = x.ndim + len(wanted)
    for axis in sorted(axis + rank if axis < 0 else axis for axis in wanted):
        x = x.unsqueeze(axis)
    return x


def build_transpose(site: Site) -> Operator:
    """Transpose; without a permutation the axes are reversed."""
    return Operator(partial(_transpose, axes=site.list("perm")))


def _transpose(x: Tensor, axes: tuple[int, ...] | None) -> Tensor:
    return x.permute(axes if axes is not None else tuple(reversed(range(x.ndim))))


def build_join(site: Site) -> Operator:
    """Concat; a stored part such as a class token is repeated for each image."""
    if "axis" not in site.node.attributes:
        site.fail("lacks its axis")
    stored = tuple(site.constant(place) is not None for place in range(len(site.node.inputs)))
    return Operator(partial(_join, axis=site.integer("axis", 0), stored=stored))


def _join(*parts: Tensor, axis: int, stored: tuple[bool, ...]) -> Tensor:
    shape = next((part.shape for part, kept in zip(parts, stored, strict=True) if not kept), None)
    if shape is not None and len(shape) > 1:
        parts = tuple(
            _repeated(part, shape, axis) if kept else part
            for part, kept in zip(parts, stored, strict=True)
        )
    return torch.cat(parts, axis)


def _repeated(part: Tensor, shape: Sequence[int], axis: int) -> Tensor:
    axis %= len(shape)
    sizes = [-1 if place == axis else size for place, size in enumerate(shape)]
    return part.expand(sizes)


def build_expand(site: Site) -> Operator:
    """Expand: broadcast to a shape."""
    del site
    return Operator(_expand, host=(1,))


def _expand(x: Tensor, shape: Value) -> Tensor:
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(integers(shape))))


def build_tile(site: Site) -> Operator:
    """Tile: repeat along each axis."""
    del site
    return Operator(_tile, host=(1,))


def _tile(x: Tensor, repeats: Value) -> Tensor:
    return x.repeat(integers(repeats))


def build_pad(site: Site) -> Operator:
    """Pad by a constant, by reflection, by the edge, or around."""
    mode = _PADS[site.text("mode", "constant", tuple(_PADS))]
    pads, value = site.list("pads"), site.real("value", 0.0)
    return Operator(partial(_pad, mode=mode, pads=pads, value=value), host=(1, 2, 3))


def _pad(
    x: Tensor,
    given: Value | None = None,
    filling: Value | None = None,
    axes: Value | None = None,
    *,
    mode: str,
    pads: tuple[int, ...] | None,
    value: float,
) -> Tensor:
    amounts = integers(given) if given is not None else list(pads or ())
    wanted = integers(axes) if axes is not None else list(range(x.ndim))
    if len(amounts) != 2 * len(wanted):
        raise ValueError("Pad with another number of amounts than axes")
    flat = [0] * (2 * x.ndim)
    for place, axis in enumerate(wanted):
        # PyTorch counts from the last axis.
        start = 2 * (x.ndim - 1 - axis % x.ndim)
        flat[start : start + 2] = amounts[place], amounts[place + len(wanted)]
    if mode != "constant":
        return _pad_by_content(x, flat, mode)
    filled = value if filling is None else float(np.asarray(filling).reshape(-1)[0])
    return F.pad(x, flat, value=filled)


def _pad_by_content(x: Tensor, flat: list[int], mode: str) -> Tensor:
    if any(flat[2 * (x.ndim - 2) :]):
        raise ValueError("Pad of images or channels by their content")
    return F.pad(x, flat[: 2 * (x.ndim - 2)], mode=mode)


def build_shape(site: Site) -> Operator:
    """Shape, or a part of it, as an array on the host."""
    start, end = site.integer("start", 0), site.node.attributes.get("end")
    return Operator(partial(_shape, start=start, end=end))


def _shape(x: Tensor, start: int, end: int | None) -> Array:
    return np.array(x.shape[start:end], np.int64)


def build_size(site: Site) -> Operator:
    """Size: how many numbers."""
    del site
    return Operator(_size)


def _size(x: Tensor) -> Array:
    return np.array(x.numel(), np.int64)


def build_filled(site: Site) -> Operator:
    """ConstantOfShape."""
    value: Any = site.node.attributes.get("value")
    filling = np.zeros(1, np.float32) if value is None else np.asarray(value).reshape(-1)
    if filling.size != 1:
        site.fail("fills with more than one number")
    return Operator(partial(_filled, filling=filling), host=(0,))


def _filled(shape: Value, filling: Array) -> Tensor:
    return torch.from_numpy(filling.copy()).expand(integers(shape))


def build_range(site: Site) -> Operator:
    """Range of whole or real numbers."""
    del site
    return Operator(_range, host=(0, 1, 2))


def _range(start: Array, limit: Array, delta: Array) -> Tensor:
    begin, end, step = (np.asarray(value).item() for value in (start, limit, delta))
    if not step or not abs((end - begin) / step) < _LONGEST_RANGE:
        raise ValueError("Range of absurd length")
    return torch.from_numpy(np.arange(begin, end, step, dtype=start.dtype))


def build_depth(site: Site) -> Operator:
    """DepthToSpace and SpaceToDepth."""
    size = site.integer("blocksize", 0)
    if not 0 < size < 1 << 10:
        site.fail(f"has blocksize = {size}, which should be a small positive number")
    if site.node.operator == "SpaceToDepth":
        return Operator(partial(_to_depth, size=size))
    rows = site.text("mode", "DCR", ("DCR", "CRD")) == "CRD"
    return Operator(
        partial(F.pixel_shuffle, upscale_factor=size) if rows else partial(_to_space, size=size)
    )


def _to_space(x: Tensor, size: int) -> Tensor:
    n, channels, height, width = x.shape
    blocks = x.reshape(n, size, size, channels // size**2, height, width)
    moved = blocks.permute(0, 3, 4, 1, 5, 2)
    return moved.reshape(n, channels // size**2, height * size, width * size)


def _to_depth(x: Tensor, size: int) -> Tensor:
    n, channels, height, width = x.shape
    blocks = x.reshape(n, channels, height // size, size, width // size, size)
    moved = blocks.permute(0, 3, 5, 1, 2, 4)
    return moved.reshape(n, channels * size**2, height // size, width // size)
