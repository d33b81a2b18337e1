"""A TFLite file as a PyTorch module."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from auditkit.errors import AuditError
from auditkit.models.tflite.arithmetic import FakeStage, Mode, Rounding
from auditkit.models.tflite.build import (
    build_steps,
    ending,
    is_image,
    is_table,
    refuse_unknown,
)
from auditkit.models.tflite.layout import is_channels_first, to_file_order
from auditkit.models.tflite.quantising import Quantise
from auditkit.models.tflite.schema import Graph, read_graph
from auditkit.models.tflite.simplify import simplified
from auditkit.models.tflite.site import Site


class TFLiteModule(nn.Module):
    """A classifier read from a TFLite file; see `load_tflite`.

    Each operator is a submodule named after its kind and place (`conv_2d_03`) whose output is
    (N, C, H, W), so that forward hooks work on any of them. Nothing is kept between calls.

    Attributes:
        input_shape: (height, width, channels).
        channels_first: whether the file itself takes images as (1, channels, height, width).
        table_size: features of the second input; 0 if there is none.
        quantised_input: whether the input is a byte image, 0 to 255.
        quantised_output: whether the output is made of 8-bit codes.
        output_is_probability: whether the graph ends in SOFTMAX or LOGISTIC.
        output_scale: step between two output codes; None for a float output.
        output_zero_point: the output code of zero; None for a float output.
        has_logits: whether `logits` can be called.
        operator_names: the submodules in the order in which they run.
    """

    def __init__(self, graph: Graph, mode: Mode) -> None:
        super().__init__()
        source, target = graph.tensors[graph.input], graph.tensors[graph.output]
        if not is_image(source) or not (target.quantised or target.dtype == "FLOAT32"):
            graph.fail(
                f"takes {source.dtype} of shape {source.shape} and gives {target.dtype}; the reader "
                "takes images (1, height, width, channels) or (1, channels, height, width) of "
                "uint8, int8 or float32",
            )
        self._check_table(graph)
        self._output = graph.output
        self._logits = ending(graph).logits
        self._input = graph.input
        self._steps, modules = build_steps(graph, mode)
        for name, module in modules.items():
            self.add_module(name, module)
        self._scales = _scales(graph)
        self.mode = mode
        self.channels_first = is_channels_first(source.shape)
        first, second, third = source.shape[1:]
        self.input_shape = (second, third, first) if self.channels_first else (first, second, third)
        self.quantised_input = source.quantised or source.dtype == "UINT8"
        self.quantised_output = target.quantised
        self.output_is_probability = self._logits is not None
        self.has_logits = self._logits is not None
        self.operator_names = tuple(modules)
        quantiser = _grid(graph, graph.output) if target.quantised else None
        self.output_scale = None if quantiser is None else float(quantiser[0])
        self.output_zero_point = None if quantiser is None else quantiser[1]
        self._add_input_stage(graph)
        self.eval()

    def _check_table(self, graph: Graph) -> None:
        self._table, self.table_size = graph.table, 0
        self.table_codes: nn.Module | None = None
        if graph.table is None:
            return
        table, image = graph.tensors[graph.table], graph.tensors[graph.input]
        if not is_table(table) or table.shape[0] != image.shape[0]:
            graph.fail(
                f"has a table of {table.dtype} of shape {table.shape}, expected (1, F) floats"
            )
        self.table_size = table.shape[1]
        if table.quantised:
            site = Site(graph, graph.operators[0], "ref", masked=True)
            self.table_codes = Quantise(site.grid(table))

    def _add_input_stage(self, graph: Graph) -> None:
        self._byte_zero = 0
        if not self.quantised_input:
            return
        if graph.tensors[graph.input].quantised:
            _, zero_point, signed = _grid(graph, graph.input)
            # Callers give bytes 0 to 255 whatever the file holds; int8 codes are bytes less 128.
            self._byte_zero = zero_point + 128 if signed else zero_point
        limits = -self._byte_zero, 255 - self._byte_zero
        rounding: Rounding = "none" if self.mode == "float" else "even"
        self.input_codes = FakeStage(limits, np.array(1, np.float32), rounding, masked=False)

    def forward(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Classify images.

        Args:
            x: (N, C, H, W) float32: bytes 0 to 255 where `quantised_input` (rounded inside, with a
                straight-through gradient), else the real values that the file's input expects.
            table: (N, `table_size`) float32, for files with a second input.

        Returns:
            (N, outputs) float32, real values.
        """
        return self._real(self._values(x, table, self._output), self._output)

    def logits(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Give the real-valued input of the final SOFTMAX or LOGISTIC, (N, outputs).

        Raises:
            AuditError: if the graph does not end in one; `has_logits` says so.
        """
        if self._logits is None:
            raise AuditError(
                "the TFLite model does not end in SOFTMAX or LOGISTIC, so that its output are the "
                "logits; use output: model",
            )
        return self._real(self._values(x, table, self._logits), self._logits)

    def codes(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Give the output codes as the device stores them, (N, outputs) whole numbers in float32.

        Raises:
            AuditError: if the output is not quantised.
        """
        if self.output_zero_point is None:
            raise AuditError("the TFLite model has a float output, which has no codes to compare")
        return _rows(self._values(x, table, self._output)) + self.output_zero_point

    def _values(self, x: Tensor, table: Tensor | None, wanted: int) -> Tensor:
        # Half precision would break the exact sums without a sign of it.
        with torch.autocast(x.device.type, enabled=False):
            values = self._inputs(x, table)
            for step in self._steps:
                if wanted in values:
                    break
                arguments = [values[index] for index in step.inputs]
                for index in step.released:
                    del values[index]
                module = self._modules[step.name]
                assert module is not None
                found = module(*arguments)
                del arguments
                results = found if isinstance(found, tuple) else (found,)
                values.update(zip(step.outputs, results, strict=True))
            return values[wanted]

    def _inputs(self, x: Tensor, table: Tensor | None) -> dict[int, Tensor]:
        height, width, channels = self.input_shape
        if tuple(x.shape[1:]) != (channels, height, width) or not x.is_floating_point():
            raise AuditError(
                f"the TFLite model was given {x.dtype} of shape {tuple(x.shape)}, expected "
                f"float32 of shape (N, {channels}, {height}, {width})",
            )
        image = x.to(torch.float32, memory_format=torch.channels_last)
        if self.quantised_input:
            image = self.input_codes(image - self._byte_zero)
        values = {self._input: image}
        expected = (len(x), self.table_size) if self._table is not None else None
        if (None if table is None else tuple(table.shape)) != expected:
            given = "no table" if table is None else f"a table of shape {tuple(table.shape)}"
            raise AuditError(
                f"the TFLite model was given {given} with {len(x)} images, expected "
                f"{'none' if expected is None else f'float32 of shape {expected}'}",
            )
        if table is not None and self._table is not None:
            real = table.to(torch.float32)
            values[self._table] = real if self.table_codes is None else self.table_codes(real)
        return values

    def _real(self, values: Tensor, index: int) -> Tensor:
        scale = self._scales.get(index)
        rows = _rows(values)
        return rows if scale is None else rows * scale


def _rows(values: Tensor) -> Tensor:
    return to_file_order(values).reshape(len(values), -1)


def _grid(graph: Graph, index: int) -> tuple[float, int, bool]:
    # Any operator can answer for a tensor of the graph.
    grid = Site(graph, graph.operators[0], "float", masked=True).grid(graph.tensors[index])
    return float(grid.scale), grid.zero_point, grid.signed


def _scales(graph: Graph) -> dict[int, float]:
    ends = [graph.output, ending(graph).logits]
    return {
        index: _grid(graph, index)[0]
        for index in ends
        if index is not None and graph.tensors[index].quantised
    }


def load_tflite(path: Path, *, mode: Mode = "fake") -> TFLiteModule:
    """Read a TFLite classifier into PyTorch.

    The quantisation scheme is Jacob et al., Quantization and Training of Neural Networks for
    Efficient Integer-Arithmetic-Only Inference, arXiv:1712.05877, equations 1 to 6.

    Args:
        path: a .tflite file with float32, int8 or uint8 tensors, one scale per tensor or channel.
        mode: `fake` rounds as the default runtime (XNNPACK) does and is differentiable; `ref`
            repeats the reference kernels bit for bit, without a gradient; `float` leaves the
            rounding out. A float file is the same in all three. Integer weights beside real
            activations (dynamic range) are used as the kernels of the mode do, which quantise the
            activations on the fly.

    Returns:
        A module in eval mode, whose weights are buffers.

    Raises:
        AuditError: if the file is not a TFLite file, is damaged, or uses an operator or a type that
            the reader does not know; the message names it.
    """
    return module_of(read_graph(path), mode)


def module_of(graph: Graph, mode: Mode) -> TFLiteModule:
    """Build the module of a graph that was read; see `load_tflite`."""
    graph = simplified(graph)
    refuse_unknown(graph)
    # Damaged scales overflow; what does not fit is refused, with words.
    with torch.no_grad(), np.errstate(all="ignore"):
        return TFLiteModule(graph, mode)
