"""What can be computed when a model is loaded: constants, and shapes without numbers.

Every operator first runs on PyTorch's `meta` device, which has shapes but no memory. So a file that
asks for an absurd amount is refused before anything is allocated.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auditkit.errors import AuditError
from auditkit.models.onnx.graph import Graph, Node
from auditkit.models.onnx.operation import Operator, Value, run
from auditkit.models.onnx.site import Mode, Site
from auditkit.models.onnx.table import builder_of
from auditkit.models.onnx.tensors import Array

# A picture's largest tensor in real classifiers is some 2**25 numbers.
MOST_PER_TENSOR = 1 << 28
_FREE = 1 << 22


def build(site: Site) -> Operator:
    """Build an operator.

    Raises:
        AuditError: naming it, whatever is wrong with it.
    """
    builder = builder_of(site.node)
    assert builder is not None
    try:
        return builder(site)
    except AuditError:
        raise
    # Attributes and constants of a damaged file may be anything.
    except Exception as error:  # noqa: BLE001
        site.fail(f"cannot be read: {first_line(error)}")


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__


def shapes_only(module: Operator, arguments: Sequence[Value | None]) -> list[Value]:
    """Run an operator on shapes: its results without numbers, unless it computes shapes.

    Raises:
        ValueError: if a result would be absurdly large.
    """
    blank: list[Value | None] = [
        value if place in module.host or value is None else _blank(value)
        for place, value in enumerate(arguments)
    ]
    buffers = {name: _blank(value) for name, value in module.named_buffers()}
    with torch.no_grad():
        results: list[Value] = torch.func.functional_call(
            _Runner(module), {f"module.{name}": value for name, value in buffers.items()}, (blank,)
        )
    for result in results:
        if math.prod(result.shape) > MOST_PER_TENSOR:
            raise ValueError(f"a tensor of shape {tuple(result.shape)} is too large")
    return results


class _Runner(nn.Module):
    def __init__(self, module: Operator) -> None:
        super().__init__()
        self.module = module

    def forward(self, arguments: Sequence[Value | None]) -> list[Value]:
        return run(self.module, arguments)


def _blank(value: Value) -> Tensor:
    if isinstance(value, Tensor):
        return torch.empty_like(value, device="meta")
    return torch.empty(value.shape, dtype=torch.as_tensor(value).dtype, device="meta")


def folded(graph: Graph, mode: Mode, kept: Container[str] = ()) -> Graph:
    """Compute what depends on constants only.

    Args:
        graph: the graph.
        mode: for quantisers among the constants.
        kept: operators to leave alone.

    Raises:
        AuditError: if an operator cannot be computed, or the results are much larger than the file.
    """
    constants, nodes = dict(graph.constants), []
    left = _FREE + 8 * graph.size
    for node in graph.nodes:
        known = all(not name or name in constants for name in node.inputs)
        if not known or node.operator in kept:
            nodes.append(node)
            continue
        site = Site(graph, node, constants, mode, masked=True)
        for name, value in zip(node.outputs, _computed(site, left), strict=False):
            left -= value.size
            constants[name] = value
    return replace(graph, nodes=tuple(nodes), constants=MappingProxyType(constants))


def _computed(site: Site, most: int) -> list[Array]:
    module = build(site)
    arguments = arguments_of(module, site.node, site.constants)
    try:
        sizes = [math.prod(result.shape) for result in shapes_only(module, arguments)]
        if sum(sizes) > most:
            site.fail("computes constants much larger than the file; the file is damaged")
        with torch.no_grad():
            results = run(module, arguments)
    except AuditError:
        raise
    # PyTorch's own errors are many: shapes that do not fit, types that do not mix.
    except Exception as error:  # noqa: BLE001
        site.fail(f"cannot be computed: {first_line(error)}")
    return [np.array(result) for result in results]


def arguments_of(
    module: Operator,
    node: Node,
    values: Mapping[str, Any],
) -> list[Value | None]:
    """The values of a node's inputs that its module wants."""
    positions = range(len(node.inputs)) if module.positions is None else module.positions
    names = [node.inputs[place] if place < len(node.inputs) else "" for place in positions]
    return [values[name] if name else None for name in names]
