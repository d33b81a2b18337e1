"""Convolutions and the fully connected layer."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage
from auditkit.models.tflite.hybrid import Hybrid, HybridRows, hybrid_kind
from auditkit.models.tflite.layout import from_file_order, to_file_order
from auditkit.models.tflite.site import Site
from auditkit.models.tflite.weights import parameters
from auditkit.models.tflite.window import Window, window_of

Floats: TypeAlias = npt.NDArray[np.float32]


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
    wanted = channels * site.option("multiplier")
    # Some writers leave the multiplier out; the weights say it as well.
    fits = len(weight.shape) == 4 and weight.shape[3] % channels == 0
    if not fits or weight.shape[0] != 1 or wanted not in (0, weight.shape[3]):
        site.fail(f"has weights of shape {weight.shape} for {channels} channels, times {wanted}")
    return _convolution(site, channels, lambda values: values.transpose(3, 0, 1, 2))


def _convolution(site: Site, groups: int, reorder: Callable[[Floats], Floats]) -> nn.Module:
    height, width = site.input(1).shape[1:3]
    dilation = site.positive("dilation_h"), site.positive("dilation_w")
    window = window_of(site, (height, width), dilation)
    source = site.input(0).shape
    site.gives((source[0], *window.outputs(source[1:3], (height, width)), site.output.shape[-1]))
    found = parameters(site, 3 if site.record.name == "DEPTHWISE_CONV_2D" else 0, spatial=True)
    weight, window = window.symmetric(_tensor(reorder(found.weight)).to(found.dtype))
    module = Convolution(weight, found.bias, window, groups, found.stage)
    # Beside integer weights the runtime quantises a real input on the fly.
    kind = hybrid_kind(site)
    return module if kind is None else Hybrid(module, kind, found.scale, found.real_bias)


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
    found = parameters(site, 0, spatial=False)
    tensor = _tensor(found.weight).to(found.dtype)
    kind = hybrid_kind(site)
    module = Dense(tensor, found.bias, found.stage, keep_dimensions=keep and kind is None)
    if kind is None:
        return module
    shape = site.output.shape[1:]
    return HybridRows(module, kind, found.scale, found.real_bias, weight.shape[1], shape)


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
