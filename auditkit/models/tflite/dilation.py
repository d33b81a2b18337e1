"""Convolutions between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: dilated ones, in older files.

Cutting an image into d x d interleaved ones, convolving each and interleaving the results is a
convolution with dilation d (Yu and Koltun, arXiv:1511.07122). Rewritten, the first axis of every
tensor counts images again.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from auditkit.models.tflite.schema import Graph, OperatorRecord, TensorRecord
from auditkit.models.tflite.site import Site

_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
# What may stand between the cut and the join beside one convolution.
_BETWEEN = frozenset({"ADD", "RELU", "RELU6", "HARD_SWISH", "LOGISTIC", "MUL", "QUANTIZE"})
_VALID = 1


def with_dilated_convolutions(graph: Graph) -> Graph:
    """Rewrite every cut, convolution and join as PAD, dilated convolution and SLICE."""
    cuts = [record for record in graph.operators if record.name == "SPACE_TO_BATCH_ND"]
    if not cuts:
        return graph
    readers: dict[int, list[OperatorRecord]] = {}
    for record in graph.operators:
        for index in set(record.inputs):
            readers.setdefault(index, []).append(record)
    tensors, changed = list(graph.tensors), {}
    for cut in cuts:
        changed.update(_rewritten(graph, cut, readers, tensors))
    operators = tuple(changed.get(record.index, record) for record in graph.operators)
    return replace(graph, tensors=tuple(tensors), operators=operators)


def _rewritten(
    graph: Graph,
    cut: OperatorRecord,
    readers: Mapping[int, list[OperatorRecord]],
    tensors: list[TensorRecord],
) -> dict[int, OperatorRecord]:
    """The records that replace a cut, its convolution and its join, by their place."""
    site = Site(graph, cut, "float", masked=True)
    block, padding = _block(site)
    chain = _chain(site, readers)
    for record in (cut, *chain[:-1]):
        _unfold(tensors, record.outputs[0], block)
    amounts = _constant(tensors, [[0, 0], padding[:2], padding[2:], [0, 0]])
    changed = {cut.index: replace(cut, name="PAD", inputs=(cut.inputs[0], amounts), options={})}
    for record in chain[:-1]:
        if record.name in _CONVOLUTIONS:
            changed[record.index] = _dilated(graph, record, block)
    join = Site(graph, chain[-1], "float", masked=True)
    crops = join.integers(2)
    if join.integers(1) != block or len(crops) != 4 or min(crops) < 0:
        join.fail(f"joins blocks of {join.integers(1)} with the crops {crops}")
    begin = _constant(tensors, [0, crops[0], crops[2], 0])
    size = _constant(tensors, join.output.shape)
    inputs = join.record.inputs[0], begin, size
    changed[join.record.index] = replace(join.record, name="SLICE", inputs=inputs, options={})
    return changed


def _block(site: Site) -> tuple[list[int], list[int]]:
    site.arity(3)
    block, padding = site.integers(1), site.integers(2)
    source = site.input(0).shape
    sizes = all(1 <= size < 1 << 15 for size in block) and len(block) == 2
    if len(source) != 4 or not sizes or len(padding) != 4 or min(padding) < 0:
        site.fail(f"cuts the shape {source} into blocks of {block} with the padding {padding}")
    return block, padding


def _chain(site: Site, readers: Mapping[int, list[OperatorRecord]]) -> list[OperatorRecord]:
    """The operators from a cut to its join, each the only reader of the one before."""
    found: list[OperatorRecord] = []
    current, convolutions = site.record.outputs[0], 0
    while True:
        reading = readers.get(current, [])
        following = reading[0] if len(reading) == 1 else None
        if following is None or following.inputs[0] != current or current == site.graph.output:
            site.fail("is not followed by one convolution and BATCH_TO_SPACE_ND")
        found.append(following)
        if following.name == "BATCH_TO_SPACE_ND" and convolutions == 1:
            Site(site.graph, following, "float", masked=True).arity(3)
            return found
        convolutions += following.name in _CONVOLUTIONS
        known = following.name in _CONVOLUTIONS | _BETWEEN and len(following.outputs) == 1
        if not known or convolutions > 1 or len(found) > 8:
            site.fail("is not followed by one convolution and BATCH_TO_SPACE_ND")
        current = following.outputs[0]


def _dilated(graph: Graph, record: OperatorRecord, block: list[int]) -> OperatorRecord:
    site = Site(graph, record, "float", masked=True)
    strides = site.option("stride_h"), site.option("stride_w")
    dilations = site.option("dilation_h"), site.option("dilation_w")
    if site.option("padding") != _VALID or strides != (1, 1) or dilations != (1, 1):
        site.fail("stands between blocks with padding, strides or dilation of its own")
    return replace(
        record, options={**record.options, "dilation_h": block[0], "dilation_w": block[1]}
    )


def _unfold(tensors: list[TensorRecord], index: int, block: list[int]) -> None:
    record = tensors[index]
    count, height, width, channels = record.shape if len(record.shape) == 4 else (0, 0, 0, 0)
    shape = (count // (block[0] * block[1]), height * block[0], width * block[1], channels)
    # A shape that does not fit fails later, where the operator's own shape is checked.
    tensors[index] = replace(record, shape=shape)


def _constant(tensors: list[TensorRecord], values: object) -> int:
    data = np.array(values, np.int64)
    tensors.append(TensorRecord(len(tensors), "", "INT64", data.shape, None, data))
    return len(tensors) - 1
