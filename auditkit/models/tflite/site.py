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

_MOST_PARTS = 64
_ACTIVATION_CODES = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
_SAME_SCALE = 1e-5
_LARGEST_RATIO = 1 << 20


@dataclass(frozen=True)
class Site:
    """One operator in its graph, and the arithmetic that is wanted of it.

    `masked` is False where the gradient shall pass a saturated output. `main` is the position of the
    input with the values; a few operators have it elsewhere.
    """

    graph: Graph
    record: OperatorRecord
    mode: Mode
    masked: bool
    main: int = 0

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file and the operator."""
        self.graph.fail(f"operator {self.record.index} ({self.record.name}) {message}")

    def option(self, name: str) -> int:
        """Give an integer option."""
        return int(self.record.options[name])

    def real_option(self, name: str) -> float:
        """Give an option that is a finite number."""
        value = float(self.record.options[name])
        if not np.isfinite(value):
            self.fail(f"has the option {name} = {value}, which should be a finite number")
        return value

    def axis(self, value: int, rank: int) -> int:
        """Give an axis, counted from the first, that is not the first, which counts images."""
        axis = value + rank if value < 0 else value
        if not 0 < axis < rank:
            self.fail(f"works along axis {value} of {rank}; the first counts images")
        return axis

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

    def parts(self, inputs: int) -> list[TensorRecord]:
        """Check the number of inputs, and give the outputs, of which there may be several."""
        found = self.record.outputs
        if len(self.record.inputs) != inputs or not 1 <= len(found) <= _MOST_PARTS:
            self.fail(f"has {len(self.record.inputs)} inputs and {len(found)} outputs")
        return [self.graph.tensors[index] for index in found]

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
    def source(self) -> TensorRecord:
        """The input with the values."""
        return self.input(self.main)

    @property
    def output(self) -> TensorRecord:
        """The first output, of most operators the only one."""
        return self.graph.tensors[self.record.outputs[0]]

    @property
    def quantised(self) -> bool:
        """Whether the operator works on codes; input and output must agree."""
        first, output = self.source, self.output
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
        """Check that every output's recorded shape is what the operator computes."""
        for index in self.record.outputs:
            recorded = self.graph.tensors[index].shape
            if tuple(shape) != recorded:
                self.fail(f"gives the shape {tuple(shape)}, the file says {recorded}")

    def keeps_shape(self) -> None:
        """Check that there is one input and one output of its shape."""
        self.arity(1)
        self.gives(self.input(0).shape)

    def passes(self) -> None:
        """Check that an operator which moves values keeps their type, scale and zero point."""
        for index in self.record.outputs:
            output = self.graph.tensors[index]
            if self.source.dtype != output.dtype:
                self.fail(f"turns {self.source.dtype} into {output.dtype}, which it should not")
            if self.quantised:
                self.same_grid(self.source, output)

    def real_only(self) -> None:
        """Refuse codes, for operators that quantised classifiers do not hold."""
        if self.quantised:
            self.fail(f"works on {self.source.dtype} codes; the reader knows it on float32 only")

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

    def check_ratio(self, ratio: npt.NDArray[np.floating[Any]]) -> None:
        """Refuse scales which fit together so badly that the native runtime would end the process."""
        if not (np.isfinite(ratio) & (ratio >= 0) & (ratio < _LARGEST_RATIO)).all():
            self.fail("has scales that do not fit together; the file is damaged")

    def same_grid(self, tensor: TensorRecord, output: TensorRecord | None = None) -> None:
        """Check that a tensor has the codes of the output, which the operator passes on."""
        left, right = self.grid(tensor), self.grid(output or self.output)
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
        if limits[0] > limits[1]:
            self.fail(f"has scales that leave no code for its output: {limits}")
        self.check_ratio(multiplier)
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
