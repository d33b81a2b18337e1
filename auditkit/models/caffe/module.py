"""A Caffe definition with its weights as a PyTorch module."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from auditkit.errors import AuditError
from auditkit.models.caffe import elementwise, linear, normalisation, pooling, shapes
from auditkit.models.caffe.definition import Shape, read_definition
from auditkit.models.caffe.graph import IGNORED, LOSSES, Graph, Step, resolve
from auditkit.models.caffe.site import Builder, Site
from auditkit.models.caffe.weights import StoredBlob, index_weights

_BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        "AbsVal": elementwise.absolute,
        "BatchNorm": normalisation.batch_norm,
        "Bias": normalisation.bias,
        "Concat": shapes.concat,
        "Convolution": linear.convolution,
        # The names of forks for a Convolution with as many groups as channels.
        "ConvolutionDepthwise": linear.convolution,
        "DepthwiseConvolution": linear.convolution,
        "Deconvolution": linear.deconvolution,
        "Dropout": elementwise.dropout,
        "ELU": elementwise.elu,
        "Eltwise": elementwise.eltwise,
        "Flatten": shapes.flatten,
        "InnerProduct": linear.inner_product,
        "LRN": normalisation.response_norm,
        "PReLU": elementwise.prelu,
        "Pooling": pooling.pooling,
        "Power": elementwise.power,
        "ReLU": elementwise.relu,
        "Reshape": shapes.reshape,
        "Scale": normalisation.scale,
        "Sigmoid": elementwise.sigmoid,
        "Slice": shapes.slices,
        "Softmax": elementwise.softmax,
        "Split": shapes.split,
        "TanH": elementwise.tanh,
    },
)
KNOWN = frozenset({*_BUILDERS, *LOSSES, *IGNORED})
# What may stand behind a final softmax without changing its numbers.
_TRANSPARENT = ("Dropout", "Flatten", "Reshape", "Split")


class CaffeModule(nn.Module):
    """A classifier read from a Caffe definition and its weights; see `load_caffe`.

    Each layer is a submodule named as in the definition (a dot becomes an underscore, a name that is
    taken gets `_layer` behind it), so that forward hooks work on any of them. What Caffe overwrites in
    place is a value of its own here.

    Attributes:
        input_shape: (height, width, channels).
        output_count: how many values there are per image.
        has_logits: whether the network ends in a softmax or sigmoid, so that `logits` can be called.
        layer_names: the submodules in the order in which they run.
    """

    def __init__(self, graph: Graph, weights: Path) -> None:
        super().__init__()
        _, channels, height, width = graph.input_shape
        modules, found = _build(graph, weights)
        self.input_shape = (height, width, channels)
        self._input, self._output = graph.input, graph.output
        self._logits = _logits(graph, found)
        self.output_count = math.prod(found[graph.output][1:])
        self.has_logits = self._logits is not None
        self._steps: list[tuple[str, Step, tuple[int, ...]]] = []
        self.layer_names: tuple[str, ...] = ()
        for step, module, released in zip(graph.steps, modules, _released(graph), strict=True):
            name = self._free_name(step.layer.name or step.layer.type)
            self.add_module(name, module)
            self._steps.append((name, step, released))
        self.layer_names = tuple(name for name, _, _ in self._steps)
        self.eval()

    def _free_name(self, name: str) -> str:
        name = name.replace(".", "_")
        while hasattr(self, name):
            name += "_layer"
        return name

    def forward(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Classify images.

        Args:
            x: (N, C, H, W) float32, as the network was trained: usually blue, green, red, 0 to 255
                less a mean.
            table: must be None; these networks have one input.

        Returns:
            (N, outputs) float32.
        """
        return self._value(x, table, self._output)

    def logits(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Give the input of the final softmax or sigmoid, (N, outputs).

        Raises:
            AuditError: if the network does not end in one; `has_logits` says so.
        """
        if self._logits is None:
            raise AuditError(
                "the Caffe model does not end in Softmax or Sigmoid, so that its output are the "
                "logits; use output: model",
            )
        return self._value(x, table, self._logits)

    def _value(self, x: Tensor, table: Tensor | None, wanted: int) -> Tensor:
        if table is not None:
            raise AuditError("the Caffe model was given a table, but has no input for one")
        height, width, channels = self.input_shape
        if tuple(x.shape[1:]) != (channels, height, width) or not x.is_floating_point():
            raise AuditError(
                f"the Caffe model was given {x.dtype} of shape {tuple(x.shape)}, expected float32 "
                f"of shape (N, {channels}, {height}, {width})",
            )
        values: dict[int, Tensor] = {self._input: x.to(torch.float32)}
        for name, step, released in self._steps:
            answer = self.get_submodule(name)(*[values[place] for place in step.inputs])
            values.update(zip(step.outputs, _listed(answer), strict=True))
            if wanted in values:
                break
            for place in released:
                del values[place]
        return values[wanted].flatten(1)


def _listed(answer: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (answer,) if isinstance(answer, Tensor) else answer


def _build(graph: Graph, weights: Path) -> tuple[list[nn.Module], dict[int, Shape]]:
    stored = index_weights(weights)
    found: dict[int, Shape] = {graph.input: graph.input_shape}
    modules: list[nn.Module] = []
    named: set[str] = set()
    for step in graph.steps:
        site = _site(graph, step, weights, found, stored)
        if site.stored and step.layer.name in named:
            site.fail("shares its name with another layer, so that its weights cannot be told")
        named.add(step.layer.name)
        if not modules:
            site.checked(graph.input_shape)
        built = _BUILDERS[step.layer.type](site)
        if not built.module.state_dict():
            site.expect_blobs(0)
        found.update(zip(step.outputs, built.shapes, strict=True))
        modules.append(built.module)
    return modules, found


def _site(
    graph: Graph,
    step: Step,
    weights: Path,
    found: Mapping[int, Shape],
    stored: Mapping[str, tuple[StoredBlob, ...]],
) -> Site:
    taken = tuple(found[place] for place in step.inputs)
    blobs = stored.get(step.layer.name, ())
    return Site(graph.definition.path, weights, step.layer, taken, blobs)


def _released(graph: Graph) -> list[tuple[int, ...]]:
    last: dict[int, int] = {}
    for place, step in enumerate(graph.steps):
        last.update(dict.fromkeys((*step.outputs, *step.inputs), place))
    last.pop(graph.output)
    released: list[list[int]] = [[] for _ in graph.steps]
    for value, place in last.items():
        released[place].append(value)
    return [tuple(values) for values in released]


def _logits(graph: Graph, found: Mapping[int, Shape]) -> int | None:
    makers = {value: step for step in graph.steps for value in step.outputs}
    value = graph.output
    while value in makers and makers[value].layer.type in _TRANSPARENT:
        value = makers[value].inputs[0]
    if value not in makers:
        return None
    step = makers[value]
    source = step.inputs[0]
    if step.layer.type == "Softmax":
        # A softmax at each place of a map is not one over what the network answers.
        axis = step.layer.options("softmax_param").get("axis", 1)
        whole = found[source][axis] == math.prod(found[source][1:])
        return source if whole else None
    return source if step.layer.type == "Sigmoid" else None


def load_caffe(weights: Path, definition: Path) -> CaffeModule:
    """Read a Caffe classifier into PyTorch.

    Definitions and weights of the format since 2015 (`layer`) and of the one before (`layers`) are
    read, the definition as it runs in the test phase. Nothing in the format can run code.

    Args:
        weights: a .caffemodel.
        definition: the .prototxt of the same network; with the shape of its input.

    Returns:
        A module in eval mode, whose weights need no gradient.

    Raises:
        AuditError: if a file is damaged, the two do not belong together, or a layer's type is not
            known; the message names all such types.

    Deviates:
        A loss of training (SoftmaxWithLoss, SigmoidCrossEntropyLoss) answers as its softmax or sigmoid;
        Accuracy and Silence are left out. Layers in which images of a batch would influence each other
        are refused.
    """
    graph = resolve(read_definition(definition, KNOWN))
    try:
        with torch.no_grad():
            return CaffeModule(graph, weights)
    except (RuntimeError, MemoryError) as error:
        raise AuditError(
            f"{definition}: PyTorch cannot build the network: {str(error).splitlines()[0]}",
        ) from error
