"""CONCATENATION and PACK."""

import numpy as np
import torch
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import FakeStage, OutputStage, Rounding
from auditkit.models.tflite.layout import axis_here, from_file_order, to_file_order
from auditkit.models.tflite.schema import TensorRecord
from auditkit.models.tflite.site import Site


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


class Pack(nn.Module):
    """PACK: tensors of one shape along a new axis."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *values: Tensor) -> Tensor:
        """Stack."""
        return from_file_order(torch.stack([to_file_order(v) for v in values], self.axis))


def build_concatenation(site: Site) -> nn.Module:
    """CONCATENATION of computed tensors along any axis but the first."""
    site.arity(1, 64)
    rank = len(site.output.shape)
    axis = site.axis(site.option("axis"), rank)
    inputs = [site.input(position) for position in range(len(site.record.inputs))]
    if site.activation != "NONE":
        site.fail(f"joins with the activation {site.activation}")
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


def build_pack(site: Site) -> nn.Module:
    """PACK of computed tensors along any axis but the first."""
    site.arity(1, 64)
    inputs = [site.input(position) for position in range(len(site.record.inputs))]
    shape = list(inputs[0].shape)
    axis = site.axis(site.option("axis"), len(shape) + 1)
    if any(tensor.data is not None or tensor.shape != inputs[0].shape for tensor in inputs):
        site.fail("stacks constants or tensors of several shapes")
    if site.option("parts") != len(inputs):
        site.fail(f"stacks {len(inputs)} tensors, its options say {site.option('parts')}")
    shape.insert(axis, len(inputs))
    site.gives(shape)
    for tensor in inputs:
        _alike(site, tensor)
    return Pack(axis)


def _alike(site: Site, tensor: TensorRecord) -> None:
    if tensor.dtype != site.output.dtype:
        site.fail(f"stacks {tensor.dtype} and {site.output.dtype}")
    if site.quantised:
        site.same_grid(tensor)
