"""BatchNormalization with stored statistics, folded into the convolution in front of it.

Ioffe and Szegedy, arXiv:1502.03167, algorithm 2: at inference it is one factor and one offset per
channel, which the weights and the bias of a linear operator can take over.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from auditkit.models.onnx.graph import Graph, Node
from auditkit.models.onnx.tensors import Array


def batch_folded(graph: Graph, output: str) -> Graph:
    """Fold what normalises nothing but a convolution; the rest stays as it is."""
    readers, constants = graph.readers(), dict(graph.constants)
    shown = {output, *(port.name for port in graph.outputs)}
    whole: dict[int, Node] = {}
    gone: set[int] = set()
    for node in graph.nodes:
        following = readers.get(node.outputs[0], [])
        if node.operator != "Conv" or len(following) != 1 or node.outputs[0] in shown:
            continue
        taken = _folded(node, following[0], constants)
        if taken is not None:
            whole[id(node)] = _together(node, following[0])
            constants |= dict(zip(whole[id(node)].inputs[1:], taken, strict=True))
            gone.add(id(following[0]))
    nodes = tuple(whole.get(id(node), node) for node in graph.nodes if id(node) not in gone)
    return replace(graph, nodes=nodes, constants=MappingProxyType(constants))


def _together(convolution: Node, normalisation: Node) -> Node:
    name = convolution.outputs[0]
    inputs = (convolution.inputs[0], f"{name}/folded weights", f"{name}/folded bias")
    return replace(convolution, inputs=inputs, outputs=normalisation.outputs)


def _folded(
    convolution: Node, normalisation: Node, constants: Mapping[str, Array]
) -> tuple[Array, Array] | None:
    """Weights and bias of both together; None where they do not fit as they should."""
    if normalisation.operator != "BatchNormalization" or normalisation.domain:
        return None
    names = (*convolution.inputs[1:2], *normalisation.inputs[1:])
    usual = not any(normalisation.attributes.get(key, value) != value for key, value in _USUAL)
    if not usual or any(normalisation.outputs[1:]) or not constants.keys() >= set(names):
        return None
    weights, *parts = (constants[name].astype(np.float64) for name in names)
    bias = np.zeros(weights.shape[:1])
    if len(convolution.inputs) > 2 and convolution.inputs[2]:
        if convolution.inputs[2] not in constants:
            return None
        bias = constants[convolution.inputs[2]].astype(np.float64)
    fit = all(part.shape == weights.shape[:1] for part in (bias, *parts))
    if weights.ndim < 3 or len(parts) != 4 or not fit:
        return None
    return _scaled(weights, bias, parts, normalisation.attributes.get("epsilon", 1e-5))


_USUAL = (("training_mode", 0), ("spatial", 1))


def _scaled(
    weights: Array, bias: Array, parts: list[Array], epsilon: float
) -> tuple[Array, Array] | None:
    scale, offset, mean, variance = parts
    with np.errstate(all="ignore"):
        factor = scale / np.sqrt(variance + np.float32(epsilon))
        # In double precision, so that each weight is rounded once.
        column = factor.reshape(-1, *[1] * (weights.ndim - 1))
        both = (
            (weights * column).astype(np.float32),
            ((bias - mean) * factor + offset).astype(np.float32),
        )
    return both if all(np.isfinite(part).all() for part in both) else None
