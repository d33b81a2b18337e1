"""Calls of activation functions, intercepted however they are made.

A mode sees ``nn.ReLU``, ``functional.relu``, ``torch.relu``, ``Tensor.relu_`` and ``aten.relu`` alike,
so that reused modules, functional calls and operations in place are no special cases.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

Function = Callable[[torch.Tensor], torch.Tensor]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Functions of one number each, by the name under which they are called, without a final underscore.
ELEMENTWISE = _names(
    "__rdiv__ __rpow__ abs celu clamp clamp_max clamp_min clip elu erf exp exp2 expm1 gelu "
    "hardsigmoid hardswish hardtanh leaky_relu log log10 log1p log2 log_sigmoid logsigmoid "
    "mish pow prelu reciprocal relu relu6 rsqrt selu sigmoid silu softplus softsign "
    "special_expit sqrt square tanh tanhshrink threshold"
)
# The maximum over a window or an axis.
MAXIMA = _names(
    "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d amax max_pool1d max_pool2d "
    "max_pool3d"
)
# Functions of several numbers that end a classifier.
JOINT = frozenset({"log_softmax", "logsumexp", "softmax"})


def kind_of(function: Any) -> str:
    """The name of what is called: ``relu`` for any of its forms."""
    name = str(getattr(function, "__name__", "")).partition(".")[0]
    return name if name.startswith("__") else name.strip("_")


def in_place(function: Any, keywords: Mapping[str, Any]) -> bool:
    """Whether a call overwrites its first argument."""
    name = str(getattr(function, "__name__", "")).partition(".")[0]
    return bool(keywords.get("inplace")) or (name.endswith("_") and not name.startswith("__"))


class Calls(TorchFunctionMode):
    """Hands calls of the functions named above to `replaced`; other calls run as they are."""

    kinds = ELEMENTWISE

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one call."""
        del types
        keywords = dict(kwargs or {})
        kind = kind_of(func)
        if kind not in self.kinds or not _of_one_tensor(args, keywords):
            return func(*args, **keywords)
        given, *rest = args or [keywords.pop("input")]
        if not in_place(func, keywords):
            return self.replaced(kind, given, partial(_call, func, rest, keywords))
        result = self.replaced(kind, given, partial(_on_copy, func, rest, keywords))
        return given.copy_(result)

    def replaced(self, kind: str, given: torch.Tensor, function: Function) -> Any:
        """What the call gives; ``function`` computes it from ``given`` and changes nothing."""
        del kind
        return function(given)


class Apart(Calls):
    """Activations in place become copies, so that the autograd graph shows each of them.

    One in place on a view of a tensor would be hidden within the node of the copy.
    """


def _call(function: Any, rest: list[Any], keywords: dict[str, Any], given: torch.Tensor) -> Any:
    return function(given, *rest, **keywords)


def _on_copy(function: Any, rest: list[Any], keywords: dict[str, Any], given: torch.Tensor) -> Any:
    return function(given.clone(), *rest, **keywords)


def _of_one_tensor(args: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
    """Whether the first argument is a tensor of real numbers, and nothing else depends on the input."""
    given = args[0] if args else keywords.get("input")
    others = [*args[1:], *(value for key, value in keywords.items() if key != "input")]
    # The same function of whole numbers works on indices.
    if not isinstance(given, torch.Tensor) or not given.is_floating_point():
        return False
    if keywords.get("out") is not None or keywords.get("return_indices"):
        return False
    return not any(isinstance(value, torch.Tensor) and value.requires_grad for value in others)
