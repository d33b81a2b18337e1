"""Which builder makes which operator; everything else is refused by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from auditkit.models.onnx import (
    elementwise,
    indexing,
    linear,
    normalisation,
    pooling,
    quantise,
    reductions,
    reshape,
    resize,
    shapes,
)
from auditkit.models.onnx.graph import MICROSOFT, Graph, Node
from auditkit.models.onnx.integer import INTEGER
from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.site import Site

Builder = Callable[[Site], Operator]

_OWN: dict[str, Builder] = {
    "ArgMax": reductions.build_extreme,
    "ArgMin": reductions.build_extreme,
    "AveragePool": pooling.build_pool,
    "BatchNormalization": normalisation.build_batch,
    "Cast": indexing.build_cast,
    "Celu": elementwise.build_elu,
    "Clip": elementwise.build_clip,
    "Concat": shapes.build_join,
    "Constant": indexing.build_constant,
    "ConstantOfShape": shapes.build_filled,
    "Conv": linear.build_convolution,
    "DepthToSpace": shapes.build_depth,
    "DequantizeLinear": quantise.build_dequantise,
    "Div": elementwise.build_divide,
    "Dropout": indexing.build_identity,
    "Einsum": linear.build_einsum,
    "Elu": elementwise.build_elu,
    "Expand": shapes.build_expand,
    "Flatten": shapes.build_flatten,
    "Gather": indexing.build_gather,
    "GatherElements": indexing.build_gather_elements,
    "Gelu": elementwise.build_gelu,
    "Gemm": linear.build_gemm,
    "GlobalAveragePool": pooling.build_global_pool,
    "GlobalMaxPool": pooling.build_global_pool,
    "GroupNormalization": normalisation.build_group,
    "HardSigmoid": elementwise.build_hard_sigmoid,
    "Identity": indexing.build_identity,
    "InstanceNormalization": normalisation.build_instance,
    "LRN": normalisation.build_local,
    "LayerNormalization": normalisation.build_layer,
    "LeakyRelu": elementwise.build_leaky,
    "LogSoftmax": elementwise.build_softmax,
    "MatMul": linear.build_product,
    "Max": elementwise.build_variadic,
    "MaxPool": pooling.build_pool,
    "Mean": elementwise.build_variadic,
    "Min": elementwise.build_variadic,
    "Mod": elementwise.build_modulo,
    "PRelu": elementwise.build_prelu,
    "Pad": shapes.build_pad,
    "Pow": elementwise.build_power,
    "QuantizeLinear": quantise.build_quantise,
    "RMSNormalization": normalisation.build_root,
    "Range": shapes.build_range,
    "Reshape": reshape.build_reshape,
    "Resize": resize.build_resize,
    "ScatterND": indexing.build_scatter,
    "Selu": elementwise.build_selu,
    "Shape": shapes.build_shape,
    "Size": shapes.build_size,
    "Slice": indexing.build_slice,
    "Softmax": elementwise.build_softmax,
    "SpaceToDepth": shapes.build_depth,
    "Split": indexing.build_split,
    "Squeeze": shapes.build_squeeze,
    "Sum": elementwise.build_variadic,
    "Swish": elementwise.build_swish,
    "Tile": shapes.build_tile,
    "TopK": reductions.build_largest,
    "Transpose": shapes.build_transpose,
    "Unsqueeze": shapes.build_unsqueeze,
    "Upsample": resize.build_resize,
    "Where": elementwise.build_where,
}
_OWN |= dict.fromkeys(elementwise.SIMPLE, elementwise.build_simple)
_OWN |= dict.fromkeys(reductions.REDUCTIONS, reductions.build_reduction)
_OWN |= {name: INTEGER[name] for name in ("QLinearConv", "QLinearMatMul")}
_FOREIGN: dict[str, Builder] = {
    "DequantizeLinear": quantise.build_dequantise,
    "Gelu": elementwise.build_gelu,
    "QuantizeLinear": quantise.build_quantise,
    **INTEGER,
}
BUILDERS: Mapping[str, Mapping[str, Builder]] = MappingProxyType({"": _OWN, MICROSOFT: _FOREIGN})

# These scale by what is in the whole batch: an image's answer would depend on its neighbours.
_DYNAMIC = ("DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul")
_CONTROL = ("If", "Loop", "Scan")


def builder_of(node: Node) -> Builder | None:
    """What builds a node; None if nothing does."""
    return BUILDERS.get(node.domain, {}).get(node.operator)


def refuse_unknown(graph: Graph) -> None:
    """Refuse operators that the reader does not know, all at once.

    Raises:
        AuditError: naming each of them.
    """
    unknown = sorted({_full_name(node) for node in graph.nodes if builder_of(node) is None})
    if not unknown:
        return
    hint = "Export the model without, or use it through another format"
    if any(name.rpartition("::")[2] in _DYNAMIC for name in unknown):
        hint = "It is quantised dynamically, batch by batch; quantise it statically (QDQ) instead"
    elif any(name in _CONTROL for name in unknown):
        hint = "Export the model without control flow"
    graph.fail(
        f"uses the operator{'s' if len(unknown) > 1 else ''} {', '.join(unknown)[:600]}, which the "
        f"reader does not know. {hint}",
    )


def _full_name(node: Node) -> str:
    return f"{node.domain}::{node.operator}" if node.domain else node.operator


# What may be done to codes without knowing their scale.
MOVES = frozenset(
    {
        "Cast",
        "Concat",
        "DepthToSpace",
        "Dropout",
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "MaxPool",
        "Reshape",
        "Shape",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    },
)
