"""Convolutions and the fully connected layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import DoubleStage, OutputStage
from auditkit.models.tflite.layout import from_file_order, same_padding, to_file_order
from auditkit.models.tflite.site import Site

# float32 holds every integer up to here; a sum that stays below is exact in any order.
_EXACT = 1 << 24
_SAME, _VALID = 0, 1


@dataclass(frozen=True)
class Window:
    """Where the windows of a convolution or a pool lie: (left, right, top, bottom) zeros."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]

    def outputs(self, size: Sequence[int], kernel: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what comes out of an image of a size; not positive if it is small."""
        left, right, top, bottom = self.padding
        padded = size[0] + top + bottom, size[1] + left + right
        height, width = (
            (padded[axis] - (kernel[axis] - 1) * self.dilation[axis] - 1) // self.stride[axis] + 1
            for axis in (0, 1)
        )
        return height, width

    def pad(self, values: Tensor, fill: float = 0.0) -> tuple[Tensor, tuple[int, int]]:
        """Pad what an operator cannot pad itself, and give the symmetric padding that is left."""
        left, right, top, bottom = self.padding
        if left == right and top == bottom:
            return values, (top, left)
        return F.pad(values, self.padding, value=fill), (0, 0)


def window_of(site: Site, kernel: tuple[int, int], dilation: tuple[int, int]) -> Window:
    """Read stride and padding of an operator with a kernel of (height, width)."""
    stride = site.positive("stride_h"), site.positive("stride_w")
    shape, kind = site.input(0).shape, site.option("padding")
    if len(shape) != 4 or kind not in (_SAME, _VALID):
        site.fail(f"has an input of shape {shape} and padding {kind}")
    if kind == _VALID:
        return Window(stride, dilation, (0, 0, 0, 0))
    vertical, horizontal = (
        same_padding(shape[1 + axis], kernel[axis], stride[axis], dilation[axis]) for axis in (0, 1)
    )
    return Window(stride, dilation, (*horizontal, *vertical))


class Convolution(nn.Module):
    """CONV_2D and DEPTHWISE_CONV_2D."""

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        window: Window,
        groups: int,
        stage: OutputStage,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias)
        self.window = window
        self.groups = groups
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Convolve (N, C, H, W)."""
        padded, padding = self.window.pad(values)
        total = F.conv2d(
            padded.to(self.weight.dtype),
            self.weight,
            self.bias,
            self.window.stride,
            padding,
            self.window.dilation,
            self.groups,
        )
        result: Tensor = self.stage(total)
        return result


class Dense(nn.Module):
    """FULLY_CONNECTED over the last axis, or over all but the first."""

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        stage: OutputStage,
        *,
        keep_dimensions: bool,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.stage = stage
        self.keep_dimensions = keep_dimensions

    def forward(self, values: Tensor) -> Tensor:
        """Multiply (N, ...) by the weights (outputs, inputs)."""
        rows = to_file_order(values).to(self.weight.dtype)
        if not self.keep_dimensions:
            rows = rows.reshape(len(values), -1)
        return from_file_order(self.stage(F.linear(rows, self.weight, self.bias)))


def build_convolution(site: Site) -> nn.Module:
    """CONV_2D, also grouped."""
    site.arity(2, 3)
    weight = site.input(1)
    channels = site.input(0).shape[-1]
    if (
        len(weight.shape) != 4
        or channels % weight.shape[3]
        or weight.shape[0] % (channels // weight.shape[3])
    ):
        site.fail(f"has weights of shape {weight.shape} for {channels} channels")
    groups = channels // weight.shape[3]
    return _convolution(site, groups, lambda values: values.transpose(0, 3, 1, 2))


def build_depthwise(site: Site) -> nn.Module:
    """DEPTHWISE_CONV_2D with any multiplier."""
    site.arity(2, 3)
    weight = site.input(1)
    channels = site.input(0).shape[-1]
    if len(weight.shape) != 4 or weight.shape[0] != 1 or weight.shape[3] % channels:
        site.fail(f"has weights of shape {weight.shape} for {channels} channels")
    return _convolution(site, channels, lambda values: values.transpose(3, 0, 1, 2))


def _convolution(
    site: Site,
    groups: int,
    reorder: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
) -> nn.Module:
    height, width = site.input(1).shape[1:3]
    dilation = site.positive("dilation_h"), site.positive("dilation_w")
    window = window_of(site, (height, width), dilation)
    source = site.input(0).shape
    site.gives((source[0], *window.outputs(source[1:3], (height, width)), site.output.shape[-1]))
    depthwise = site.record.name == "DEPTHWISE_CONV_2D"
    weight, bias, stage = _parameters(site, channel_axis=3 if depthwise else 0, spatial=True)
    return Convolution(_tensor(reorder(weight)).to(bias[1]), bias[0], window, groups, stage)


def build_dense(site: Site) -> nn.Module:
    """FULLY_CONNECTED with constant weights."""
    site.arity(2, 3)
    weight = site.input(1)
    if len(weight.shape) != 2 or site.option("weights_format"):
        site.fail(f"has weights of shape {weight.shape}, expected plain (outputs, inputs)")
    keep, source = bool(site.option("keep_num_dims")), site.input(0).shape
    rows = source[:-1] if keep else source[:1]
    if int(np.prod(source)) != int(np.prod(rows)) * weight.shape[1]:
        site.fail(f"has weights of shape {weight.shape} for an input of shape {source}")
    site.gives((*rows, weight.shape[0]))
    values, bias, stage = _parameters(site, channel_axis=0, spatial=False)
    return Dense(_tensor(values).to(bias[1]), bias[0], stage, keep_dimensions=keep)


def _tensor(values: npt.NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


def _parameters(
    site: Site,
    channel_axis: int,
    *,
    spatial: bool,
) -> tuple[npt.NDArray[np.float32], tuple[Tensor | None, torch.dtype], OutputStage]:
    """Weights in the file's order, bias with the dtype to sum in, and the output stage."""
    weight, record = site.input(1), site.optional(2)
    outputs = weight.shape[channel_axis]
    bias = None if record is None else site.constant(record)
    if outputs != site.output.shape[-1]:
        site.fail(f"has {outputs} outputs, the file says {site.output.shape[-1]}")
    if bias is not None and bias.shape != (outputs,):
        site.fail(f"has a bias of shape {bias.shape} for {outputs} outputs")
    if not site.quantised:
        real = None if record is None else torch.from_numpy(site.real(record).copy())
        return site.real(weight), (real, torch.float32), site.real_stage(site.activation)
    if record is not None and record.dtype != "INT32":
        site.fail(f"has a bias of the type {record.dtype}, expected INT32")
    values = site.centred(weight)
    dtype = _summing_type(site, values, bias, channel_axis)
    stage = _rescaling(site, channel_axis, spatial=spatial)
    summed = None if bias is None else torch.from_numpy(bias.astype(np.float64)).to(dtype)
    return values, (summed, dtype), stage


def _summing_type(
    site: Site,
    weight: npt.NDArray[np.float32],
    bias: npt.NDArray[np.int32] | None,
    channel_axis: int,
) -> torch.dtype:
    """Double precision in `ref` where a sum could pass what float32 holds exactly."""
    if site.mode != "ref":
        return torch.float32
    axes = tuple(axis for axis in range(weight.ndim) if axis != channel_axis)
    largest = (
        np.abs(weight).sum(axes, dtype=np.float64)
        * np.abs(
            site.grid(site.input(0)).limits,
        ).max()
    )
    if bias is not None:
        largest = largest + np.abs(bias.astype(np.float64))
    return torch.float32 if largest.max() < _EXACT else torch.float64


def _rescaling(site: Site, channel_axis: int, *, spatial: bool) -> OutputStage:
    source, target = site.grid(site.input(0)), site.grid(site.output)
    quantisation = site.input(1).quantisation
    assert quantisation is not None
    scale = quantisation.scale
    if scale.size > 1 and quantisation.axis != channel_axis:
        site.fail(f"has one scale per element of axis {quantisation.axis}, expected {channel_axis}")
    multiplier = (source.scale * scale / target.scale).astype(np.float64)
    exact = np.float64(source.scale) * scale.astype(np.float64) / np.float64(target.scale)
    shape = () if scale.size == 1 else (-1, 1, 1) if spatial else (-1,)
    if site.mode == "ref" and not spatial:
        return DoubleStage(target.activation_limits(site.activation), exact.reshape(shape))
    if scale.size == 1 and source.dtype == "UINT8":
        # The older kernels multiply the two scales in single precision first.
        exact = (source.scale * scale).astype(np.float64) / np.float64(target.scale)
    return site.stage(
        multiplier.reshape(shape),
        site.activation,
        reference=exact.reshape(shape),
    )
