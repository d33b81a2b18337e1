"""An ONNX classifier as a PyTorch module."""

import math
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
from auditkit.models.onnx.rounding import differentiated, through
from auditkit.models.onnx.tensors import Array

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_GLOBAL_HOOKS = tuple(vars(torch.nn.modules.module)[f"_global{name}"] for name in _HOOKS)
# Elements of the largest tensor (16 MiB) that a batch is worked on at once.
_AT_ONCE = 1 << 22


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
            (step.name, step.inputs, step.outputs, step.released, step.overwrite)
            for step in planned.steps
        ]
        self.operator_names = tuple(step.name for step in planned.steps)
        for step in planned.steps:
            self.add_module(step.name, step.module)
        self._largest, self._at_once = 1, 1
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
        return self._answers(x, table, self._output)

    def logits(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Give the input of the final Softmax or Sigmoid, (N, K).

        Raises:
            AuditError: if the graph does not end in one; `has_logits` says so.
        """
        if self._logits is None:
            self.fail("does not end in Softmax or Sigmoid, so that its output are the logits")
        return self._answers(x, table, self._logits)

    def forget_logits(self) -> None:
        """Offer no logits: the softmax is not over what the output holds."""
        self.has_logits, self._logits = False, None

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file."""
        raise AuditError(f"{self.path}: {message}")

    def _answers(self, x: Tensor, table: Tensor | None, wanted: str) -> Tensor:
        """Answer a batch, in parts that fit in the processor's cache unless someone looks inside."""
        fits = x.device.type != "cpu" or x.ndim != 4 or len(x) <= self._at_once
        if fits or (table is not None and len(table) != len(x)) or self._is_watched():
            return self._rows(self._values(x, table, wanted), x)
        parts = torch.split(x, self._at_once)
        tables = [None] * len(parts) if table is None else torch.split(table, self._at_once)
        return torch.cat(
            [
                self._rows(self._values(part, row, wanted), part)
                for part, row in zip(parts, tables, strict=True)
            ]
        )

    def _is_watched(self) -> bool:
        """Whether a hook sees values inside, which must then be whole batches and stay as they are."""
        if any(map(len, _GLOBAL_HOOKS)):
            return True
        inside = (vars(module) for module in self.modules() if module is not self)
        return any(kept[name] for kept in inside for name in _HOOKS)

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
        if x.device.type == "cpu":
            image = image.contiguous(memory_format=torch.channels_last)
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
        watched = self._is_watched()
        for name, inputs, outputs, released, overwrite in self._steps:
            module = self.get_submodule(name)
            assert isinstance(module, Operator)
            arguments = self._arguments(module, inputs, values)
            for used in released:
                values.pop(used, None)
            if check and isinstance(module, Reshape):
                module.given_inside = inputs[0] in inside
            if check:
                results = self._checked(name, module, arguments)
                self._largest = max(self._largest, *(math.prod(value.shape) for value in results))
                _follow_batch(module, inputs, outputs, inside)
            else:
                results = run(module, arguments, None if watched else _spare(arguments, overwrite))
            del arguments
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
        self._largest = 1
        values = self._walk(self._given(image, table), None, check=True)
        self._at_once = max(1, _AT_ONCE * count // self._largest)
        names = {"output": self._output, "logits": self._logits}
        return {key: tuple(values[name].shape) for key, name in names.items() if name is not None}


def _spare(arguments: list[Value | None], overwrite: int | None) -> int | None:
    """Which argument may be overwritten: one on the device, of the result's shape."""
    tensors = [value for value in arguments if isinstance(value, Tensor)]
    target = None if overwrite is None else arguments[overwrite]
    if not isinstance(target, Tensor) or differentiated(*tensors):
        return None
    same = all(value.dtype == target.dtype for value in tensors)
    fits = all(value.shape == target.shape or not value.ndim for value in tensors)
    return overwrite if same and fits else None


def _follow_batch(
    module: Operator, inputs: tuple[str, ...], outputs: tuple[str, ...], inside: set[str]
) -> None:
    """Note where the batch varies fastest within its axis: only a Reshape changes that."""
    merged = module.inside if isinstance(module, Reshape) else not inside.isdisjoint(inputs)
    if merged:
        inside.update(outputs)
