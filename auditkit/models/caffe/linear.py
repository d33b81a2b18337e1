"""Convolution, Deconvolution and InnerProduct."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auditkit.models.caffe.definition import Options
from auditkit.models.caffe.site import Built, Site

Pair = tuple[int, int]


def frozen(tensor: Tensor) -> nn.Parameter:
    """Give a tensor as a parameter without gradient."""
    return nn.Parameter(tensor, requires_grad=False)


def _pair(site: Site, options: Options, name: str, default: int | None, least: int) -> Pair:
    stem = name.removesuffix("_size")
    sides = [f"{stem}_h", f"{stem}_w"]
    if any(options.has(side) for side in sides):
        if options.numbers(name) or not all(options.has(side) for side in sides):
            site.fail(f"has one of {', '.join(sides)} or {name} too many or too few")
        found = [options.get(side, 0) for side in sides]
    else:
        found = options.numbers(name) or ([] if default is None else [default])
    return _two(site, name, found, least)


def _two(site: Site, name: str, found: list[int], least: int) -> Pair:
    if len(found) not in (1, 2):
        site.fail(f"has {len(found)} values of {name}, expected one or two")
    return site.limited(name, found[0], least), site.limited(name, found[-1], least)


def _convolution_options(site: Site) -> tuple[Options, int, int, Pair, Pair, Pair, Pair]:
    options = site.options("convolution_param")
    if options.get("axis", 1) not in (1, -3):
        site.fail("has its channels on another axis than 1")
    group = site.whole(options, "group", 1, 1)
    filters = options.get("num_output", 0)
    kernel = _pair(site, options, "kernel_size", None, 1)
    stride = _pair(site, options, "stride", 1, 1)
    pad = _pair(site, options, "pad", 0, 0)
    dilation = _two(site, "dilation", options.numbers("dilation") or [1], 1)
    return options, group, filters, kernel, stride, pad, dilation


def convolution(site: Site) -> Built:
    """Build a Convolution: groups, dilation, a kernel of any two sizes, with or without bias."""
    options, group, filters, kernel, stride, pad, dilation = _convolution_options(site)
    batch, channels, *sizes = site.only_shape(4)
    if channels % group or filters < 1 or filters % group:
        site.fail(f"has {group} groups for {channels} channels and {filters} filters")
    outer = [
        (size + 2 * pad[side] - dilation[side] * (kernel[side] - 1) - 1) // stride[side] + 1
        for side, size in enumerate(sizes)
    ]
    padded = (batch, channels, sizes[0] + 2 * pad[0], sizes[1] + 2 * pad[1])
    shape, _ = site.checked((batch, filters, *outer), padded)
    bias = options.get("bias_term", True)
    shapes = [(filters, channels // group, *kernel), *([(filters,)] if bias else [])]
    tensors = site.tensors(*shapes)
    module = nn.Conv2d(
        channels, filters, kernel, stride, pad, dilation, group, bias=bias, device="meta"
    )
    return Built(_filled(module, tensors), (shape,))


def deconvolution(site: Site) -> Built:
    """Build a Deconvolution, the transpose of a Convolution."""
    options, group, filters, kernel, stride, pad, dilation = _convolution_options(site)
    batch, channels, *sizes = site.only_shape(4)
    if channels % group or filters < 1 or filters % group:
        site.fail(f"has {group} groups for {channels} channels and {filters} filters")
    outer = [
        stride[side] * (size - 1) + dilation[side] * (kernel[side] - 1) + 1 - 2 * pad[side]
        for side, size in enumerate(sizes)
    ]
    uncut = [size + 2 * border for size, border in zip(outer, pad, strict=True)]
    shape, _ = site.checked((batch, filters, *outer), (batch, filters, *uncut))
    bias = options.get("bias_term", True)
    shapes = [(channels, filters // group, *kernel), *([(filters,)] if bias else [])]
    tensors = site.tensors(*shapes)
    module = nn.ConvTranspose2d(
        channels,
        filters,
        kernel,
        stride,
        pad,
        groups=group,
        bias=bias,
        dilation=dilation,
        device="meta",
    )
    return Built(_filled(module, tensors), (shape,))


def _filled(module: nn.Module, tensors: list[Tensor]) -> nn.Module:
    # Made without storage: the weights of the file are the only copy.
    for name, tensor in zip(("weight", "bias"), tensors, strict=False):
        module.register_parameter(name, frozen(tensor))
    return module


class InnerProduct(nn.Module):
    """A linear map of everything from an axis on."""

    def __init__(self, axis: int, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.axis = axis
        self.weight = frozen(weight)
        self.bias = None if bias is None else frozen(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, ..., K axes) to (N, ..., outputs)."""
        return F.linear(torch.flatten(x, self.axis), self.weight, self.bias)


def inner_product(site: Site) -> Built:
    """Build an InnerProduct."""
    options = site.options("inner_product_param")
    shape = site.only_shape()
    axis = site.axis(options.get("axis", 1), len(shape))
    inner, filters = math.prod(shape[axis:]), options.get("num_output", 0)
    (target,) = site.checked((*shape[:axis], filters))
    transpose, bias = options.get("transpose", False), options.get("bias_term", True)
    stored = (inner, filters) if transpose else (filters, inner)
    tensors = site.tensors(stored, *([(filters,)] if bias else []))
    weight = tensors[0].T if transpose else tensors[0]
    return Built(InnerProduct(axis, weight, tensors[1] if bias else None), (target,))
