"""Dequantise, operate, quantise: fused into an operator on codes where onnxruntime does so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from auditkit.models.onnx.graph import MICROSOFT, Graph, Node
from auditkit.models.onnx.grids import LIMITS
from auditkit.models.onnx.tensors import Array

_EIGHT_BITS = ("uint8", "int8")
_FUSED: Mapping[str, str] = MappingProxyType(
    {
        "Add": "QLinearAdd",
        "AveragePool": "QLinearAveragePool",
        "Conv": "QLinearConv",
        "Gemm": "QGemm",
        "GlobalAveragePool": "QLinearGlobalAveragePool",
        "MatMul": "QLinearMatMul",
        "Mul": "QLinearMul",
        "Softmax": "QLinearSoftmax",
    },
)
Codes = tuple[str, str, str]


@dataclass(frozen=True)
class _Pattern:
    """A graph with what is asked of it again and again."""

    graph: Graph
    producers: Mapping[str, Node]
    readers: Mapping[str, list[Node]]
    outputs: frozenset[str]

    def array(self, name: str) -> Array | None:
        return self.graph.constants.get(name)

    def codes(self, name: str, *, per_channel: bool = False) -> Codes | None:
        """Codes, scale and zero point of 8 bits that a name is dequantised from."""
        node = self.producers.get(name)
        if node is None or node.operator != "DequantizeLinear" or len(node.inputs) != 3:
            return None
        codes, scale, zero = node.inputs
        stored, factor = self.array(zero), self.array(scale)
        if stored is None or factor is None or stored.dtype.name not in _EIGHT_BITS:
            return None
        if factor.size != stored.size or (factor.size != 1 and not per_channel):
            return None
        return codes, scale, zero

    def becomes_unsigned(self, codes: str) -> bool:
        """Whether onnxruntime on x86-64 takes int8 codes for uint8: they have one user only.

        It fuses operators on uint8 there. What else is int8 it computes in real numbers.
        """
        node = self.producers.get(codes)
        if node is None or node.operator != "QuantizeLinear" or codes in self.outputs:
            return False
        readers = self.readers.get(codes, [])
        if len(readers) != 1 or readers[0].operator != "DequantizeLinear":
            return False
        real = readers[0].outputs[0]
        return len(self.readers.get(real, [])) + (real in self.outputs) == 1

    def fuses(self, codes: str, zero_point: str) -> bool:
        """Whether the runtime works on these codes as they are."""
        stored = self.array(zero_point)
        unsigned = stored is not None and stored.dtype.name == "uint8"
        return unsigned or self.becomes_unsigned(codes)

    def whole_bias(self, name: str) -> str | None:
        """The int32 constant that a bias is dequantised from."""
        node = self.producers.get(name)
        if node is None or node.operator != "DequantizeLinear":
            return None
        stored = self.array(node.inputs[0])
        return node.inputs[0] if stored is not None and stored.dtype.name == "int32" else None

    def only_reader(self, name: str) -> Node | None:
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.outputs else None


@dataclass(frozen=True)
class _Ending:
    """The quantiser that follows an operator, and the limits of an activation in between."""

    node: Node
    scale: str
    zero_point: str
    limits: tuple[int, int]
    passed: tuple[Node, ...]


def fused(graph: Graph) -> Graph:
    """Fuse what onnxruntime computes in whole numbers."""
    pattern = _Pattern(
        graph,
        graph.producers(),
        graph.readers(),
        frozenset(port.name for port in graph.outputs),
    )
    replaced: dict[int, Node] = {}
    gone: set[int] = set()
    for place, node in enumerate(graph.nodes):
        ending = _ending(pattern, node) if not node.domain and node.operator in _FUSED else None
        inputs = None if ending is None else _INPUTS[node.operator](pattern, node, ending)
        if ending is None or inputs is None:
            continue
        replaced[place] = _whole(node, ending, inputs)
        gone.update(id(other) for other in (*ending.passed, ending.node))
    nodes = [
        replaced.get(place, node)
        for place, node in enumerate(graph.nodes)
        if place in replaced or id(node) not in gone
    ]
    return replace(graph, nodes=tuple(nodes))


def _whole(node: Node, ending: _Ending, inputs: tuple[str, ...]) -> Node:
    attributes: dict[str, Any] = {**node.attributes, "auditkit_limits": ending.limits}
    if node.operator == "Softmax":
        attributes |= {"opset": node.version, "axis": _softmax_axis(node)}
    attributes.pop("alpha", None)
    attributes.pop("beta", None)
    name = _FUSED[node.operator]
    domain = "" if name in ("QLinearConv", "QLinearMatMul") else MICROSOFT
    return replace(
        node,
        operator=name,
        domain=domain,
        inputs=inputs,
        outputs=ending.node.outputs,
        attributes=MappingProxyType(attributes),
    )


def _softmax_axis(node: Node) -> int:
    return int(node.attributes.get("axis", -1 if node.version >= 13 else 1))


def _ending(pattern: _Pattern, node: Node) -> _Ending | None:
    lowest, highest, passed = -np.inf, np.inf, []
    following = pattern.only_reader(node.outputs[0])
    while following is not None and following.operator in ("Relu", "Clip"):
        limits = _activation(pattern, following)
        if limits is None:
            return None
        lowest, highest = max(lowest, limits[0]), min(highest, limits[1])
        passed.append(following)
        following = pattern.only_reader(following.outputs[0])
    if following is None or following.operator != "QuantizeLinear" or len(following.inputs) != 3:
        return None
    _, scale, zero = following.inputs
    factor, stored = pattern.array(scale), pattern.array(zero)
    if factor is None or stored is None or stored.dtype.name not in _EIGHT_BITS:
        return None
    if factor.size != 1 or stored.size != 1 or not factor.reshape(-1)[0] > 0:
        return None
    limits = _code_limits(lowest, highest, factor, stored)
    return _Ending(following, scale, zero, limits, tuple(passed))


def _code_limits(lowest: float, highest: float, scale: Array, zero: Array) -> tuple[int, int]:
    # Rounding is monotone: a limit of real values is the limit of its code.
    least, most = LIMITS[zero.dtype.name]
    if np.isfinite(lowest):
        least = max(least, _code(lowest, scale, zero))
    if np.isfinite(highest):
        most = min(most, _code(highest, scale, zero))
    return int(least), int(most)


def _code(value: float, scale: Array, zero: Array) -> int:
    exact = np.rint(np.float32(value) / np.float32(scale.reshape(-1)[0]))
    return int(np.clip(exact, -(1 << 20), 1 << 20)) + int(zero.reshape(-1)[0])


def _activation(pattern: _Pattern, node: Node) -> tuple[float, float] | None:
    if node.operator == "Relu":
        return 0.0, np.inf
    if node.version < 11:
        return (
            float(node.attributes.get("min", -np.inf)),
            float(node.attributes.get("max", np.inf)),
        )
    found = []
    for place, missing in ((1, -np.inf), (2, np.inf)):
        name = node.inputs[place] if place < len(node.inputs) else ""
        stored = pattern.array(name) if name else np.float32(missing)
        if stored is None or np.asarray(stored).size != 1:
            return None
        found.append(float(np.asarray(stored).reshape(-1)[0]))
    return found[0], found[1]


def _convolution(pattern: _Pattern, node: Node, ending: _Ending) -> tuple[str, ...] | None:
    source = pattern.codes(node.inputs[0])
    weights = pattern.codes(node.inputs[1], per_channel=True)
    if source is None or weights is None or pattern.array(weights[0]) is None:
        return None
    bias = _bias(pattern, node)
    if bias is None or not _on_axis(pattern, node.inputs[1], 0):
        return None
    return (*source, *weights, ending.scale, ending.zero_point, *bias)


def _bias(pattern: _Pattern, node: Node) -> tuple[str, ...] | None:
    """The bias as whole numbers: nothing if there is none, None if there is but not in int32."""
    if len(node.inputs) < 3 or not node.inputs[2]:
        return ()
    name = pattern.whole_bias(node.inputs[2])
    return None if name is None else (name,)


def _on_axis(pattern: _Pattern, name: str, axis: int) -> bool:
    """Whether the scales of a dequantised constant, if there are many, run along this axis."""
    node = pattern.producers[name]
    codes, scale = pattern.array(node.inputs[0]), pattern.array(node.inputs[1])
    assert codes is not None
    assert scale is not None
    given = int(node.attributes.get("axis", 1))
    return scale.size == 1 or given % max(codes.ndim, 1) == axis % max(codes.ndim, 1)


def _gemm(pattern: _Pattern, node: Node, ending: _Ending) -> tuple[str, ...] | None:
    usual = all(
        node.attributes.get(name, value) == value
        for name, value in (("alpha", 1.0), ("beta", 1.0), ("transA", 0))
    )
    source = pattern.codes(node.inputs[0])
    weights = pattern.codes(node.inputs[1], per_channel=True)
    if not usual or source is None or weights is None or pattern.array(weights[0]) is None:
        return None
    axis = 0 if node.attributes.get("transB", 0) else 1
    bias = _bias(pattern, node)
    if bias is None or not _on_axis(pattern, node.inputs[1], axis):
        return None
    return (*source, *weights, *(bias or ("",)), ending.scale, ending.zero_point)


def _product(pattern: _Pattern, node: Node, ending: _Ending) -> tuple[str, ...] | None:
    left = pattern.codes(node.inputs[0])
    right = pattern.codes(node.inputs[1], per_channel=True)
    if left is None or right is None:
        return None
    stored = pattern.array(right[0])
    if stored is None:
        right = pattern.codes(node.inputs[1])
    elif stored.ndim < 2 or not _on_axis(pattern, node.inputs[1], -1):
        return None
    return None if right is None else (*left, *right, ending.scale, ending.zero_point)


def _pair(pattern: _Pattern, node: Node, ending: _Ending) -> tuple[str, ...] | None:
    left, right = pattern.codes(node.inputs[0]), pattern.codes(node.inputs[1])
    if left is None or right is None or not _on_codes(pattern, ending, left, right):
        return None
    return (*left, *right, ending.scale, ending.zero_point)


def _alone(pattern: _Pattern, node: Node, ending: _Ending) -> tuple[str, ...] | None:
    source = pattern.codes(node.inputs[0])
    if source is None or not _on_codes(pattern, ending, source):
        return None
    return (*source, ending.scale, ending.zero_point)


def _on_codes(pattern: _Pattern, ending: _Ending, *sources: Codes) -> bool:
    """Whether the runtime fuses what comes in and goes out.

    Convolutions and products are fused here in any case: whole sums do not depend on the batch, and
    the runtime's real sums are the same but for the last bit.
    """
    target = pattern.fuses(ending.node.outputs[0], ending.zero_point)
    return target and all(pattern.fuses(codes, zero) for codes, _, zero in sources)


_INPUTS: Mapping[str, Callable[[_Pattern, Node, _Ending], tuple[str, ...] | None]] = (
    MappingProxyType(
        {
            "Add": _pair,
            "AveragePool": _alone,
            "Conv": _convolution,
            "Gemm": _gemm,
            "GlobalAveragePool": _alone,
            "MatMul": _product,
            "Mul": _pair,
            "Softmax": _alone,
        },
    )
)
