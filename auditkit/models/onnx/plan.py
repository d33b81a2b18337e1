"""From the records of a file to what runs when, on what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from auditkit.models.onnx.batch import batch_folded
from auditkit.models.onnx.fold import build, folded
from auditkit.models.onnx.fuse import fused
from auditkit.models.onnx.graph import Graph, Node
from auditkit.models.onnx.grids import Grid, grid
from auditkit.models.onnx.interface import Interface
from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.rewrite import dequantised, quantised_by, unfolded, with_real_output
from auditkit.models.onnx.site import Mode, Site
from auditkit.models.onnx.table import MOVES, refuse_unknown
from auditkit.models.onnx.tensors import Array

_PROBABILITIES = frozenset({"QLinearSoftmax", "Sigmoid", "Softmax"})
_TRANSPARENT = frozenset(
    {
        "Cast",
        "DequantizeLinear",
        "Dropout",
        "Flatten",
        "Identity",
        "QuantizeLinear",
        "Reshape",
        "Squeeze",
    },
)
_ON_CODES = frozenset(
    {
        "DequantizeLinear",
        "QGemm",
        "QLinearAdd",
        "QLinearAveragePool",
        "QLinearConv",
        "QLinearGlobalAveragePool",
        "QLinearMatMul",
        "QLinearMul",
        "QLinearSoftmax",
    },
)


# Operators that write to memory of their own, or to that of an argument used up.
_FRESH = _ON_CODES - {"QLinearSoftmax"} | {
    "Add",
    "BatchNormalization",
    "Clip",
    "Conv",
    "Gemm",
    "HardSwish",
    "Mul",
    "QuantizeLinear",
    "Relu",
    "Sigmoid",
}


@dataclass(frozen=True)
class Ending:
    """How a graph ends: the name of the logits, if a softmax or sigmoid follows; names passed."""

    logits: str | None
    names: frozenset[str]


@dataclass(frozen=True)
class Step:
    """One operator of the plan: its submodule, what it reads, writes, uses up and may overwrite."""

    name: str
    module: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    released: tuple[str, ...]
    overwrite: int | None


@dataclass(frozen=True)
class Plan:
    """A network ready to run.

    Attributes:
        steps: in order.
        constants: what they read that is not computed.
        output: the name of the answer, real values.
        logits: the name of the logits; None if the graph does not end in softmax or sigmoid.
        codes: the grid of the file's own output, if that is made of codes.
        step: between two answers; 0 if they are real.
    """

    steps: tuple[Step, ...]
    constants: Mapping[str, Array]
    output: str
    logits: str | None
    codes: Grid | None
    step: float


def plan(graph: Graph, face: Interface, mode: Mode) -> Plan:
    """Plan a network.

    Raises:
        AuditError: if an operator is not known, or cannot be built.
    """
    graph = unfolded(graph)
    refuse_unknown(graph)
    graph, output = with_real_output(graph, face.output)
    # Dequantised constants stay until it is known which operators work on codes.
    graph = folded(fused(folded(graph, mode, kept=("DequantizeLinear",))), mode)
    if output in graph.constants or not graph.nodes:
        graph.fail(f"has the output '{output[:80]}', which does not depend on the image")
    _check_codes(graph, face)
    graph = batch_folded(_without_idle(_with_real_logits(graph), output), output)
    ends = _ending(graph, output)
    last = _last_grid(graph, output, mode)
    codes = last if output != face.output else None
    steps = _steps(graph, mode, ends, output)
    return Plan(
        steps,
        _needed(graph, steps),
        output,
        ends.logits,
        codes,
        0.0 if last is None else float(last.scale.reshape(-1)[0]),
    )


def _ending(graph: Graph, output: str) -> Ending:
    """Walk back from the output to the softmax or sigmoid, and on to what quantises the logits."""
    producers, name, logits = graph.producers(), output, None
    passed = {name}
    while (node := producers.get(name)) is not None and node.inputs:
        if node.operator in _PROBABILITIES and logits is None:
            name = node.inputs[0]
            logits = f"{name}/real" if node.operator == "QLinearSoftmax" else name
        elif node.operator in _TRANSPARENT:
            name = node.inputs[0]
        else:
            break
        passed.add(name)
    return Ending(logits, frozenset(passed))


def _with_real_logits(graph: Graph) -> Graph:
    """Dequantise what a softmax of codes is given, so that logits can be asked for."""
    nodes = [
        dequantised(node.index, node.inputs[:3], f"{node.inputs[0]}/real")
        for node in graph.nodes
        if node.operator == "QLinearSoftmax"
    ]
    return replace(graph, nodes=(*graph.nodes, *nodes))


def _without_idle(graph: Graph, output: str) -> Graph:
    """Leave out dequantised values that nobody reads since operators were fused."""
    read = {name for node in graph.nodes for name in node.inputs} | {output}
    read |= {port.name for port in graph.outputs}
    softmax = {f"{n.inputs[0]}/real" for n in graph.nodes if n.operator == "QLinearSoftmax"}
    nodes = tuple(
        node
        for node in graph.nodes
        if node.operator != "DequantizeLinear" or node.outputs[0] in read | softmax
    )
    return replace(graph, nodes=nodes)


def _last_grid(graph: Graph, output: str, mode: Mode) -> Grid | None:
    """The grid on which the answers lie, if nothing but moves follows the last quantiser."""
    producers = graph.producers()
    node = producers.get(output)
    while node is not None and node.operator in _TRANSPARENT - {"DequantizeLinear"}:
        node = producers.get(node.inputs[0])
    if node is None or node.operator != "DequantizeLinear":
        return None
    found = grid(Site(graph, node, graph.constants, mode, masked=True), 1, 2)
    return found if found.scale.size == 1 else None


def _check_codes(graph: Graph, face: Interface) -> None:
    """Refuse arithmetic on codes, which are kept in float32 and would not overflow."""
    codes = {face.image} if face.bytes else set()
    for node in graph.nodes:
        reads = [place for place, name in enumerate(node.inputs) if name in codes]
        cast = node.operator == "Cast" and node.attributes.get("to") in (2, 3)
        if reads and node.operator not in MOVES | _ON_CODES:
            graph.fail(
                f"operator {node.index} ({node.operator}) computes with 8-bit integers, which the "
                "reader does not know; it knows quantised operators and what only moves numbers",
            )
        moves = reads and node.operator in MOVES - {"Cast", "Shape"}
        if cast or moves or quantised_by(node) is not None:
            codes.update(node.outputs)


def _steps(graph: Graph, mode: Mode, ends: Ending, output: str) -> tuple[Step, ...]:
    kept = {output, ends.logits, *(port.name for port in graph.outputs)}
    spare = _spare(graph) - kept
    last = {name: place for place, node in enumerate(graph.nodes) for name in node.inputs}
    steps = []
    for place, node in enumerate(graph.nodes):
        masked = not ends.names.intersection(node.outputs)
        module = build(Site(graph, node, graph.constants, mode, masked))
        inputs = _inputs(node, module)
        released = tuple(
            {name for name in node.inputs if last[name] == place}
            - kept
            - set(graph.constants)
            - {""}
        )
        overwrite = next((at for at in module.overwritable if inputs[at] in spare), None)
        name = f"{node.operator.lower()}_{place:02d}"
        steps.append(Step(name, module, inputs, node.outputs, released, overwrite))
    return tuple(steps)


def _spare(graph: Graph) -> set[str]:
    """Names whose values nothing else shares memory with, and that are read once."""
    readers = graph.readers()
    fresh = {node.outputs[0] for node in graph.nodes if node.operator in _FRESH}
    return {name for name in fresh if len(readers.get(name, [])) == 1}


def _inputs(node: Node, module: Operator) -> tuple[str, ...]:
    if module.positions is None:
        return node.inputs
    return tuple(node.inputs[place] for place in module.positions if place < len(node.inputs))


def _needed(graph: Graph, steps: tuple[Step, ...]) -> dict[str, Array]:
    names = {name for step in steps for name in step.inputs}
    return {name: graph.constants[name] for name in sorted(names & set(graph.constants))}
