"""The order in which nodes can run, and what a graph must be for one to exist."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from auditkit.models.onnx.graph import Node
from auditkit.models.onnx.tensors import Source


def ordered(nodes: Sequence[Node], given: set[str], source: Source) -> list[Node]:
    """Sort nodes so that each reads only what was written before it.

    Args:
        nodes: in the order of the file, which is kept where it can run.
        given: names of inputs and constants.
        source: for messages.

    Raises:
        AuditError: if a name is written twice or never, or the graph goes in a circle.
    """
    _written_once(nodes, given, source)
    written = given | {name for node in nodes for name in node.outputs}
    for node in nodes:
        for name in node.inputs:
            if name and name not in written:
                source.fail(f"operator {node.label} reads '{name[:80]}', which nothing computes")
    return list(nodes) if _runs(nodes, given) else _sorted(nodes, source)


def _runs(nodes: Sequence[Node], given: set[str]) -> bool:
    ready = given | {""}
    for node in nodes:
        if not ready.issuperset(node.inputs):
            return False
        ready.update(node.outputs)
    return True


def _sorted(nodes: Sequence[Node], source: Source) -> list[Node]:
    places = {name: place for place, node in enumerate(nodes) for name in node.outputs if name}
    sorter = TopologicalSorter(
        {
            place: {places[name] for name in node.inputs if name in places}
            for place, node in enumerate(nodes)
        },
    )
    try:
        return [nodes[place] for place in sorter.static_order()]
    except CycleError:
        source.fail("goes in a circle: an operator waits for its own result; the file is damaged")


def _written_once(nodes: Sequence[Node], given: set[str], source: Source) -> None:
    seen = set(given)
    for node in nodes:
        for name in node.outputs:
            if name and name in seen:
                source.fail(f"computes '{name[:80]}' twice; the file is damaged")
            seen.add(name)
