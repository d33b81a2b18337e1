"""Conv, ConvTranspose, Gemm, MatMul and Einsum."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.site import Site
from auditkit.models.onnx.window import Window, padded

CONVOLUTIONS: Mapping[int, Callable[..., Tensor]] = MappingProxyType(
    {3: F.conv1d, 4: F.conv2d, 5: F.conv3d},
)


def build_convolution(site: Site) -> Operator:
    """Conv with any padding."""
    return Operator(partial(convolve, window=Window.of(site), groups=site.integer("group", 1)))


def convolve(
    x: Tensor,
    weights: Tensor,
    bias: Tensor | None = None,
    *,
    window: Window,
    groups: int,
) -> Tensor:
    """Convolve an image; what the padding cannot say to PyTorch is padded before."""
    amounts = window.amounts(x.shape[2:], weights.shape[2:])
    symmetric = all(before == after for before, after in amounts)
    return CONVOLUTIONS[weights.ndim](
        x if symmetric else padded(x, amounts, 0.0),
        weights,
        bias,
        window.strides_of(weights.ndim - 2),
        [before for before, _ in amounts] if symmetric else 0,
        window.dilations_of(weights.ndim - 2),
        groups,
    )


def build_gemm(site: Site) -> Operator:
    """Gemm: alpha A B + beta C."""
    return Operator(
        partial(
            _gemm,
            alpha=site.real("alpha", 1.0),
            beta=site.real("beta", 1.0),
            left=bool(site.integer("transA", 0)),
            right=bool(site.integer("transB", 0)),
        ),
    )


def _gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    alpha: float,
    beta: float,
    left: bool,
    right: bool,
) -> Tensor:
    if a.ndim != 2 or b.ndim != 2:
        raise ValueError("Gemm needs matrices")
    product = (a.T if left else a) @ (b.T if right else b)
    product = product if alpha == 1 else alpha * product
    return product if c is None else product + (c if beta == 1 else beta * c)


def build_product(site: Site) -> Operator:
    """MatMul."""
    del site
    return Operator(torch.matmul)


def build_einsum(site: Site) -> Operator:
    """Einsum; its equation is a sum over indices, checked by PyTorch, never code."""
    if len(site.node.inputs) > 2:
        # The order of several products decides how large they get in between.
        site.fail("joins more than two tensors, which the reader does not know")
    return Operator(partial(_einsum, str(site.node.attributes.get("equation", ""))))


def _einsum(equation: str, *values: Tensor) -> Tensor:
    return torch.einsum(equation, *values)
