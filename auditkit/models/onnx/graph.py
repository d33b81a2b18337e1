"""An ONNX file as plain records, trusting nothing that the file says.

The reader checks every name, type and size itself: `onnx.checker` is native code that follows what
the file says. Nothing is executed, and no name of the file becomes Python source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from auditkit.models.onnx.tensors import Array, Source

MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Node:
    """One operator: its kind, the version of its definition, and the names it reads and writes."""

    index: int
    operator: str
    domain: str
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Name for messages, e.g. conv_03."""
        return f"{self.operator.lower()}_{self.index:02d}"


@dataclass(frozen=True)
class Port:
    """An input or output of the graph; sizes that are not fixed are None."""

    name: str
    kind: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Graph:
    """A whole file; nodes are in an order in which they can run."""

    source: Source
    size: int
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def path(self) -> Path:
        """The file."""
        return self.source.path

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file."""
        self.source.fail(message)

    def producers(self) -> dict[str, Node]:
        """Which node writes a name."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    def readers(self) -> dict[str, list[Node]]:
        """Which nodes read a name, each as often as it reads it."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                found.setdefault(name, []).append(node)
        return found
