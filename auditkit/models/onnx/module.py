"""An ONNX classifier as a PyTorch module."""

from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from auditkit.errors import AuditError
from auditkit.models.onnx.fold import first_line, shapes_only
from auditkit.models.onnx.graph import Graph
from auditkit.models.onnx.interface import Interface
from auditkit.models.onnx.operation import Operator, Value, run
from auditkit.models.onnx.plan import Plan
from auditkit.models.onnx.reshape import Reshape
from auditkit.models.onnx.rounding import through
from auditkit.models.onnx.tensors import Array


class ONNXModule(nn.Module):
    """A classifier read from an ONNX file; see `load_onnx`.

    Each operator is a submodule named after its kind and place (`conv_03`), so that forward hooks
    work on any of them. Nothing is kept between calls. No name of the file is used.

    Attributes:
        input_shape: (height, width, channels).
        quantised_input: whether the input is a byte image, 0 to 255.
        channels_last: whether the file itself wants (N, H, W, C); callers give (N, C, H, W).
        features: columns of the table; 0 if the model has none.
        output_step: between two answers; 0 if they are real numbers.
        has_logits: whether `logits` can be called.
        operator_names: the submodules in the order in which they run.
    """

    def __init__(self, graph: Graph, face: Interface, planned: Plan) -> None:
        super().__init__()
        self.path = graph.path
        self.face = face
        self.input_shape = face.shape
        self.quantised_input = face.bytes
        self.channels_last = face.channels_last
        self.features = face.features
        self.output_step = planned.step
        self.codes = planned.codes
        self.has_logits = planned.logits is not None
        self._output, self._logits = planned.output, planned.logits
        self._steps = [
            (step.name, step.inputs, step.outputs, step.released) for step in planned.steps
        ]
        self.operator_names = tuple(step.name for step in planned.steps)
        for step in planned.steps:
            self.add_module(step.name, step.module)
        self._host: dict[str, Array] = {}
        self._stored: dict[str, str] = {}
        self._keep(planned)
        self.eval()

    def _keep(self, planned: Plan) -> None:
        """Real constants become buffers, which follow the module to its device."""
        self._host = {
            name: value for name, value in planned.constants.items() if value.dtype.kind != "f"
        }
        for step in planned.steps:
            for place, name in enumerate(step.inputs):
                value = planned.constants.get(name)
                if value is None or name in self._stored or name in self._host:
                    continue
                if place in step.module.host:
                    self._host[f"{name}/host"] = value
                else:
                    self._stored[name] = f"constant_{len(self._stored):03d}"
                    self.register_buffer(self._stored[name], torch.tensor(value))

    def forward(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Classify images.

        Args:
            x: (N, C, H, W) float32: bytes 0 to 255 where `quantised_input` (rounded inside, with a
                straight-through gradient), else what the file's input expects.
            table: (N, F) float32, for models that have a second input.

        Returns:
            (N, K) float32, real values.
        """
        return self._rows(self._values(x, table, self._output), x)

    def logits(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Give the input of the final Softmax or Sigmoid, (N, K).

        Raises:
            AuditError: if the graph does not end in one; `has_logits` says so.
        """
        if self._logits is None:
            self.fail("does not end in Softmax or Sigmoid, so that its output are the logits")
        return self._rows(self._values(x, table, self._logits), x)

    def forget_logits(self) -> None:
        """Offer no logits: the softmax is not over what the output holds."""
        self.has_logits, self._logits = False, None

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file."""
        raise AuditError(f"{self.path}: {message}")

    def _values(self, x: Tensor, table: Tensor | None, wanted: str) -> Tensor:
        # Half precision would break the exact sums without a sign of it.
        with torch.autocast(x.device.type, enabled=False):
            values = self._walk(self._given(x, table), wanted, check=False)
        value = values[wanted]
        assert isinstance(value, Tensor)
        return value

    def _given(self, x: Tensor, table: Tensor | None) -> dict[str, Value]:
        height, width, channels = self.input_shape
        if tuple(x.shape[1:]) != (channels, height, width) or not x.is_floating_point():
            self.fail(
                f"was given {x.dtype} of shape {tuple(x.shape)}, expected float32 of shape "
                f"(N, {channels}, {height}, {width})",
            )
        image = x.to(torch.float32)
        if self.quantised_input:
            image = through(image, image.detach().round().clamp(0, 255)) - self.face.byte_offset
        given: dict[str, Value] = {
            self.face.image: image.permute(0, 2, 3, 1) if self.channels_last else image,
        }
        if self.face.table is not None:
            given[self.face.table] = self._columns(x, table)
        elif table is not None:
            self.fail("was given a table, but has no second input")
        return given

    def _columns(self, x: Tensor, table: Tensor | None) -> Tensor:
        expected = (len(x), self.features)
        if table is None or tuple(table.shape) != expected:
            found = "none" if table is None else f"one of shape {tuple(table.shape)}"
            self.fail(f"needs a table of shape {expected} beside the images, was given {found}")
        if self.face.table_kind in ("INT32", "INT64"):
            return table.round().to(torch.int64)
        return table.to(torch.float32)

    def _walk(
        self, given: dict[str, Value], wanted: str | None, *, check: bool
    ) -> dict[str, Value]:
        """Run the steps until the wanted name is there; on `meta` with `check`, all of them."""
        values: dict[str, Value] = {**self._host, **given}
        for name, buffer in self._stored.items():
            stored: Tensor = self.get_buffer(buffer)
            values[name] = torch.empty_like(stored, device="meta") if check else stored
        inside: set[str] = set()
        for name, inputs, outputs, released in self._steps:
            module = self.get_submodule(name)
            assert isinstance(module, Operator)
            arguments = self._arguments(module, inputs, values)
            for used in released:
                values.pop(used, None)
            if check and isinstance(module, Reshape):
                module.given_inside = inputs[0] in inside
            results = self._checked(name, module, arguments) if check else run(module, arguments)
            del arguments
            if check:
                _follow_batch(module, inputs, outputs, inside)
            values.update({key: v for key, v in zip(outputs, results, strict=False) if key})
            if wanted in outputs:
                break
        return values

    @staticmethod
    def _arguments(
        module: Operator, inputs: tuple[str, ...], values: dict[str, Value]
    ) -> list[Value | None]:
        found: list[Value | None] = []
        for place, name in enumerate(inputs):
            key = f"{name}/host" if place in module.host and f"{name}/host" in values else name
            found.append(values[key] if name else None)
        return found

    def _checked(self, name: str, module: Operator, arguments: list[Value | None]) -> list[Value]:
        try:
            shapes = shapes_only(module, arguments)
        # PyTorch's own errors are many: shapes that do not fit, types that do not mix.
        except Exception as error:  # noqa: BLE001
            self.fail(f"cannot run its operator {name}: {first_line(error)}")
        data = [value for at, value in enumerate(arguments) if at not in module.host]
        if any(isinstance(value, Tensor) for value in data):
            return shapes
        return run(module, arguments)

    def _rows(self, value: Tensor, x: Tensor) -> Tensor:
        rows = value.reshape(len(x), -1) if len(x) else value.reshape(0, value.shape[-1])
        return rows.to(torch.float32)

    def shapes(self, count: int) -> dict[str, Any]:
        """The shapes of the answer and the logits for a batch, without computing any number."""
        height, width, channels = self.input_shape
        image = torch.empty((count, channels, height, width), device="meta")
        table = torch.empty((count, self.features), device="meta") if self.face.table else None
        values = self._walk(self._given(image, table), None, check=True)
        names = {"output": self._output, "logits": self._logits}
        return {key: tuple(values[name].shape) for key, name in names.items() if name is not None}


def _follow_batch(
    module: Operator, inputs: tuple[str, ...], outputs: tuple[str, ...], inside: set[str]
) -> None:
    """Note where the batch varies fastest within its axis: only a Reshape changes that."""
    merged = module.inside if isinstance(module, Reshape) else not inside.isdisjoint(inputs)
    if merged:
        inside.update(outputs)
