"""Which layer takes what from which: blobs that are overwritten in place become values of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from auditkit.models.caffe.definition import Definition, LayerRecord, Shape

# Losses of training stand for the function whose output they judge.
LOSSES: Mapping[str, str] = MappingProxyType(
    {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"},
)
IGNORED = frozenset({"Accuracy", "Silence"})


@dataclass(frozen=True)
class Step:
    """A layer that runs: the numbers of the values it takes and gives."""

    layer: LayerRecord
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """A network with one image input and one output, in the order in which it runs.

    Attributes:
        input: value of the images.
        input_name: its name in the definition.
        input_shape: (N, channels, height, width), the sizes in the definition.
        output: value of the answer.
    """

    definition: Definition
    input: int
    input_name: str
    input_shape: Shape
    steps: tuple[Step, ...]
    output: int


def resolve(definition: Definition) -> Graph:
    """Connect the layers of a definition.

    Raises:
        AuditError: if a layer takes what no earlier one gives (so that cycles are refused), a blob is
            given twice, or there is not one image input and one output.
    """
    values: dict[str, int] = {name: place for place, name in enumerate(definition.inputs)}
    steps: list[Step] = []
    silenced: set[int] = set()
    count = len(values)
    for layer in definition.layers:
        inputs = _inputs(definition, layer, values)
        if layer.type in IGNORED:
            silenced.update(inputs if layer.type == "Silence" else ())
            continue
        tops = _tops(definition, layer, values)
        outputs = tuple(range(count, count + len(tops)))
        count += len(tops)
        values.update(zip(tops, outputs, strict=True))
        steps.append(Step(layer, inputs, outputs))
    steps = _without_losses(steps)
    output = _output(definition, steps, silenced)
    steps = _contributing(steps, output)
    place, name, shape = _image(definition, steps)
    return Graph(definition, place, name, shape, tuple(steps), output)


def _inputs(
    definition: Definition, layer: LayerRecord, values: Mapping[str, int]
) -> tuple[int, ...]:
    bottoms = layer.bottoms[:1] if layer.type in LOSSES else layer.bottoms
    missing = [bottom for bottom in bottoms if bottom not in values]
    if missing or not bottoms:
        definition.fail(
            f'layer "{layer.name}" takes "{missing[0]}", which no earlier layer gives'
            if missing
            else f'layer "{layer.name}" ({layer.type}) takes nothing, expected a bottom',
        )
    return tuple(values[bottom] for bottom in bottoms)


def _tops(definition: Definition, layer: LayerRecord, values: Mapping[str, int]) -> tuple[str, ...]:
    if layer.type in LOSSES:
        return (layer.tops[-1] if layer.tops else f"({layer.name})",)
    tops = layer.tops
    in_place = {top for top, bottom in zip(tops, layer.bottoms, strict=False) if top == bottom}
    twice = [top for top in tops if tops.count(top) > 1 or (top in values and top not in in_place)]
    if twice or not tops:
        definition.fail(
            f'layer "{layer.name}" gives "{twice[0]}", which an earlier layer gives already'
            if twice
            else f'layer "{layer.name}" ({layer.type}) gives nothing, expected a top',
        )
    return tops


def _without_losses(steps: list[Step]) -> list[Step]:
    # Where the definition has both, the loss says nothing that the softmax does not.
    answered = {step.inputs[0] for step in steps if step.layer.type in LOSSES.values()}
    kept = []
    for step in steps:
        stands_for = LOSSES.get(step.layer.type)
        if stands_for is None:
            kept.append(step)
        elif step.inputs[0] not in answered:
            kept.append(replace(step, layer=replace(step.layer, type=stands_for)))
    return kept


def _output(definition: Definition, steps: list[Step], silenced: set[int]) -> int:
    names = {
        value: top
        for step in steps
        for value, top in zip(step.outputs, step.layer.tops or (step.layer.name,), strict=False)
    }
    taken = {value for step in steps for value in step.inputs} | silenced
    ends = [value for step in steps for value in step.outputs if value not in taken]
    if len(ends) != 1:
        listed = ", ".join(f'"{names[end]}"' for end in ends[:20]) or "none"
        definition.fail(
            f"has {len(ends)} outputs ({listed}), expected one; keep the layers that lead to the "
            "answer, as a deploy.prototxt does",
        )
    return ends[0]


def _contributing(steps: list[Step], output: int) -> list[Step]:
    needed, kept = {output}, []
    for step in reversed(steps):
        if needed.intersection(step.outputs):
            needed.update(step.inputs)
            kept.append(step)
    return kept[::-1]


def _image(definition: Definition, steps: list[Step]) -> tuple[int, str, Shape]:
    taken = {value for step in steps for value in step.inputs}
    used = [(place, name) for place, name in enumerate(definition.inputs) if place in taken]
    if len(used) != 1:
        definition.fail(f"has {len(used)} inputs that lead to the answer, expected one")
    place, name = used[0]
    shape = definition.inputs[name]
    if shape is None or len(shape) != 4 or any(size < 1 for size in shape):
        definition.fail(
            f'does not give the input "{name}" the shape (1, channels, height, width); use a '
            "deploy.prototxt with input_param { shape { dim: 1 dim: ... } }",
        )
    return place, name, shape
