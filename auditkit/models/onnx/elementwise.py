"""Operators that work number by number: arithmetic, comparisons, activations."""

import math
from collections.abc import Callable, Mapping
from functools import partial, reduce
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.rounding import differentiated
from auditkit.models.onnx.site import Site

_UNARY: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "Abs": torch.abs,
        "Ceil": torch.ceil,
        "Cos": torch.cos,
        "Erf": torch.erf,
        "Exp": torch.exp,
        "Floor": torch.floor,
        "HardSwish": F.hardswish,
        "Log": torch.log,
        "Mish": F.mish,
        "Neg": torch.neg,
        "Not": torch.logical_not,
        "Reciprocal": torch.reciprocal,
        "Relu": torch.relu,
        "Round": torch.round,
        "Sigmoid": torch.sigmoid,
        "Sign": torch.sign,
        "Sin": torch.sin,
        "Softplus": F.softplus,
        "Softsign": F.softsign,
        "Sqrt": torch.sqrt,
        "Tanh": torch.tanh,
    },
)
_BINARY: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {
        "Add": torch.add,
        "And": torch.logical_and,
        "Equal": torch.eq,
        "Greater": torch.gt,
        "GreaterOrEqual": torch.ge,
        "Less": torch.lt,
        "LessOrEqual": torch.le,
        "Mul": torch.mul,
        "Or": torch.logical_or,
        "Sub": torch.sub,
        "Xor": torch.logical_xor,
    },
)
# The same, written into one of the arguments.
_OVERWRITING: Mapping[str, Mapping[int, Callable[..., Tensor]]] = MappingProxyType(
    {
        "Add": {0: Tensor.add_, 1: lambda left, right: right.add_(left)},
        "HardSwish": {0: partial(F.hardswish, inplace=True)},
        "Mul": {0: Tensor.mul_, 1: lambda left, right: right.mul_(left)},
        "Relu": {0: torch.relu_},
        "Sigmoid": {0: torch.sigmoid_},
    },
)
SIMPLE = frozenset(_UNARY) | frozenset(_BINARY)


def build_simple(site: Site) -> Operator:
    """Whatever PyTorch has under the same definition."""
    name = site.node.operator
    return Operator(_UNARY.get(name) or _BINARY[name], overwriting=_OVERWRITING.get(name))


def build_divide(site: Site) -> Operator:
    """Div: whole numbers are divided towards zero."""
    del site
    return Operator(_divide)


def _divide(left: Tensor, right: Tensor) -> Tensor:
    if left.is_floating_point() or right.is_floating_point():
        return left / right
    return torch.div(left, right, rounding_mode="trunc")


def build_power(site: Site) -> Operator:
    """Pow: the result has the base's type."""
    del site
    return Operator(_power)


def _power(base: Tensor, exponent: Tensor) -> Tensor:
    return torch.pow(base, exponent).to(base.dtype)


def build_modulo(site: Site) -> Operator:
    """Mod: of the divisor's sign, or with fmod of the dividend's."""
    return Operator(torch.fmod if site.integer("fmod", 0) else torch.remainder)


def build_variadic(site: Site) -> Operator:
    """Min, Max, Sum and Mean of any number of tensors."""
    return Operator({"Min": _least, "Max": _most, "Sum": _sum, "Mean": _mean}[site.node.operator])


def _least(*values: Tensor) -> Tensor:
    return reduce(torch.minimum, values)


def _most(*values: Tensor) -> Tensor:
    return reduce(torch.maximum, values)


def _sum(*values: Tensor) -> Tensor:
    return reduce(torch.add, values)


def _mean(*values: Tensor) -> Tensor:
    return reduce(torch.add, values) / len(values)


def build_where(site: Site) -> Operator:
    """Where: one of two values by a condition."""
    del site
    return Operator(torch.where)


def build_clip(site: Site) -> Operator:
    """Clip: limits are attributes before opset 11, inputs after, and may be left out."""
    if site.node.version < 11:
        return _limited(
            site.node.attributes.get("min", -math.inf), site.node.attributes.get("max", math.inf)
        )
    if not site.has(1) and not site.has(2):
        return Operator(torch.clone)
    low, high = _limit(site, 1, -math.inf), _limit(site, 2, math.inf)
    if low is None or high is None:
        return Operator(_clip)
    return _limited(low, high, positions=(0,))


def _limit(site: Site, position: int, missing: float) -> float | None:
    """A limit that is known and a real number."""
    value = np.array(missing) if not site.has(position) else site.constant(position)
    if value is None or value.size != 1 or value.dtype.kind != "f" or np.isnan(value).any():
        return None
    return float(value.reshape(()))


def _limited(low: Any, high: Any, positions: tuple[int, ...] | None = None) -> Operator:
    return Operator(
        partial(_limit_to, low=low, high=high),
        positions=positions,
        overwriting={0: partial(torch.clamp_, min=low, max=high)},
    )


def _limit_to(x: Tensor, low: float, high: float) -> Tensor:
    if not differentiated(x):
        return x.clamp(low, high)
    result: Tensor = _Limited.apply(x, low, high)
    return result


class _Limited(torch.autograd.Function):
    """Clamp, with a gradient that passes at the limits themselves, as `_clip`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, low: float, high: float) -> Tensor:
        return x.clamp(low, high)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float, float], output: Tensor) -> None:
        del output
        x, *ctx.limits = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        low, high = (np.float32(limit) for limit in ctx.limits)
        beyond = np.nextafter(low, np.float32(-np.inf)), np.nextafter(high, np.float32(np.inf))
        return _WITHIN(gradients[0], *ctx.saved_tensors, *map(float, beyond)), None, None


# The gradient where a value lies between two limits, else 0, in one pass over memory.
_WITHIN = torch.ops.aten.hardtanh_backward


def _clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    # The gradient of a clamp by tensors is shared at ties; a minimum of maxima has the same value.
    if low is not None:
        x = torch.where(x < low, low.to(x.dtype), x)
    return x if high is None else torch.where(x > high, high.to(x.dtype), x)


def build_leaky(site: Site) -> Operator:
    """LeakyRelu."""
    return Operator(partial(F.leaky_relu, negative_slope=site.real("alpha", 0.01)))


def build_prelu(site: Site) -> Operator:
    """PRelu: the slope is broadcast to the input."""
    del site
    return Operator(_prelu)


def _prelu(x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def build_elu(site: Site) -> Operator:
    """Elu and Celu."""
    function = F.elu if site.node.operator == "Elu" else F.celu
    return Operator(partial(function, alpha=site.real("alpha", 1.0)))


def build_selu(site: Site) -> Operator:
    """Selu with any constants."""
    alpha, gamma = site.real("alpha", 1.6732632), site.real("gamma", 1.050701)
    return Operator(partial(_selu, alpha=alpha, gamma=gamma))


def _selu(x: Tensor, alpha: float, gamma: float) -> Tensor:
    return gamma * F.elu(x, alpha)


def build_hard_sigmoid(site: Site) -> Operator:
    """HardSigmoid: clip(alpha x + beta, 0, 1)."""
    alpha, beta = site.real("alpha", 0.2), site.real("beta", 0.5)
    return Operator(partial(_hard_sigmoid, alpha=alpha, beta=beta))


def _hard_sigmoid(x: Tensor, alpha: float, beta: float) -> Tensor:
    return (alpha * x + beta).clamp(0, 1)


def build_gelu(site: Site) -> Operator:
    """Gelu, exact or with tanh."""
    return Operator(
        partial(F.gelu, approximate=site.text("approximate", "none", ("none", "tanh"))),
    )


def build_swish(site: Site) -> Operator:
    """Swish: x sigmoid(alpha x)."""
    return Operator(partial(_swish, alpha=site.real("alpha", 1.0)))


def _swish(x: Tensor, alpha: float) -> Tensor:
    return x * torch.sigmoid(alpha * x)


def build_softmax(site: Site) -> Operator:
    """Softmax and LogSoftmax; before opset 13 over all axes from the given one on."""
    function = torch.softmax if site.node.operator == "Softmax" else torch.log_softmax
    if site.node.version >= 13:
        return Operator(partial(function, dim=site.integer("axis", -1)))
    return Operator(partial(_flattened, function=function, axis=site.integer("axis", 1)))


def _flattened(x: Tensor, function: Callable[..., Tensor], axis: int) -> Tensor:
    return function(x.flatten(axis), dim=-1).reshape(x.shape)
