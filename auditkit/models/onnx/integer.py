"""Operators on codes, as the runtime computes them: whole sums, one float factor, one rounding.

Jacob et al., arXiv:1712.05877, equation 4. The sums are of whole numbers in float32: exact below
2**24, and so independent of the order and the size of a batch.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from auditkit.models.onnx.grids import Grid, grid
from auditkit.models.onnx.integer_end import single, stage_of
from auditkit.models.onnx.integer_mean import build_integer_average, build_integer_mean
from auditkit.models.onnx.integer_softmax import build_integer_softmax
from auditkit.models.onnx.linear import convolve
from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.rounding import blocks, differentiated
from auditkit.models.onnx.site import Site
from auditkit.models.onnx.tensors import Array
from auditkit.models.onnx.window import Window


def _centred(codes: Array, at: Grid) -> Array:
    if codes.dtype.kind not in "iuf":
        raise TypeError("codes that are not numbers")
    centred: Array = codes.astype(np.float32) - at.zero_point
    return centred


class IntegerConvolution(Operator):
    """QLinearConv: codes in, codes out."""

    weights: Tensor
    bias: Tensor | None

    def __init__(self, site: Site) -> None:
        super().__init__(positions=(0,))
        source, target = single(site, 1, "input"), single(site, 6, "output")
        stored = site.known(3, "weights")
        scales = grid(site, 4, 5)
        weights = _centred(stored, scales.along(stored.ndim, 0))
        bias = site.constant(8)
        self.window, self.groups = Window.of(site), site.integer("group", 1)
        self.zero_point = float(source.zero_point.reshape(()))
        self.overwritable = (0,)
        self.register_buffer("weights", torch.tensor(weights))
        self.register_buffer(
            "bias", None if bias is None else torch.tensor(bias.astype(np.float32))
        )
        factor = source.scale.reshape(()) * scales.scale.reshape(-1) / target.scale.reshape(())
        shape = (-1, *[1] * (stored.ndim - 2)) if factor.size > 1 else ()
        self.stage = stage_of(site, factor.reshape(shape), target)

    def forward(self, codes: Tensor, *, overwrite: int | None = None) -> Tensor:
        """Convolve codes."""
        centred = codes.to(torch.float32)
        if self.zero_point:
            centred = (
                centred - self.zero_point if overwrite is None else centred.sub_(self.zero_point)
            )
        total = convolve(centred, self.weights, self.bias, window=self.window, groups=self.groups)
        result: Tensor = self.stage(total, overwrite=True)
        return result


def build_integer_convolution(site: Site) -> Operator:
    """QLinearConv."""
    return IntegerConvolution(site)


class IntegerProduct(Operator):
    """QLinearMatMul and QGemm: codes in, codes out."""

    right: Tensor | None
    bias: Tensor | None

    def __init__(self, site: Site, target_at: int, bias: Array | None, *, turned: bool) -> None:
        left, right = single(site, 1, "left input"), grid(site, 4, 5)
        target = single(site, target_at, "output")
        stored = site.constant(3)
        super().__init__(positions=(0,) if stored is not None else (0, 3))
        self.zero_points = float(left.zero_point.reshape(())), 0.0
        if stored is None:
            right = single(site, 4, "right input")
            self.zero_points = self.zero_points[0], float(right.zero_point.reshape(()))
            weights = None
        else:
            weights = _centred(stored, right.along(stored.ndim, stored.ndim - (2 if turned else 1)))
            weights = weights.swapaxes(-1, -2).copy() if turned else weights
        self.register_buffer("right", None if weights is None else torch.tensor(weights))
        self.register_buffer(
            "bias", None if bias is None else torch.tensor(bias.astype(np.float32))
        )
        factor = left.scale.reshape(()) * right.scale / target.scale.reshape(())
        self.stage = stage_of(site, factor.reshape(() if factor.size == 1 else (-1,)), target)

    def forward(self, left: Tensor, right: Tensor | None = None) -> Tensor:
        """Multiply codes."""
        centred = left.to(torch.float32) - self.zero_points[0]
        other = self.right if right is None else right.to(torch.float32) - self.zero_points[1]
        assert other is not None
        total = torch.matmul(centred, other)
        total = total if self.bias is None else total + self.bias
        result: Tensor = self.stage(total, overwrite=True)
        return result


def build_integer_product(site: Site) -> Operator:
    """QLinearMatMul."""
    return IntegerProduct(site, 6, None, turned=False)


def build_integer_gemm(site: Site) -> Operator:
    """QGemm of com.microsoft: codes, weights, whole bias."""
    for name, expected in (("transA", 0), ("alpha", 1.0)):
        site.only(name, expected)
    if not site.has(7):
        site.fail("gives real values, which the reader does not know; quantise its output")
    bias = site.known(6, "bias") if site.has(6) else None
    site.known(3, "weights")
    return IntegerProduct(site, 7, bias, turned=bool(site.integer("transB", 0)))


class IntegerSum(Operator):
    """QLinearAdd and QLinearMul of two tensors of codes.

    onnxruntime rounds a sum in single precision together with its zero point, by two fused
    multiply-adds; both are repeated, so that ties fall alike.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(positions=(0, 3))
        left, right = single(site, 1, "left input"), single(site, 4, "right input")
        target = single(site, 6, "output")
        self.product = site.node.operator == "QLinearMul"
        scales = [part.scale.reshape(()) for part in (left, right, target)]
        # Fused int8 codes are shifted to uint8 by the runtime on x86-64, which moves the rounding.
        moved = target.dtype == "int8" and "auditkit_limits" in site.node.attributes
        self.shift = 128.0 if moved else 0.0
        shift = np.float32(self.shift)
        zeros = [part.zero_point.reshape(()) + shift for part in (left, right, target)]
        self.zero_points = tuple(float(zero) for zero in zeros)
        self.factors = float(scales[0] / scales[2]), float(scales[1] / scales[2])
        self.factor = float(scales[0] * scales[1] / scales[2])
        # The second product of the fixed part is rounded, the first is not: a fused multiply-add.
        inner = np.float64(scales[1] / scales[2] * zeros[1])
        exact = np.float64(scales[0] / scales[2]) * np.float64(zeros[0])
        self.fixed = float(np.float32(zeros[2] - np.float32(exact + inner)))
        whole = Grid(target.scale, np.array(-shift), target.dtype)
        self.stage = stage_of(site, np.asarray(np.float32(1)), whole)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Add or multiply codes."""
        if (
            left.shape != right.shape
            or not left.ndim
            or left.is_meta
            or differentiated(left, right)
        ):
            return self._codes(left, right)
        codes = torch.empty_like(left, dtype=torch.float32)
        for first, second, target in blocks(left, right, codes):
            target.copy_(self._codes(first, second))
        return codes

    def _codes(self, left: Tensor, right: Tensor) -> Tensor:
        left, right = left.float() + self.shift, right.float() + self.shift
        total = self._product(left, right) if self.product else self._sum(left, right)
        result: Tensor = self.stage(total, overwrite=True)
        return result

    def _sum(self, left: Tensor, right: Tensor) -> Tensor:
        # In double precision a product of codes and factor is exact: one rounding, as fused.
        inner = (right.double() * self.factors[1] + self.fixed).float()
        return (left.double() * self.factors[0] + inner.double()).float()

    def _product(self, left: Tensor, right: Tensor) -> Tensor:
        first, second, target = self.zero_points
        return (left - first) * (right - second) * self.factor + target


def build_integer_sum(site: Site) -> Operator:
    """QLinearAdd and QLinearMul."""
    return IntegerSum(site)


INTEGER: dict[str, Any] = {
    "QGemm": build_integer_gemm,
    "QLinearAveragePool": build_integer_average,
    "QLinearAdd": build_integer_sum,
    "QLinearConv": build_integer_convolution,
    "QLinearGlobalAveragePool": build_integer_mean,
    "QLinearMatMul": build_integer_product,
    "QLinearMul": build_integer_sum,
    "QLinearSoftmax": build_integer_softmax,
}
