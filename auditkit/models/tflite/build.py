"""From the records of a file to the plan of a network: which module runs when, on what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from torch import nn

from auditkit.models.tflite.arithmetic import Mode
from auditkit.models.tflite.elementwise import build_product, build_sum
from auditkit.models.tflite.functions import (
    build_activation,
    build_dequantise,
    build_hard_swish,
    build_logistic,
    build_quantise,
    build_softmax,
)
from auditkit.models.tflite.linear import build_convolution, build_dense, build_depthwise
from auditkit.models.tflite.pooling import build_mean, build_pool
from auditkit.models.tflite.schema import Graph, OperatorRecord, TensorRecord
from auditkit.models.tflite.shapes import (
    build_concatenation,
    build_pad,
    build_reshape,
    build_transpose,
)
from auditkit.models.tflite.site import Site

BUILDERS: Mapping[str, Callable[[Site], nn.Module]] = MappingProxyType(
    {
        "ADD": build_sum,
        "AVERAGE_POOL_2D": build_pool,
        "CONCATENATION": build_concatenation,
        "CONV_2D": build_convolution,
        "DEPTHWISE_CONV_2D": build_depthwise,
        "DEQUANTIZE": build_dequantise,
        "EXPAND_DIMS": build_reshape,
        "FULLY_CONNECTED": build_dense,
        "HARD_SWISH": build_hard_swish,
        "LOGISTIC": build_logistic,
        "MAX_POOL_2D": build_pool,
        "MEAN": build_mean,
        "MUL": build_product,
        "PAD": build_pad,
        "QUANTIZE": build_quantise,
        "RELU": build_activation,
        "RELU6": build_activation,
        "RELU_N1_TO_1": build_activation,
        "RESHAPE": build_reshape,
        "SOFTMAX": build_softmax,
        "SQUEEZE": build_reshape,
        "SUB": build_sum,
        "TRANSPOSE": build_transpose,
    },
)
# What computes the shape for a RESHAPE from a batch of unknown size. The shape recorded in the
# file already says it for one image, so these are left out.
_SHAPE_OPERATORS = frozenset(
    {"SHAPE", "STRIDED_SLICE", "PACK", "GATHER", "CAST", "REDUCE_PROD", "CONCATENATION", "MUL"},
)
_PROBABILITIES = frozenset({"SOFTMAX", "LOGISTIC"})
_TRANSPARENT = frozenset({"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE"})


@dataclass(frozen=True)
class Step:
    """One operator of the plan: its submodule, the tensors it reads, writes and uses up."""

    name: str
    inputs: tuple[int, ...]
    output: int
    released: tuple[int, ...]


@dataclass(frozen=True)
class Ending:
    """How a graph ends: the tensor with the logits, if a SOFTMAX or LOGISTIC follows it."""

    logits: int | None
    tensors: frozenset[int]


def simplified(graph: Graph) -> Graph:
    """Leave out what only computes shapes, and fold DEQUANTIZE of stored weights.

    Raises:
        AuditError: if an operator remains that the reader does not know; it names all of them.
    """
    tensors = list(graph.tensors)
    shapes: set[int] = set()
    kept = []
    for record in graph.operators:
        if _computes_shape(record, tensors, shapes):
            shapes.update(record.outputs)
        elif record.name == "DEQUANTIZE" and _stored(record, tensors):
            site = Site(graph, record, "float", masked=True)
            site.gives(site.input(0).shape)
            output = record.outputs[0]
            real = site.real(tensors[record.inputs[0]])
            tensors[output] = replace(tensors[output], data=real, dtype="FLOAT32")
        else:
            kept.append(record)
    unknown = sorted({record.name for record in kept} - set(BUILDERS))
    if unknown:
        graph.fail(
            f"uses the operator{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}, which the "
            f"reader does not know. It knows {', '.join(sorted(BUILDERS))}. Export the model "
            "without, or use it through another format",
        )
    return replace(graph, tensors=tuple(tensors), operators=tuple(kept))


def _computes_shape(record: OperatorRecord, tensors: list[TensorRecord], shapes: set[int]) -> bool:
    if record.name == "SHAPE":
        return True
    known = [index in shapes or tensors[index].data is not None for index in record.inputs]
    return (
        record.name in _SHAPE_OPERATORS
        and all(known)
        and any(index in shapes for index in record.inputs)
    )


def _stored(record: OperatorRecord, tensors: list[TensorRecord]) -> bool:
    return bool(record.inputs) and tensors[record.inputs[0]].data is not None


def ending(graph: Graph) -> Ending:
    """Walk back from the output to the SOFTMAX or LOGISTIC that makes it a probability."""
    producers = {record.outputs[0]: record for record in graph.operators}
    index, passed = graph.output, {graph.output}
    while (record := producers.get(index)) is not None:
        source = record.inputs[0] if record.inputs else -1
        if record.name not in _TRANSPARENT | _PROBABILITIES or source in passed:
            break
        index = source
        passed.add(index)
        if record.name in _PROBABILITIES:
            return Ending(index, frozenset(passed))
    return Ending(None, frozenset({graph.output}))


def build_steps(graph: Graph, mode: Mode) -> tuple[list[Step], dict[str, nn.Module]]:
    """Build the module of every operator, in the order of the file.

    Args:
        graph: a simplified graph.
        mode: the arithmetic.

    Returns:
        The plan, and the modules by name.

    Raises:
        AuditError: if an operator's tensors and options do not fit together.
    """
    unmasked = ending(graph).tensors
    computed, batch = {graph.input}, graph.tensors[graph.input].shape[:1]
    steps, modules = [], {}
    for record in graph.operators:
        site = Site(graph, record, mode, masked=record.outputs[0] not in unmasked)
        modules[record.label] = _built(site)
        inputs = _computed_inputs(site, computed)
        if not inputs or record.outputs[0] in computed or site.output.data is not None:
            site.fail("computes nothing, or what is stored or computed already")
        if any(graph.tensors[index].shape[:1] != batch for index in (*inputs, record.outputs[0])):
            site.fail("changes the first axis, which counts images")
        computed.add(record.outputs[0])
        steps.append(Step(record.label, inputs, record.outputs[0], ()))
    if graph.output not in computed or graph.output == graph.input:
        graph.fail("no operator computes the output")
    return _with_releases(steps, graph.output), modules


def _built(site: Site) -> nn.Module:
    site.input(0)
    try:
        return BUILDERS[site.record.name](site)
    except (IndexError, ValueError, OverflowError, RuntimeError) as error:
        site.fail(f"has tensors that do not fit together ({error}); the file is damaged")


def _computed_inputs(site: Site, computed: set[int]) -> tuple[int, ...]:
    """Which inputs a module is called with; stored ones are part of it."""
    found = []
    for position, index in enumerate(site.record.inputs):
        if index < 0 or site.graph.tensors[index].data is not None:
            continue
        if site.record.name == "RESHAPE" and position == 1:
            continue
        if index not in computed:
            site.fail(f"reads tensor {index}, which nothing has computed yet")
        found.append(index)
    return tuple(found)


def _with_releases(steps: list[Step], output: int) -> list[Step]:
    last = {index: step.name for step in steps for index in step.inputs}
    result = []
    for step in steps:
        released = {i for i in step.inputs if last[i] == step.name and i != output}
        result.append(replace(step, released=tuple(sorted(released))))
    return result


def is_image(tensor: TensorRecord) -> bool:
    """Whether a tensor can be the input: one image (1, H, W, C) of bytes or floats."""
    kinds = tensor.dtype == "FLOAT32" or tensor.quantised
    return kinds and len(tensor.shape) == 4 and int(np.max(tensor.shape)) < 1 << 15
