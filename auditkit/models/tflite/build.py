"""From the records of a file to the plan of a network: which module runs when, on what."""

from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from auditkit.models.tflite.arithmetic import Mode
from auditkit.models.tflite.layout import Oriented, channels_first
from auditkit.models.tflite.operators import BUILDERS
from auditkit.models.tflite.schema import Graph, TensorRecord
from auditkit.models.tflite.site import Site

_PROBABILITIES = frozenset({"SOFTMAX", "LOGISTIC"})
_TRANSPARENT = frozenset({"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE"})
# Weights that operators may share, in values of the file; shared weights count each time.
_MOST_SHARING, _SMALL = 8, 1 << 16


@dataclass(frozen=True)
class Step:
    """One operator of the plan: its submodule, the tensors it reads, writes and uses up."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    released: tuple[int, ...]


@dataclass(frozen=True)
class Ending:
    """How a graph ends: the tensor with the logits, if a SOFTMAX or LOGISTIC follows it."""

    logits: int | None
    tensors: frozenset[int]


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


def refuse_unknown(graph: Graph) -> None:
    """Raise an AuditError that names every operator and number format that the reader lacks."""
    if not graph.operators:
        graph.fail("holds no operators")
    unknown = sorted({record.name for record in graph.operators} - set(BUILDERS))
    if unknown:
        graph.fail(
            f"uses the operator{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}, which the "
            f"reader does not know. It knows {', '.join(sorted(BUILDERS))}. Export the model "
            "without, or use it through another format",
        )
    if any(tensor.dtype == "INT16" and tensor.quantisation for tensor in graph.tensors):
        graph.fail(
            "has 16-bit activations (16x8 quantisation), which the reader does not know; export "
            "the model with int8 activations or as float",
        )


def build_steps(graph: Graph, mode: Mode) -> tuple[list[Step], dict[str, nn.Module]]:
    """Build the module of every operator, in the order of the file.

    Args:
        graph: a simplified graph of known operators.
        mode: the arithmetic.

    Returns:
        The plan, and the modules by name.

    Raises:
        AuditError: if an operator's tensors and options do not fit together.
    """
    _bound_weights(graph)
    unmasked, first = ending(graph).tensors, channels_first(graph)
    computed = {graph.input} if graph.table is None else {graph.input, graph.table}
    steps, modules = [], {}
    for record in graph.operators:
        site = Site(graph, record, mode, masked=record.outputs[0] not in unmasked)
        inputs, outputs = _computed_inputs(site, computed), record.outputs
        _check_places(site, inputs, computed)
        flags = tuple(index in first for index in inputs)
        module = _built(site)
        if any(flags) or outputs[0] in first:
            module = Oriented(module, flags, output=outputs[0] in first)
        modules[record.label] = module
        computed.update(outputs)
        steps.append(Step(record.label, inputs, outputs, ()))
    if graph.output not in computed or graph.output in (graph.input, graph.table):
        graph.fail("no operator computes the output")
    return _with_releases(steps, graph.output), modules


def _check_places(site: Site, inputs: tuple[int, ...], computed: set[int]) -> None:
    tensors, outputs = site.graph.tensors, site.record.outputs
    stored = any(tensors[index].data is not None for index in outputs)
    if not inputs or stored or not computed.isdisjoint(outputs):
        site.fail("computes nothing, or what is stored or computed already")
    batch = tensors[site.graph.input].shape[:1]
    if any(tensors[index].shape[:1] != batch for index in (*inputs, *outputs)):
        site.fail("changes the first axis, which counts images")


def _built(site: Site) -> nn.Module:
    try:
        return BUILDERS[site.record.name](site)
    except (IndexError, ValueError, OverflowError, RuntimeError, MemoryError) as error:
        site.fail(f"has tensors that do not fit together ({error}); the file is damaged")


def _computed_inputs(site: Site, computed: set[int]) -> tuple[int, ...]:
    """Which inputs a module is called with; stored ones are part of it."""
    found = []
    for index in site.record.inputs:
        if index < 0 or site.graph.tensors[index].data is not None:
            continue
        if index not in computed:
            site.fail(f"reads tensor {index}, which nothing has computed yet")
        found.append(index)
    return tuple(found)


def _bound_weights(graph: Graph) -> None:
    """Refuse a small file that would become a huge network by naming its weights again and again."""
    sizes = [0 if tensor.data is None else tensor.data.size for tensor in graph.tensors]
    used = sum(sizes[index] for record in graph.operators for index in record.inputs if index >= 0)
    if used > _MOST_SHARING * sum(sizes) + _SMALL:
        graph.fail("uses the same weights again and again, as no real network does")


def _with_releases(steps: list[Step], output: int) -> list[Step]:
    last = {index: step.name for step in steps for index in step.inputs}
    result = []
    for step in steps:
        released = {i for i in step.inputs if last[i] == step.name and i != output}
        result.append(replace(step, released=tuple(sorted(released))))
    return result


def is_image(tensor: TensorRecord) -> bool:
    """Whether a tensor can be the input: images of bytes or floats with four axes."""
    kinds = tensor.dtype in ("FLOAT32", "UINT8") or tensor.quantised
    return kinds and len(tensor.shape) == 4 and int(np.max(tensor.shape)) < 1 << 15


def is_table(tensor: TensorRecord) -> bool:
    """Whether a tensor can be the second input: (1, F) floats or codes of them."""
    return len(tensor.shape) == 2 and (tensor.dtype == "FLOAT32" or tensor.quantised)
