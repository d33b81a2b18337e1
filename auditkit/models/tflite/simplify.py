"""A file's graph without what only computes shapes or unpacks stored weights."""

from dataclasses import replace

from auditkit.models.tflite.dilation import with_dilated_convolutions
from auditkit.models.tflite.schema import Graph, OperatorRecord, TensorRecord
from auditkit.models.tflite.site import Site

# What computes a shape from a batch of unknown size. The shape recorded in the file already says
# it for one image, so these are left out.
_SHAPE_OPERATORS = frozenset(
    {
        "ADD",
        "CAST",
        "CONCATENATION",
        "DIV",
        "EXPAND_DIMS",
        "FLOOR_DIV",
        "GATHER",
        "MAXIMUM",
        "MINIMUM",
        "MUL",
        "PACK",
        "REDUCE_PROD",
        "RESHAPE",
        "SHAPE",
        "SLICE",
        "SPLIT",
        "SQUEEZE",
        "STRIDED_SLICE",
        "SUB",
        "UNPACK",
    },
)


def simplified(graph: Graph) -> Graph:
    """Leave out what only computes shapes, fold DEQUANTIZE of weights, dilate convolutions.

    Inputs that held a computed shape are left out of the operators that remain (-1).
    """
    tensors = list(graph.tensors)
    shapes: set[int] = set()
    kept = []
    for record in graph.operators:
        if _computes_shape(record, tensors, shapes):
            shapes.update(record.outputs)
        elif record.name == "DEQUANTIZE" and _stored(record, tensors):
            tensors[record.outputs[0]] = _dequantised(graph, record)
        else:
            inputs = tuple(-1 if index in shapes else index for index in record.inputs)
            kept.append(replace(record, inputs=inputs))
    return with_dilated_convolutions(
        replace(graph, tensors=tuple(tensors), operators=tuple(kept)),
    )


def _computes_shape(record: OperatorRecord, tensors: list[TensorRecord], shapes: set[int]) -> bool:
    if record.name == "SHAPE":
        return True
    known = [index in shapes or tensors[index].data is not None for index in record.inputs]
    # Values are reshaped and sliced as well: their first input is no shape.
    return (
        record.name in _SHAPE_OPERATORS
        and all(known)
        and any(index in shapes for index in record.inputs)
    )


def _stored(record: OperatorRecord, tensors: list[TensorRecord]) -> bool:
    return bool(record.inputs) and tensors[record.inputs[0]].data is not None


def _dequantised(graph: Graph, record: OperatorRecord) -> TensorRecord:
    site = Site(graph, record, "float", masked=True)
    site.arity(1)
    site.gives(site.input(0).shape)
    return replace(site.output, data=site.real(site.input(0)), dtype="FLOAT32")
