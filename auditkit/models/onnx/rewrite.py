"""Other ways of writing quantised operators, brought into one.

Files of the "operator" kind (QLinearSigmoid and the like) become dequantise, operate, quantise.
Files of the "QDQ" kind are fused where onnxruntime fuses them, into operators on whole numbers, so
that sums are exact and are rounded once, as they are there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from auditkit.models.onnx.graph import MICROSOFT, Graph, Node

# How many grouped inputs (codes, scale, zero point) each has, and what it does on real values.
_UNFOLDED: Mapping[str, str] = MappingProxyType(
    {
        "QLinearLeakyRelu": "LeakyRelu",
        "QLinearSigmoid": "Sigmoid",
    },
)
_OPSET_OF_UNFOLDED = 11


def unfolded(graph: Graph) -> Graph:
    """Write operators on codes that the runtime computes in real numbers as such."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.domain == MICROSOFT and node.operator in _UNFOLDED:
            nodes.extend(_unfold(graph, node, [node.inputs[:3]], node.inputs[3:5]))
        elif node.domain == MICROSOFT and node.operator == "QLinearConcat":
            parts = [node.inputs[at : at + 3] for at in range(2, len(node.inputs), 3)]
            nodes.extend(_unfold(graph, node, parts, node.inputs[:2]))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def _unfold(
    graph: Graph,
    node: Node,
    parts: Iterable[tuple[str, ...]],
    target: tuple[str, ...],
) -> Iterator[Node]:
    real = []
    attributes = dict(node.attributes)
    version = int(attributes.pop("opset", _OPSET_OF_UNFOLDED))
    if attributes.pop("channels_last", 0):
        graph.fail(f"operator {node.index} ({node.operator}) has channels last; export without")
    for place, part in enumerate(parts):
        if len(part) != 3 or len(target) != 2:
            graph.fail(f"operator {node.index} ({node.operator}) has the wrong number of inputs")
        real.append(f"{node.outputs[0]}/real {place}")
        yield dequantised(node.index, part, real[-1])
    exact = f"{node.outputs[0]}/exact"
    name = _UNFOLDED.get(node.operator, "Concat")
    yield replace(
        node,
        operator=name,
        domain="",
        version=version,
        inputs=tuple(real),
        outputs=(exact,),
        attributes=attributes,
    )
    inputs = (exact, *target)
    nothing: Mapping[str, Any] = MappingProxyType({})
    yield Node(node.index, "QuantizeLinear", "", 13, inputs, node.outputs[:1], nothing)


def dequantised(index: int, codes: tuple[str, ...], output: str) -> Node:
    """A DequantizeLinear of codes, scale and zero point."""
    return Node(index, "DequantizeLinear", "", 13, codes, (output,), MappingProxyType({}))


def with_real_output(graph: Graph, output: str) -> tuple[Graph, str]:
    """Append a DequantizeLinear where the output is made of codes; give the output's name."""
    producers = graph.producers()
    node = producers.get(output)
    while node is not None and node.operator in ("Reshape", "Flatten", "Squeeze", "Identity"):
        node = producers.get(node.inputs[0])
    target = None if node is None else quantised_by(node)
    if node is None or target is None:
        return graph, output
    real = f"{output}/real"
    added = dequantised(len(graph.nodes), (output, *target), real)
    return replace(graph, nodes=(*graph.nodes, added)), real


_TARGETS: Mapping[str, int] = MappingProxyType(
    {
        "QGemm": 7,
        "QLinearAdd": 6,
        "QLinearAveragePool": 3,
        "QLinearConv": 6,
        "QLinearGlobalAveragePool": 3,
        "QLinearMatMul": 6,
        "QLinearMul": 6,
        "QLinearSoftmax": 3,
        "QuantizeLinear": 1,
    },
)


def quantised_by(node: Node) -> tuple[str, ...] | None:
    """The names of the scale and zero point of what a node writes, if it writes codes."""
    at = _TARGETS.get(node.operator)
    return None if at is None else node.inputs[at : at + 2]
