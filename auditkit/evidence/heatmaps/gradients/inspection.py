"""What a network does between input and answer, read from its autograd graph.

The graph holds every differentiable operation, whether a module, a function, a method or a compiled
program called it, in place or not, once or many times: unlike hooks on modules, it misses none.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch

from auditkit.evidence.heatmaps.gradients.calls import Apart
from auditkit.evidence.heatmaps.subject import Subject, Table
from auditkit.models.memory import ran_out
from auditkit.models.tflite.arithmetic import FakeStage

# Operations by the names of their autograd nodes.
_ACTIVATIONS: Mapping[str, str] = MappingProxyType(
    {
        "Celu": "celu",
        "Elu": "elu",
        "Gelu": "gelu",
        "Hardsigmoid": "hard sigmoid",
        "Hardswish": "hard swish",
        "Hardtanh": "hardtanh",
        "LeakyRelu": "leaky relu",
        "Maximum": "maximum",
        "Minimum": "minimum",
        "Mish": "mish",
        "PreluKernel": "prelu",
        "Sigmoid": "sigmoid",
        "Silu": "silu",
        "Softmax": "softmax",
        "Softplus": "softplus",
        "Tanh": "tanh",
        "_RoundThrough": "quantised",
        "_Through": "quantised",
    }
)
_PRODUCTS: Mapping[str, str] = MappingProxyType(
    {
        "Addbmm": "matmul",
        "Addcdiv": "div",
        "Addcmul": "mul",
        "Addmm": "matmul",
        "Baddbmm": "matmul",
        "Bmm": "matmul",
        "Convolution": "convolution",
        "Div": "div",
        "Mm": "matmul",
        "Mul": "mul",
        "Pow": "pow",
    }
)
_NORMALISATIONS: Mapping[str, str] = MappingProxyType(
    {
        "NativeGroupNorm": "group norm",
        "NativeLayerNorm": "layer norm",
        "LinalgVectorNorm": "vector norm",
    }
)
# Operators that only their own network makes, and that a clip at zero may follow.
_SUMS = frozenset({"Convolution", "Addmm", "Mm", "MkldnnConvolution"})
_MOVES = frozenset({"View", "UnsafeView", "Reshape", "Permute", "Transpose", "T", "Clone", "Add"})


@dataclass(frozen=True)
class Operation:
    """One node of the graph.

    Attributes:
        node: of the autograd graph.
        inputs: how many of its inputs depend on the image.
    """

    node: Any
    inputs: int

    @property
    def name(self) -> str:
        """Its kind, such as ``Relu``."""
        return re.sub(r"Backward\w*$", "", str(self.node.name()))


@dataclass(frozen=True)
class Inspection:
    """What a network does on probe images.

    Attributes:
        relus: ReLUs, ReLU6 included.
        others: how often each other activation is called.
        products: products of two numbers that both depend on the image, by operation.
        normalisations: by statistics of the image itself.
        problem: why no gradient can be had; empty if it can.
    """

    relus: int = 0
    others: Mapping[str, int] = field(default_factory=dict)
    products: Mapping[str, int] = field(default_factory=dict)
    normalisations: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


def counted(counts: Mapping[str, int]) -> str:
    """``silu (49), sigmoid (16)``, the most frequent first."""
    found = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} ({count})" for name, count in found)


def operations(answer: torch.Tensor, inputs: torch.Tensor) -> list[Operation]:
    """All operations on the way from a leaf to an answer, those near the leaf first."""
    depends: dict[Any, bool] = {}
    found: list[Operation] = []
    stack: list[tuple[Any, bool]] = [] if answer.grad_fn is None else [(answer.grad_fn, False)]
    while stack:
        node, expanded = stack.pop()
        before = [following for following, _ in node.next_functions if following is not None]
        if expanded:
            count = sum(depends[one] for one in before)
            depends[node] = count > 0 or getattr(node, "variable", None) is inputs
            if count:
                found.append(Operation(node, count))
        elif node not in depends:
            depends[node] = False
            stack += [(node, True), *((one, False) for one in before if one not in depends)]
    return found


def is_relu(operation: Operation) -> bool:
    """Whether an operation is a ReLU or ReLU6, by whatever name.

    A limit to [0, 1] is not: it keeps pictures and probabilities in their range.
    """
    node, name = operation.node, operation.name
    if name == "Relu":
        return True
    if name == "Threshold":
        return float(node._saved_threshold) == 0  # noqa: SLF001 the documented name of what a node keeps
    if name == "_RoundThrough":
        return _clips_sums(node)
    low, high = limits(node, name)
    return low == 0 and high in (None, float("inf"), 6)


def limits(node: Any, name: str) -> tuple[float | None, float | None]:
    """Between which numbers an operation keeps its input; None: it does not."""
    if name == "Clamp":
        return _number(node, "_saved_min"), _number(node, "_saved_max")
    if name == "ClampMin":
        return _number(node, "_saved_min"), None
    if name == "Hardtanh":
        return node._saved_min_val, node._saved_max_val  # noqa: SLF001 as above
    if name == "_Limited":
        return node.limits[0], node.limits[1]
    return None, None


def _number(node: Any, name: str) -> float | None:
    """A limit that a node keeps; NaN where it is a tensor of several numbers."""
    found: float | torch.Tensor | None = getattr(node, name, None)
    if not isinstance(found, torch.Tensor):
        return found
    first = found.flatten()[0]
    return float(first) if bool((found == first).all()) else float("nan")


def _clips_sums(node: Any) -> bool:
    """Whether a quantised operator ends at code zero though it can go below: a fused ReLU."""
    stage = getattr(node, "stage", None)
    if not isinstance(stage, FakeStage) or not stage.masked or stage.limits[0] != 0:
        return False
    return _goes_below_zero(node.next_functions[0][0])


def _goes_below_zero(node: Any) -> bool:
    """Whether what an operator gives can be negative: sums with weights, or of codes that can be."""
    if node is None:
        return False
    name, stage = Operation(node, 1).name, getattr(node, "stage", None)
    if isinstance(stage, FakeStage):
        return stage.limits[0] < 0
    if name in _MOVES:
        return any(_goes_below_zero(before) for before, _ in node.next_functions)
    return name in _SUMS


def probes(subject: Subject) -> list[torch.Tensor]:
    """Two inputs, each (1, C, *space): fixed noise, and grey."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand((1, *subject.shape), generator=generator)
    return [one.to(subject.device) for one in (drawn, torch.full_like(drawn, 0.5))]


def probe_table(subject: Subject) -> Table:
    """A second input for a probe, if there is one."""
    width = subject.table_width
    # Not zero, which a product would make an end of the gradient.
    return torch.full((1, width), 0.5, device=subject.device) if width else None


def probe_target(subject: Subject) -> torch.Tensor:
    """The output that probes ask for."""
    return torch.zeros(1, dtype=torch.int64, device=subject.device)


def inspect(subject: Subject) -> Inspection:
    """Look at what a network does, and whether its answer has a gradient."""
    if subject.network is None:
        return Inspection(problem="gives scores only (a black box), and the method needs gradients")
    found = [_inspected(subject, probe) for probe in probes(subject)]
    alive = [one for one in found if not one.problem]
    return alive[0] if alive else found[0]


def _inspected(subject: Subject, probe: torch.Tensor) -> Inspection:
    leaf = probe.requires_grad_()
    try:
        with torch.enable_grad(), Apart():
            answer = subject.answer(leaf, probe_target(subject), probe_table(subject)).sum()
        return _seen(answer, leaf)
    except RuntimeError as error:
        if ran_out(error):
            raise
        first = str(error).partition("\n")[0]
        return Inspection(problem=f"fails when it is asked for a gradient ({first})")


def _seen(answer: torch.Tensor, leaf: torch.Tensor) -> Inspection:
    done = operations(answer, leaf)
    if not done:
        return Inspection(problem="has an answer without a gradient with respect to the input")
    relus = sum(map(is_relu, done))
    others = Counter(
        _ACTIVATIONS[o.name] for o in done if o.name in _ACTIVATIONS and not is_relu(o)
    )
    products = Counter(filter(None, map(product, done)))
    norms = Counter(_NORMALISATIONS[o.name] for o in done if o.name in _NORMALISATIONS)
    (slope,) = torch.autograd.grad(answer, leaf)
    return Inspection(relus, others, products, norms, _problem(slope))


def product(operation: Operation) -> str:
    """The name of a product of two numbers that depend on the image; empty for what is none."""
    if operation.inputs < 2:
        return ""
    if operation.name.startswith("ScaledDotProduct"):
        return "attention"
    return _PRODUCTS.get(operation.name, "")


def _problem(slope: torch.Tensor) -> str:
    if not torch.isfinite(slope).any():
        return "has a gradient that is nowhere finite on the probe images"
    if not slope.any():
        return "has a gradient that is zero everywhere on the probe images"
    return ""
