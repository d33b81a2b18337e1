"""ADD, SUB, MUL, DIV, MAXIMUM and so on of two tensors, one of which may be stored."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage
from auditkit.models.tflite.fixed_point import quantise_multiplier, rescale
from auditkit.models.tflite.layout import from_file_order, operand, to_file_order
from auditkit.models.tflite.schema import TensorRecord
from auditkit.models.tflite.site import Site

# The reference kernel adds 8-bit codes with 20 extra bits.
_EXTRA_BITS = 20


class Pair(nn.Module):
    """Two operands: both computed, or one of them stored."""

    stored: Tensor | None

    def __init__(self, stored: Tensor | None, position: Literal[0, 1], stage: OutputStage) -> None:
        super().__init__()
        self.register_buffer("stored", stored)
        self.position = position
        self.stage = stage

    def forward(self, *operands: Tensor) -> Tensor:
        """Combine the operands, in the order of the file."""
        if self.stored is None:
            left, right = operands
        else:
            left, right = operands[0], self.stored
        if left.dim() != right.dim():
            left, right = _aligned(left, right)
        if self.stored is not None and self.position == 0:
            left, right = right, left
        result: Tensor = self.stage(self.combine(left, right))
        return result

    def combine(self, left: Tensor, right: Tensor) -> Tensor:
        """Give a fresh tensor for the output stage."""
        raise NotImplementedError


def _aligned(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    # Broadcasting lines up the last axes of the file's order; the first still counts images.
    rank = max(left.dim(), right.dim())
    parts = [to_file_order(values) for values in (left, right)]
    parts = [
        values.reshape(len(values), *[1] * (rank - values.dim()), *values.shape[1:])
        for values in parts
    ]
    return from_file_order(parts[0]), from_file_order(parts[1])


class Sum(Pair):
    """ADD and SUB: left + ratio * right, in units of the left operand."""

    def __init__(
        self,
        stored: Tensor | None,
        position: Literal[0, 1],
        stage: OutputStage,
        ratio: float,
    ) -> None:
        super().__init__(stored, position, stage)
        self.ratio = ratio

    def combine(self, left: Tensor, right: Tensor) -> Tensor:
        """Add."""
        return torch.add(left, right, alpha=self.ratio)


class ReferenceSum(Pair):
    """ADD and SUB of the reference kernels: both operands to a common, finer grid first."""

    significand: Tensor
    shift: Tensor

    def __init__(
        self,
        stored: Tensor | None,
        position: Literal[0, 1],
        stage: OutputStage,
        multipliers: tuple[np.float64, np.float64],
        sign: int,
    ) -> None:
        super().__init__(stored, position, stage)
        significand, shift = quantise_multiplier(np.array(multipliers))
        self.register_buffer("significand", torch.tensor(significand))
        self.register_buffer("shift", torch.tensor(shift))
        self.sign = sign

    def combine(self, left: Tensor, right: Tensor) -> Tensor:
        """Add integers with 20 extra bits."""
        fine = [
            rescale(
                values.detach().to(torch.int64) << _EXTRA_BITS,
                self.significand[index],
                self.shift[index],
            )
            for index, values in enumerate((left, right))
        ]
        return fine[0] + self.sign * fine[1]


class Product(Pair):
    """MUL."""

    def combine(self, left: Tensor, right: Tensor) -> Tensor:
        """Multiply."""
        return left * right


class FunctionOfTwo(Pair):
    """Any function of two real values, or one that only chooses between codes."""

    def __init__(
        self,
        stored: Tensor | None,
        position: Literal[0, 1],
        stage: OutputStage,
        function: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        super().__init__(stored, position, stage)
        self.function = function

    def combine(self, left: Tensor, right: Tensor) -> Tensor:
        """Apply."""
        return self.function(left, right)


def _squared_difference(left: Tensor, right: Tensor) -> Tensor:
    return torch.square(left - right)


_FUNCTIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {
        "DIV": torch.div,
        "MAXIMUM": torch.maximum,
        "MINIMUM": torch.minimum,
        "POW": torch.pow,
        "SQUARED_DIFFERENCE": _squared_difference,
    },
)
# These choose one of two codes, which must be on one grid.
_CHOICES = frozenset({"MAXIMUM", "MINIMUM"})


def build_function_of_two(site: Site) -> nn.Module:
    """DIV, MAXIMUM, MINIMUM, POW and SQUARED_DIFFERENCE."""
    stored, position = _stored(site)
    name = site.record.name
    if name in _CHOICES and site.quantised:
        for tensor in (site.input(0), site.input(1)):
            site.same_grid(tensor)
    elif site.quantised:
        site.real_only()
    activation = site.activation if name == "DIV" else "NONE"
    return FunctionOfTwo(stored, position, site.real_stage(activation), _FUNCTIONS[name])


def build_sum(site: Site) -> nn.Module:
    """ADD and SUB."""
    stored, position = _stored(site)
    sign = -1 if site.record.name == "SUB" else 1
    if not site.quantised:
        return Sum(stored, position, site.real_stage(site.activation), sign)
    left, right = site.grid(site.input(0)), site.grid(site.input(1))
    target = site.grid(site.output).scale
    double = 2 * np.float64(max(left.scale, right.scale))
    final = double / (np.float64(1 << _EXTRA_BITS) * np.float64(target))
    # TFLite's kernels end the process where this is not so.
    site.check_ratio(np.array(final * (1 << _EXTRA_BITS)))
    if site.mode != "ref":
        first, second = _coarse(left.scale / target, right.scale / target)
        # XNNPACK rounds the sum of its two fixed-point products half up.
        stage = site.stage(np.array(first), site.activation, rounding="up")
        return Sum(stored, position, stage, sign * float(second / first))
    multipliers = np.float64(left.scale) / double, np.float64(right.scale) / double
    stage = site.stage(np.array(final), site.activation)
    return ReferenceSum(stored, position, stage, multipliers, sign)


def _coarse(left: np.float32, right: np.float32) -> tuple[np.float64, np.float64]:
    """Round two factors as XNNPACK does: to a common step, 21 bits for the larger."""
    step = np.ldexp(1.0, int(np.frexp(max(left, right))[1]) - 21)
    rounded = [np.rint(np.float64(factor) / step) * step for factor in (left, right)]
    if not rounded[0] > 0:
        # A left operand that vanishes beside the right one cannot be the unit of the sum.
        rounded[0] = np.float64(left)
    return rounded[0], rounded[1]


def build_product(site: Site) -> nn.Module:
    """MUL."""
    stored, position = _stored(site)
    if not site.quantised:
        return Product(stored, position, site.real_stage(site.activation))
    left, right = site.grid(site.input(0)).scale, site.grid(site.input(1)).scale
    target = site.grid(site.output).scale
    stage = site.stage(
        np.array(left * right / target, np.float64),
        site.activation,
        reference=np.array(np.float64(left) * np.float64(right) / np.float64(target)),
    )
    return Product(stored, position, stage)


def _stored(site: Site) -> tuple[Tensor | None, Literal[0, 1]]:
    site.arity(2)
    first, second = site.input(0), site.input(1)
    if first.dtype != second.dtype:
        site.fail(f"has operands of the types {first.dtype} and {second.dtype}")
    site.gives(np.broadcast_shapes(first.shape, second.shape))
    if first.data is not None and second.data is not None:
        site.fail("has two constants, which the converter should have folded")
    if first.data is not None:
        return _operand(site, first, second), 0
    return (None if second.data is None else _operand(site, second, first)), 1


def _operand(site: Site, stored: TensorRecord, other: TensorRecord) -> Tensor:
    rank = len(other.shape)
    spread = len(stored.shape) == rank and stored.shape[0] != 1
    if rank < len(stored.shape) or spread:
        # The first axis of the computed operand counts images, and must stay the first.
        site.fail(f"has a constant of shape {stored.shape} for a tensor of shape {other.shape}")
    return operand(site.centred(stored), rank)
