"""SLICE, STRIDED_SLICE, SPLIT, UNPACK, GATHER and REVERSE_V2: parts of a tensor."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from auditkit.models.tflite.layout import axis_here, from_file_order, to_file_order
from auditkit.models.tflite.site import Site


class Cut(nn.Module):
    """SLICE and STRIDED_SLICE: places along each axis of the file's order, some axes dropped.

    Args:
        parts: begin, end and step (not 0) of each axis, begin and end inside the axis.
        dropped: axes of one place that the result does not have.
    """

    def __init__(self, parts: tuple[range, ...], dropped: tuple[int, ...]) -> None:
        super().__init__()
        self.slices = tuple(
            slice(part.start, part.stop, part.step)
            if part.step > 0
            else slice(part[-1], part[0] + 1, -part.step)
            for part in parts
        )
        self.flipped = tuple(axis for axis, part in enumerate(parts) if part.step < 0)
        self.dropped = dropped

    def forward(self, values: Tensor) -> Tensor:
        """Cut out."""
        found = to_file_order(values)[(slice(None), *self.slices[1:])]
        if self.flipped:
            # PyTorch has no negative steps.
            found = found.flip(self.flipped)
        for axis in reversed(self.dropped):
            found = found.select(axis, 0)
        return from_file_order(found)


class Split(nn.Module):
    """SPLIT and SPLIT_V: neighbouring parts along one axis."""

    def __init__(self, axis: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.axis = axis
        self.sizes = sizes

    def forward(self, values: Tensor) -> tuple[Tensor, ...]:
        """Split."""
        return values.split_with_sizes(self.sizes, self.axis)


class Unpack(nn.Module):
    """UNPACK: every place along an axis of the file's order."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, values: Tensor) -> tuple[Tensor, ...]:
        """Take apart."""
        return tuple(from_file_order(part) for part in to_file_order(values).unbind(self.axis))


class Gather(nn.Module):
    """GATHER of stored places; one place alone drops the axis."""

    places: Tensor

    def __init__(self, axis: int, places: Tensor) -> None:
        super().__init__()
        self.axis = axis
        self.register_buffer("places", places)

    def forward(self, values: Tensor) -> Tensor:
        """Gather along an axis of the file's order."""
        found = to_file_order(values).index_select(self.axis, self.places.reshape(-1))
        return from_file_order(found.squeeze(self.axis) if self.places.dim() == 0 else found)


class Reverse(nn.Module):
    """REVERSE_V2 of axes of the file's order."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, values: Tensor) -> Tensor:
        """Reverse."""
        return from_file_order(to_file_order(values).flip(self.axes))


def build_slice(site: Site) -> nn.Module:
    """SLICE with stored places."""
    site.arity(3)
    shape, begins, sizes = site.input(0).shape, site.integers(1), site.integers(2)
    if not len(shape) == len(begins) == len(sizes):
        site.fail(f"cuts {sizes} at {begins} out of the shape {shape}")
    # -1 means up to the end.
    ends = [
        length if size == -1 else begin + size
        for begin, size, length in zip(begins, sizes, shape, strict=True)
    ]
    inside = all(0 <= b < e <= n for b, e, n in zip(begins, ends, shape, strict=True))
    if not inside:
        site.fail(f"cuts {sizes} at {begins} out of the shape {shape}")
    return _cut(site, tuple(range(b, e) for b, e in zip(begins, ends, strict=True)), ())


def build_strided_slice(site: Site) -> nn.Module:
    """STRIDED_SLICE with stored places, also backwards."""
    site.arity(4)
    shape = site.input(0).shape
    begins, ends, strides = (site.integers(position) for position in (1, 2, 3))
    if not len(begins) == len(ends) == len(strides) <= len(shape) or 0 in strides:
        site.fail(f"cuts from {begins} to {ends} by {strides} out of the shape {shape}")
    if site.option("ellipsis_mask") or site.option("new_axis_mask"):
        site.fail("cuts with an ellipsis or a new axis, which the reader does not know")
    if site.option("offset"):
        ends = [begin + end for begin, end in zip(begins, ends, strict=True)]
    parts, dropped = [], []
    for axis, size in enumerate(shape):
        if axis >= len(begins):
            parts.append(range(size))
        elif site.option("shrink_mask") >> axis & 1:
            place = begins[axis] + (size if begins[axis] < 0 else 0)
            parts.append(range(place, place + 1) if 0 <= place < size else range(0))
            dropped.append(axis)
        else:
            begin = None if site.option("begin_mask") >> axis & 1 else begins[axis]
            end = None if site.option("end_mask") >> axis & 1 else ends[axis]
            parts.append(range(size)[begin : end : strides[axis]])
    return _cut(site, tuple(parts), tuple(dropped))


def _cut(site: Site, parts: tuple[range, ...], dropped: tuple[int, ...]) -> nn.Module:
    shape = site.input(0).shape
    if not all(parts) or len(parts[0]) != shape[0] or parts[0].step < 0 or 0 in dropped:
        site.fail(f"cuts {parts} out of the shape {shape}; the first axis must stay whole")
    site.gives([len(part) for axis, part in enumerate(parts) if axis not in dropped])
    site.passes()
    return Cut(parts, dropped)


def build_split(site: Site) -> nn.Module:
    """SPLIT into equal parts, SPLIT_V into parts of stored sizes."""
    equal = site.record.name == "SPLIT"
    site = replace(site, main=1 if equal else 0)
    results = site.parts(2 if equal else 3)
    shape, axes = site.source.shape, site.integers(0 if equal else 2)
    if len(axes) != 1:
        site.fail(f"splits along the axes {axes}")
    axis = site.axis(axes[0], len(shape))
    count = len(results)
    sizes = [shape[axis] // count] * count if equal else site.integers(1)
    if -1 in sizes:
        sizes[sizes.index(-1)] = shape[axis] - sum(sizes) - 1
    if (
        site.option("parts") != count
        or len(sizes) != count
        or sum(sizes) != shape[axis]
        or min(sizes) < 1
    ):
        site.fail(f"splits the shape {shape} into {sizes} for {count} outputs")
    expected = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    if [result.shape for result in results] != expected:
        site.fail(f"gives the shapes {expected}, the file says otherwise")
    site.passes()
    return Split(axis_here(axis, len(shape)), tuple(sizes))


def build_unpack(site: Site) -> nn.Module:
    """UNPACK along any axis but the first."""
    results = site.parts(1)
    shape = site.input(0).shape
    axis = site.axis(site.option("axis"), len(shape))
    if not len(results) == site.option("parts") == shape[axis]:
        site.fail(f"takes the shape {shape} apart into {len(results)} along axis {axis}")
    site.gives((*shape[:axis], *shape[axis + 1 :]))
    site.passes()
    return Unpack(axis)


def build_gather(site: Site) -> nn.Module:
    """GATHER of stored places along any axis but the first."""
    site.arity(2)
    shape, places = site.input(0).shape, site.integers(1)
    axis = site.axis(site.option("axis"), len(shape))
    if site.option("batch_dims") or len(site.input(1).shape) > 1:
        site.fail("gathers for each image or along several axes, which the reader does not know")
    if not all(0 <= place < shape[axis] for place in places):
        site.fail(f"gathers {places[:8]} from an axis of {shape[axis]}")
    site.gives((*shape[:axis], *site.input(1).shape, *shape[axis + 1 :]))
    site.passes()
    return Gather(axis, torch.tensor(places).reshape(site.input(1).shape))


def build_reverse(site: Site) -> nn.Module:
    """REVERSE_V2 of any axes but the first."""
    site.arity(2)
    shape = site.input(0).shape
    axes = tuple(sorted({site.axis(axis, len(shape)) for axis in site.integers(1)}))
    site.gives(shape)
    site.passes()
    return Reverse(axes)
