"""Layers that only move numbers: Concat, Slice, Split, Flatten and Reshape."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from auditkit.models.caffe.definition import Options, Shape
from auditkit.models.caffe.site import Built, Site


class Concat(nn.Module):
    """Blobs one after the other along an axis."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *blobs: Tensor) -> Tensor:
        """Join the blobs."""
        return torch.cat(blobs, self.axis)


def _named_axis(site: Site, options: Options, old: str) -> int:
    chosen = options.get(old, 1) if options.has(old) else options.get("axis", 1)
    return site.axis(chosen, len(site.shapes[0]))


def concat(site: Site) -> Built:
    """Build a Concat."""
    axis = _named_axis(site, site.options("concat_param"), "concat_dim")
    rests = {(len(shape), shape[:axis], shape[axis + 1 :]) for shape in site.shapes}
    if len(rests) != 1 or len(site.layer.tops) != 1:
        site.fail(f"joins blobs of shapes {site.shapes[:8]} along axis {axis}")
    first = site.shapes[0]
    joined = (*first[:axis], sum(shape[axis] for shape in site.shapes), *first[axis + 1 :])
    return Built(Concat(axis), site.checked(joined))


class Slice(nn.Module):
    """Parts of a blob along an axis."""

    def __init__(self, axis: int, sizes: list[int]) -> None:
        super().__init__()
        self.axis, self.sizes = axis, sizes

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Cut the blob."""
        return torch.split(x, self.sizes, self.axis)


def slices(site: Site) -> Built:
    """Build a Slice, at given points or into equal parts."""
    options, count = site.options("slice_param"), len(site.layer.tops)
    axis = _named_axis(site, options, "slice_dim")
    shape, points = site.shapes[0], options.numbers("slice_point")
    if not points and shape[axis] % count == 0:
        points = list(range(shape[axis] // count, shape[axis], shape[axis] // count))
    sizes = [stop - start for start, stop in pairwise([0, *points, shape[axis]])]
    if len(sizes) != count or len(site.shapes) != 1 or min(sizes) < 1:
        site.fail(f"cuts {shape} along axis {axis} at {points[:20]} for {count} tops")
    cut = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    return Built(Slice(axis, sizes), tuple(cut))


class Split(nn.Module):
    """The same blob, several times."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Repeat the blob."""
        return (x,) * self.count


def split(site: Site) -> Built:
    """Build a Split."""
    count = len(site.layer.tops)
    return Built(Split(count), site.shapes[:1] * count)


class Reshape(nn.Module):
    """The same numbers in another shape, image by image."""

    def __init__(self, sizes: Shape) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, ...) anew."""
        return x.reshape(len(x), *self.sizes)


def flatten(site: Site) -> Built:
    """Build a Flatten."""
    options, shape = site.options("flatten_param"), site.only_shape()
    start = site.axis(options.get("axis", 1), len(shape))
    stop = site.axis(options.get("end_axis", -1), len(shape)) + 1
    if stop <= start:
        site.fail(f"flattens axes {start} to {stop - 1} of a blob of shape {shape}")
    flat = (*shape[:start], math.prod(shape[start:stop]), *shape[stop:])
    return Built(Reshape(flat[1:]), (flat,))


def reshape(site: Site) -> Built:
    """Build a Reshape; sizes of 0 are kept, one of -1 is what remains."""
    options, shape = site.options("reshape_param"), site.only_shape()
    axis, count = options.get("axis", 0), options.get("num_axes", -1)
    start = axis if axis >= 0 else len(shape) + axis + 1
    stop = len(shape) if count == -1 else start + count
    if not 0 <= start <= stop <= len(shape):
        site.fail(f"shapes {count} axes from {axis} on of a blob of shape {shape}")
    kept = shape[start:stop]
    sizes = options.shape("shape")
    if any(size == 0 and place >= len(kept) for place, size in enumerate(sizes)):
        site.fail(f"keeps an axis that a blob of shape {shape} does not have")
    sizes = [size or kept[place] for place, size in enumerate(sizes)]
    target = _inferred(site, [*shape[:start], *sizes, *shape[stop:]], math.prod(shape))
    if target[:1] != shape[:1]:
        site.fail(
            f"shapes {shape} as {target}, expected the images of a batch to stay apart: the first "
            "size must be 0 or that of the input",
        )
    return Built(Reshape(target[1:]), (target,))


def _inferred(site: Site, sizes: list[int], total: int) -> Shape:
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known > 0 and total % known == 0:
        sizes = [total // known if size == -1 else size for size in sizes]
    if min(sizes) < 1 or math.prod(sizes) != total or len(sizes) > 32:
        site.fail(f"shapes {total} numbers as {sizes[:8]}")
    return tuple(sizes)
