"""What a builder of an operator may ask: its tensors, their grids and constants, and its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from auditkit.models.tflite.arithmetic import (
    ACTIVATIONS,
    FakeStage,
    Grid,
    Mode,
    OutputStage,
    ReferenceStage,
    Rounding,
)
from auditkit.models.tflite.schema import Graph, OperatorRecord, TensorRecord

_ACTIVATION_CODES = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
_SAME_SCALE = 1e-5


@dataclass(frozen=True)
class Site:
    """One operator in its graph, and the arithmetic that is wanted of it.

    `masked` is False where the gradient shall pass a saturated output.
    """

    graph: Graph
    record: OperatorRecord
    mode: Mode
    masked: bool

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file and the operator."""
        self.graph.fail(f"operator {self.record.index} ({self.record.name}) {message}")

    def option(self, name: str) -> int:
        """Give an integer option."""
        return int(self.record.options[name])

    def positive(self, name: str) -> int:
        """Give an option that counts something: a stride, a dilation, a window's side."""
        value = self.option(name)
        if not 1 <= value <= 1 << 15:
            self.fail(f"has the option {name} = {value}, which should be a small positive number")
        return value

    def arity(self, least: int, most: int | None = None) -> None:
        """Check the number of inputs, and that there is one output."""
        inputs, outputs = len(self.record.inputs), len(self.record.outputs)
        if not least <= inputs <= (least if most is None else most) or outputs != 1:
            self.fail(f"has {inputs} inputs and {outputs} outputs, expected {least} and 1")

    def input(self, position: int) -> TensorRecord:
        """Give an input that must be there."""
        tensor = self.optional(position)
        if tensor is None:
            self.fail(f"lacks its input {position}")
        return tensor

    def optional(self, position: int) -> TensorRecord | None:
        """Give an input that may be left out."""
        if position >= len(self.record.inputs) or self.record.inputs[position] < 0:
            return None
        return self.graph.tensors[self.record.inputs[position]]

    @property
    def output(self) -> TensorRecord:
        """The only output."""
        return self.graph.tensors[self.record.outputs[0]]

    @property
    def quantised(self) -> bool:
        """Whether the operator works on codes; input and output must agree."""
        first, output = self.input(0), self.output
        for tensor in (first, output):
            if not (tensor.quantised or tensor.dtype == "FLOAT32"):
                self.fail(
                    f"works on {tensor.dtype} tensors{'' if tensor.quantisation else ' unscaled'}; "
                    "the reader knows float32, int8 and uint8",
                )
        if first.quantised != output.quantised:
            self.fail(f"turns {first.dtype} into {output.dtype}, which it should not")
        return first.quantised

    def gives(self, shape: Sequence[int]) -> None:
        """Check that the output's recorded shape is what the operator computes."""
        if tuple(shape) != self.output.shape:
            self.fail(f"gives the shape {tuple(shape)}, the file says {self.output.shape}")

    def grid(self, tensor: TensorRecord) -> Grid:
        """Give the codes of a tensor that has one scale."""
        quantisation = tensor.quantisation
        if not tensor.quantised or quantisation is None or quantisation.scale.size != 1:
            self.fail(f"needs tensor {tensor.index} ({tensor.name}) in 8 bits with one scale")
        scale, zero_point = quantisation.scale[0], int(quantisation.zero_point[0])
        grid = Grid(np.float32(scale), zero_point, tensor.dtype)
        lowest, highest = grid.limits
        if scale <= 0 or not lowest <= 0 <= highest:
            self.fail(
                f"has tensor {tensor.index} with scale {scale} and zero point {zero_point}, "
                f"which {tensor.dtype} cannot hold",
            )
        return grid

    def same_grid(self, tensor: TensorRecord) -> None:
        """Check that a tensor has the codes of the output, which the operator passes on."""
        left, right = self.grid(tensor), self.grid(self.output)
        close = abs(left.scale - right.scale) <= _SAME_SCALE * right.scale
        if left.dtype != right.dtype or left.zero_point != right.zero_point or not close:
            self.fail("changes scale or zero point between input and output, which it cannot")

    def constant(self, tensor: TensorRecord) -> npt.NDArray[Any]:
        """Give the stored values of a tensor."""
        if tensor.data is None:
            self.fail(f"needs tensor {tensor.index} ({tensor.name}) as a constant")
        return tensor.data

    def integers(self, position: int) -> list[int]:
        """Give a constant list of integers: axes, paddings, a permutation."""
        tensor = self.input(position)
        if tensor.dtype not in ("INT32", "INT64"):
            self.fail(f"needs integers in its input {position}, found {tensor.dtype}")
        return [int(value) for value in self.constant(tensor).ravel()]

    def centred(self, tensor: TensorRecord) -> npt.NDArray[np.float32]:
        """Give a stored tensor as centred codes, if it is quantised; else as real values."""
        data, quantisation = self.constant(tensor), tensor.quantisation
        if tensor.dtype in ("FLOAT32", "FLOAT16"):
            real: npt.NDArray[np.float32] = data.astype(np.float32)
            if not np.isfinite(real).all():
                self.fail(f"has weights that are not finite in tensor {tensor.index}")
            return real
        if not tensor.quantised or quantisation is None:
            self.fail(f"has a constant of the type {tensor.dtype} without a scale")
        along = _along(quantisation.zero_point, quantisation.axis, data.ndim)
        centred: npt.NDArray[np.float32] = (data.astype(np.int64) - along).astype(np.float32)
        return centred

    def real(self, tensor: TensorRecord) -> npt.NDArray[np.float32]:
        """Give a stored tensor as real values."""
        values = self.centred(tensor)
        if not tensor.quantised or tensor.quantisation is None:
            return values
        quantisation = tensor.quantisation
        real: npt.NDArray[np.float32] = values * _along(
            quantisation.scale, quantisation.axis, values.ndim
        )
        return real

    @property
    def activation(self) -> str:
        """The fused activation."""
        code = self.option("activation")
        if not 0 <= code < len(_ACTIVATION_CODES):
            self.fail(f"has the fused activation {code}; known are {', '.join(_ACTIVATION_CODES)}")
        return _ACTIVATION_CODES[code]

    def real_stage(self, activation: str) -> OutputStage:
        """Give the end of an operator on real values."""
        return OutputStage(ACTIVATIONS[activation])

    def stage(
        self,
        multiplier: npt.NDArray[np.float64],
        activation: str = "NONE",
        *,
        reference: npt.NDArray[np.float64] | None = None,
        rounding: Rounding = "even",
        masked: bool | None = None,
    ) -> OutputStage:
        """Give the end of an operator on codes.

        Args:
            multiplier: sums times this are centred output codes; broadcastable to the sums.
            activation: the fused one.
            reference: the multiplier as the reference kernel computes it, where it differs.
            rounding: of the `fake` arithmetic.
            masked: instead of the site's own.
        """
        limits = self.grid(self.output).activation_limits(activation)
        if limits[0] > limits[1] or not np.isfinite(multiplier).all():
            self.fail(f"has scales that leave no code for its output: {limits}")
        if self.mode == "ref":
            return ReferenceStage(limits, multiplier if reference is None else reference)
        return FakeStage(
            limits,
            multiplier.astype(np.float32),
            "none" if self.mode == "float" else rounding,
            masked=self.masked if masked is None else masked,
        )


def _along(values: npt.NDArray[Any], axis: int, dimensions: int) -> npt.NDArray[Any]:
    if values.size == 1:
        return values.reshape(())
    shape = [1] * dimensions
    shape[axis] = values.size
    return values.reshape(shape)
