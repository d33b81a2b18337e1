"""Write a definition as Caffe runs it in the test phase, for a reader that does not know phases."""

from typing import Any

from auditkit.models.caffe.definition import LayerRecord, Options
from auditkit.models.caffe.graph import Graph
from auditkit.models.caffe.schema import net_class, protobuf

# Blobs are called by the number of their value, so that nothing is overwritten in place.
_INPUT = "input of auditkit"
_DEPTHWISE = ("ConvolutionDepthwise", "DepthwiseConvolution")
# For training, or a choice between equal computations.
_WITHOUT_EFFECT = (
    "weight_filler",
    "bias_filler",
    "filler",
    "engine",
    "force_nd_im2col",
    "stable_prod_grad",
    "moving_average_fraction",
)
_NOT_FOR_TEST = ("loss_param", "transform_param")


def plain_text(graph: Graph) -> str:
    """Give the text of a graph: one input of one image, the layers that lead to the answer.

    The layer that gives the answer is the last. Layers keep their names, by which their weights are
    found.
    """
    net = net_class()()
    net.input.append(_INPUT)
    net.input_shape.add(dim=[1, *graph.input_shape[1:]])
    names = {graph.input: _INPUT}
    for step in graph.steps:
        record = step.layer
        layer = net.layer.add(name=record.name, type=record.type)
        if record.type in _DEPTHWISE:
            layer.type = "Convolution"
        layer.bottom.extend(names.get(value, f"{value}") for value in step.inputs)
        layer.top.extend(names.get(value, f"{value}") for value in step.outputs)
        _copy_options(layer, record)
        _adapt(layer, record, graph)
    return str(protobuf("text_format").MessageToString(net, as_utf8=True))


def _copy_options(layer: Any, record: LayerRecord) -> None:
    for field, value in record.message.ListFields():
        if not field.name.endswith("_param") or field.name in _NOT_FOR_TEST:
            continue
        options = getattr(layer, field.name)
        options.CopyFrom(value)
        for name in _WITHOUT_EFFECT:
            if name in options.DESCRIPTOR.fields_by_name:
                options.ClearField(name)


def _adapt(layer: Any, record: LayerRecord, graph: Graph) -> None:
    # Where OpenCV has another word or another default than Caffe, the same is said in its terms.
    if record.type == "Pooling":
        _adapt_pooling(layer.pooling_param, record.options("pooling_param"))
    elif record.type == "LRN":
        _adapt_response_norm(layer.lrn_param, record.options("lrn_param"))
    elif record.type == "Reshape":
        sizes = layer.reshape_param.shape.dim
        whole = record.options("reshape_param").get("axis", 0) == 0
        if whole and sizes and sizes[0] == graph.input_shape[0]:
            sizes[0] = 1
    for options, old in ((layer.concat_param, "concat_dim"), (layer.slice_param, "slice_dim")):
        if options.HasField(old):
            options.axis = getattr(options, old)
            options.ClearField(old)


def _adapt_pooling(pooling: Any, options: Options) -> None:
    if options.get("round_mode", "CEIL") == "FLOOR":
        pooling.ceil_mode = False
    pooling.ClearField("round_mode")


def _adapt_response_norm(norm: Any, options: Options) -> None:
    norm.alpha = options.get("alpha", 1.0)
    if options.get("norm_region", "") == "WITHIN_CHANNEL":
        norm.k = 1.0
