"""Multipliers of DeepLIFT: what an operation hands back for a difference between two inputs.

Shrikumar et al., arXiv:1704.02685, section 3.5.1: the rescale rule gives change of output / change of
input instead of the gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.gradients.calls import (
    ELEMENTWISE,
    JOINT,
    MAXIMA,
    Calls,
    Function,
)

Pull = Callable[[torch.Tensor], torch.Tensor]
# A change this small beside the values themselves is rounding: the gradient is what it would tend to.
_TINY = 1e-6
# Points between two inputs; functions such as log-sum-exp over differences of 50 need as many for 1e-6.
_POINTS = 64


@dataclass(frozen=True)
class Seen:
    """A call on the way of the baseline: what went in and what came out."""

    kind: str
    given: torch.Tensor
    result: torch.Tensor


class Recording(Calls):
    """Notes every nonlinear call while the baseline goes through the network."""

    kinds = ELEMENTWISE | MAXIMA | JOINT

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []

    def replaced(self, kind: str, given: torch.Tensor, function: Function) -> torch.Tensor:
        """Run and note."""
        result = function(given)
        # What follows may overwrite either.
        self.seen.append(Seen(kind, given.detach().clone(), result.detach().clone()))
        return result


class Replaying(Calls):
    """Gives every nonlinear call its multiplier while the input goes through the network.

    The calls are those of the baseline in the same order, so that networks which answer a batch in parts, or
    turn its axes, are no special case.
    """

    kinds = Recording.kinds

    def __init__(self, seen: list[Seen]) -> None:
        super().__init__()
        self.seen, self.place = seen, 0

    def replaced(self, kind: str, given: torch.Tensor, function: Function) -> torch.Tensor:
        """Run, with the multiplier in place of the gradient."""
        if self.place >= len(self.seen):
            raise _other_way(kind)
        before = self.seen[self.place]
        self.place += 1
        if before.kind != kind or before.given.shape != given.shape:
            raise _other_way(kind)
        result: torch.Tensor = _Ruled.apply(given, function, before)
        return result


def _other_way(kind: str) -> AuditError:
    return AuditError(
        f"DeepLIFT: at a call of {kind} the network takes another way for the image than for its baseline; "
        "use a method that needs no common way, such as integrated-gradients"
    )


class _Ruled(torch.autograd.Function):
    """An operation whose backward pass is that of DeepLIFT."""

    @staticmethod
    def forward(ctx: Any, given: torch.Tensor, function: Function, before: Seen) -> torch.Tensor:
        result = function(given)
        ctx.pull = _RULES[_family(before.kind)](function, given.detach(), result.detach(), before)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.pull(gradients[0]), None, None


def _family(kind: str) -> str:
    return "maximum" if kind in MAXIMA else "joint" if kind in JOINT else "elementwise"


def _rescale(function: Function, given: torch.Tensor, result: torch.Tensor, before: Seen) -> Pull:
    """Change of output / change of input; the gradient where the input does not change."""
    change = given - before.given
    still = change.abs() <= _TINY * torch.maximum(given.abs(), before.given.abs())
    ratio = (result - before.result) / torch.where(still, torch.ones_like(change), change)
    multiplier = torch.where(still, _pulled(function, given, torch.ones_like(result)), ratio)
    return lambda gradient: gradient * multiplier


def _maximum(function: Function, given: torch.Tensor, result: torch.Tensor, before: Seen) -> Pull:
    """The change of a maximum is ascribed to the place of the larger one (as in SHAP and captum).

    Where windows overlap, a place is given the sum over them.
    """
    change, larger = given - before.given, torch.maximum(result, before.result)
    # Now, as what follows may overwrite the result.
    rise, fall = larger - before.result, result - larger
    still = change == 0
    change = torch.where(still, torch.ones_like(change), change)

    def pull(gradient: torch.Tensor) -> torch.Tensor:
        risen = _pulled(function, given, gradient * rise)
        fallen = _pulled(function, before.given, gradient * fall)
        # Without a change there is nothing to ascribe: the gradient, as in the rescale rule.
        return torch.where(still, _pulled(function, given, gradient), (risen + fallen) / change)

    return pull


def _joint(function: Function, given: torch.Tensor, result: torch.Tensor, before: Seen) -> Pull:
    """The mean gradient on the way between the two inputs; of one number, it is the rescale rule."""
    del result
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    # Masked places are -inf in both.
    change = torch.where(given == before.given, torch.zeros_like(given), given - before.given)

    def pull(gradient: torch.Tensor) -> torch.Tensor:
        total = torch.zeros_like(given)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            point = before.given + float(node) * change
            total += float(weight) * _pulled(function, point, gradient)
        return total

    return pull


_RULES: dict[str, Callable[[Function, torch.Tensor, torch.Tensor, Seen], Pull]] = {
    "elementwise": _rescale,
    "maximum": _maximum,
    "joint": _joint,
}


def _pulled(function: Function, point: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """The gradient handed back by the function itself at a point."""
    with torch.enable_grad():
        leaf = point.detach().requires_grad_()
        (found,) = torch.autograd.grad(function(leaf), leaf, gradient)
    return found
