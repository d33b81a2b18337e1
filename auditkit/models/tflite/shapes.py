"""Operators that move values and do not change them: RESHAPE, TRANSPOSE, PAD, CONCATENATION."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import FakeStage, OutputStage, Rounding
from auditkit.models.tflite.layout import axis_here, from_file_order, to_file_order
from auditkit.models.tflite.site import Site


class Reshape(nn.Module):
    """RESHAPE, SQUEEZE and EXPAND_DIMS: every image to one shape of the file's order."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, values: Tensor) -> Tensor:
        """Reshape (N, ...)."""
        return from_file_order(to_file_order(values).reshape(len(values), *self.shape))


class Transpose(nn.Module):
    """TRANSPOSE of the axes after the first."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, values: Tensor) -> Tensor:
        """Permute."""
        return from_file_order(to_file_order(values).permute(self.axes))


class Pad(nn.Module):
    """PAD with zeros, which are centred codes of zero as well."""

    def __init__(self, padding: tuple[int, ...]) -> None:
        super().__init__()
        self.padding = padding

    def forward(self, values: Tensor) -> Tensor:
        """Pad every axis but the first."""
        return F.pad(values, self.padding)


class Concatenation(nn.Module):
    """CONCATENATION; an input on another grid is rescaled first."""

    def __init__(self, axis: int, stages: list[OutputStage | None]) -> None:
        super().__init__()
        self.axis = axis
        self.stages = nn.ModuleList([stage or nn.Identity() for stage in stages])

    def forward(self, *values: Tensor) -> Tensor:
        """Join."""
        parts = [
            # A stage overwrites what it is given, and others may read the input.
            part if isinstance(stage, nn.Identity) else stage(part.clone())
            for part, stage in zip(values, self.stages, strict=True)
        ]
        return torch.cat(parts, self.axis)


def build_reshape(site: Site) -> nn.Module:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the shape recorded for the output counts, not the input's."""
    source, output = site.input(0), site.output
    if len(site.record.outputs) != 1 or not source.shape or not output.shape:
        site.fail(f"turns the shape {source.shape} into {output.shape}")
    if source.shape[0] != output.shape[0] or np.prod(source.shape) != np.prod(output.shape):
        site.fail(
            f"turns the shape {source.shape} into {output.shape}; the first axis, which counts "
            "images, must stay",
        )
    _same_kind(site)
    return Reshape(output.shape[1:])


def build_transpose(site: Site) -> nn.Module:
    """TRANSPOSE that keeps the first axis."""
    site.arity(2)
    axes = tuple(site.integers(1))
    if sorted(axes) != list(range(len(site.input(0).shape))) or axes[0] != 0:
        site.fail(f"permutes the axes as {axes}; the first, which counts images, must stay")
    site.gives([site.input(0).shape[axis] for axis in axes])
    _same_kind(site)
    return Transpose(axes)


def build_pad(site: Site) -> nn.Module:
    """PAD with zeros."""
    site.arity(2)
    rank, amounts = len(site.input(0).shape), site.integers(1)
    if len(amounts) != 2 * rank or any(not 0 <= amount < 1 << 15 for amount in amounts):
        site.fail(f"pads a tensor of {rank} axes by {amounts}")
    if amounts[0] or amounts[1]:
        site.fail("pads the first axis, which counts images")
    shape = site.input(0).shape
    site.gives([shape[axis] + sum(amounts[2 * axis : 2 * axis + 2]) for axis in range(rank)])
    _same_kind(site)
    here = {axis_here(axis, rank): amounts[2 * axis : 2 * axis + 2] for axis in range(rank)}
    # PyTorch counts from the last axis.
    return Pad(tuple(amount for axis in range(rank - 1, 0, -1) for amount in here[axis]))


def build_concatenation(site: Site) -> nn.Module:
    """CONCATENATION of computed tensors along any axis but the first."""
    site.arity(1, 64)
    rank, axis = len(site.output.shape), site.option("axis")
    axis += rank if axis < 0 else 0
    inputs = [site.input(position) for position in range(len(site.record.inputs))]
    if not 0 < axis < rank or site.activation != "NONE":
        site.fail(f"joins along axis {axis} with the activation {site.activation}")
    if any(tensor.data is not None or tensor.dtype != inputs[0].dtype for tensor in inputs):
        site.fail("joins constants or tensors of several types, which the reader does not know")
    sizes = [tensor.shape[axis] for tensor in inputs]
    joined = list(inputs[0].shape)
    joined[axis] = sum(sizes)
    site.gives(joined)
    if any((*t.shape[:axis], *t.shape[axis + 1 :]) != _others(site, axis) for t in inputs):
        site.fail(f"joins the shapes {[tensor.shape for tensor in inputs]}")
    if not site.quantised:
        return Concatenation(axis_here(axis, rank), [None] * len(inputs))
    target = site.grid(site.output)
    stages = [
        None
        if site.grid(tensor) == target
        else _regrid(site, site.grid(tensor).scale / target.scale)
        for tensor in inputs
    ]
    return Concatenation(axis_here(axis, rank), stages)


def _others(site: Site, axis: int) -> tuple[int, ...]:
    shape = site.output.shape
    return (*shape[:axis], *shape[axis + 1 :])


def _regrid(site: Site, ratio: np.float32) -> OutputStage:
    # The reference kernel computes this one in floating point as well.
    rounding: Rounding = "none" if site.mode == "float" else "away"
    limits = site.grid(site.output).limits
    return FakeStage(limits, np.array(ratio), rounding, masked=site.masked)


def _same_kind(site: Site) -> None:
    if site.quantised:
        site.same_grid(site.input(0))
