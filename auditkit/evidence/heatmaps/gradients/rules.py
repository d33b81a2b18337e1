"""Gradients in which every ReLU follows another rule: Guided Backpropagation and Deconvolution.

The rule is set on the nodes of the autograd graph, so that it holds for ReLUs of functions, of modules
used many times and in place, where hooks on modules silently leave the plain gradient.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from auditkit.evidence.heatmaps.explainer import Batch, Explained, Explainer, Fitness, summed
from auditkit.evidence.heatmaps.gradients.backward import rows_of
from auditkit.evidence.heatmaps.gradients.calls import Apart
from auditkit.evidence.heatmaps.gradients.inspection import (
    Operation,
    counted,
    inspect,
    is_relu,
    limits,
    operations,
)
from auditkit.evidence.heatmaps.passes import Passes
from auditkit.evidence.heatmaps.subject import Subject, Table
from auditkit.spec.methods import Method

Hook = Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]
Rule = Callable[[Operation], Hook]


def guided(operation: Operation) -> Hook:
    """Only what was positive going forward and is positive coming back (arXiv:1412.6806, figure 1)."""
    del operation

    def hook(before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
        del after
        return functional.relu(before[0]), *before[1:]

    return hook


def deconvolved(operation: Operation) -> Hook:
    """Only what is positive coming back (arXiv:1311.2901, section 2.1).

    The upper limit of a ReLU6 keeps its own gradient.
    """
    # A hook that held its node would keep the graph alive for ever.
    factor = _beside_rectification(operation)

    def hook(before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
        passed = functional.relu(after[0])
        return passed if factor is None else passed * factor, *before[1:]

    return hook


def _beside_rectification(operation: Operation) -> torch.Tensor | None:
    """The gradient of what else a ReLU's operation does: an upper limit, a scale of codes."""
    node = operation.node
    if operation.name == "_RoundThrough":
        multiplier, rounded = node.saved_tensors
        scaled: torch.Tensor = (rounded <= node.stage.limits[1]) * multiplier
        return scaled
    high = limits(node, operation.name)[1]
    if high is None or high == float("inf"):
        return None
    given = node.saved_tensors[0] if operation.name == "_Limited" else _saved_input(node)
    below: torch.Tensor = given < high
    return below


def _saved_input(node: Any) -> torch.Tensor:
    found: torch.Tensor = node._saved_self  # noqa: SLF001 the documented name of what a node keeps
    return found


def ruled_gradient(
    subject: Subject, inputs: torch.Tensor, target: torch.Tensor, table: Table, rule: Rule
) -> torch.Tensor:
    """Gradient (N, C, *space) of the answer, where every ReLU passes back what ``rule`` says."""
    with torch.enable_grad():
        leaf = inputs.detach().requires_grad_()
        with Apart():
            answer = subject.answer(leaf, target, table).sum()
        for operation in operations(answer, leaf):
            if is_relu(operation):
                operation.node.register_hook(rule(operation))
        (found,) = torch.autograd.grad(answer, leaf)
    return found.float()


def relu_fitness(subject: Subject, method: str) -> Fitness:
    """Whether a method that changes the gradient of ReLUs can be asked."""
    seen = inspect(subject)
    if seen.problem:
        return Fitness(seen.problem)
    others = counted(seen.others)
    if not seen.relus:
        has = f"its nonlinearities are {others}" if others else "it has no activation that is known"
        return Fitness(
            f"calls no ReLU: {has}; {method} changes the gradient of ReLUs only and would be the "
            "plain gradient"
        )
    notes = [f"{seen.relus} ReLUs follow the rule, in modules, functions or in place"]
    return Fitness(notes=notes + ([f"plain gradient elsewhere: {others}"] if others else []))


class _Ruled(Explainer):
    """One backward pass with a rule for ReLUs."""

    name: str
    rule: Rule

    def __init__(self, subject: Subject, method: Method, background: torch.Tensor | None) -> None:
        del method, background
        self.subject = subject

    def fitness(self) -> Fitness:
        return relu_fitness(self.subject, self.name)

    def explain(self, batch: Batch, rows: int) -> Explained:
        def work(start: int, stop: int) -> torch.Tensor:
            cut = slice(start, stop)
            table = rows_of(batch.table, cut)
            rule = type(self).rule
            found = ruled_gradient(self.subject, batch.inputs[cut], batch.target[cut], table, rule)
            return summed(found, self.subject).cpu()

        found = [maps for *_, maps in Passes(rows).over(len(batch), work)]
        return Explained(torch.cat(found), evaluations=torch.ones(len(batch), dtype=torch.int64))


class GuidedBackpropExplainer(_Ruled):
    """Gradient in which ReLUs pass back only positive signals (Springenberg et al., arXiv:1412.6806)."""

    name = "Guided Backpropagation"
    rule = staticmethod(guided)


class DeconvolutionExplainer(_Ruled):
    """Gradient in which ReLUs rectify the signal coming back (Zeiler and Fergus, arXiv:1311.2901)."""

    name = "Deconvolution"
    rule = staticmethod(deconvolved)
