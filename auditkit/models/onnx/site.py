"""What a builder of an operator may ask: its constants, its attributes, and its arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np

from auditkit.models.onnx.graph import Graph, Node
from auditkit.models.onnx.tensors import Array

Mode: TypeAlias = Literal["fake", "float"]


@dataclass(frozen=True)
class Site:
    """One operator in its graph.

    Attributes:
        graph: for messages.
        node: the operator.
        constants: every name whose value is known.
        mode: `fake` rounds to codes, `float` does not.
        masked: False where the gradient shall pass a saturated output.
    """

    graph: Graph
    node: Node
    constants: Mapping[str, Array]
    mode: Mode
    masked: bool

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file and the operator."""
        self.graph.fail(f"operator {self.node.index} ({self.node.operator}) {message}")

    def has(self, position: int) -> bool:
        """Whether an input is there."""
        return position < len(self.node.inputs) and bool(self.node.inputs[position])

    def constant(self, position: int) -> Array | None:
        """The value of an input; None if it is computed or left out."""
        return self.constants.get(self.node.inputs[position]) if self.has(position) else None

    def known(self, position: int, what: str) -> Array:
        """The value of an input that must be a constant."""
        value = self.constant(position)
        if value is None:
            self.fail(f"computes its {what}, which the reader needs as a constant")
        return value

    def integers(self, position: int) -> list[int] | None:
        """A constant list of whole numbers: axes, sizes, paddings."""
        value = self.constant(position)
        if value is None:
            return None
        if value.dtype.kind not in "iu" or value.ndim > 1 or value.size > 64:
            self.fail(f"needs a short list of whole numbers in its input {position}")
        return [int(number) for number in value.ravel()]

    def integer(self, name: str, default: int) -> int:
        """An attribute that is one whole number."""
        return int(self.node.attributes.get(name, default))

    def real(self, name: str, default: float) -> float:
        """An attribute that is one number; stored in single precision, used as such."""
        return float(np.float32(self.node.attributes.get(name, default)))

    def text(self, name: str, default: str, known: tuple[str, ...]) -> str:
        """An attribute that is one of some words."""
        value = str(self.node.attributes.get(name, default))
        if value not in known:
            self.fail(f"has {name} = '{value[:40]}'; the reader knows {', '.join(known)}")
        return value

    def list(self, name: str) -> tuple[int, ...] | None:
        """An attribute that is a list of whole numbers."""
        value: Any = self.node.attributes.get(name)
        return None if value is None else tuple(int(number) for number in value)

    def only(self, name: str, expected: Any) -> None:
        """Refuse any other value of an attribute than its usual one."""
        if self.node.attributes.get(name, expected) != expected:
            self.fail(f"has {name} = {self.node.attributes[name]}, which the reader does not know")

    def one_output(self) -> None:
        """Refuse further outputs, which only training needs."""
        if any(self.node.outputs[1:]):
            self.fail("has more than one output, which the reader does not know")
