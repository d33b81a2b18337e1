"""Reductions over axes, ArgMax and TopK."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from auditkit.models.onnx.operation import Operator, Value, integers
from auditkit.models.onnx.site import Site

Reduction = Callable[[Tensor, tuple[int, ...], bool], Tensor]


def _mean(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return x.mean(axes, keepdim=keep)


def _sum(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return x.sum(axes, keepdim=keep)


def _most(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return x.amax(axes, keepdim=keep)


def _least(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return x.amin(axes, keepdim=keep)


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def _absolute(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return x.abs().sum(axes, keepdim=keep)


def _squares(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return x.square().sum(axes, keepdim=keep)


def _length(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(x, dim=axes, keepdim=keep)
    return length


def _logarithm(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return torch.logsumexp(x, axes, keepdim=keep)


_REDUCTIONS: Mapping[str, Reduction] = MappingProxyType(
    {
        "ReduceL1": _absolute,
        "ReduceL2": _length,
        "ReduceLogSumExp": _logarithm,
        "ReduceMax": _most,
        "ReduceMean": _mean,
        "ReduceMin": _least,
        "ReduceProd": _product,
        "ReduceSum": _sum,
        "ReduceSumSquare": _squares,
    },
)
REDUCTIONS = frozenset(_REDUCTIONS)


def build_reduction(site: Site) -> Operator:
    """Reduce over axes, which are an attribute or, in newer opsets, an input."""
    return Operator(
        partial(
            _reduce,
            reduction=_REDUCTIONS[site.node.operator],
            axes=site.list("axes"),
            keep=bool(site.integer("keepdims", 1)),
            nothing=bool(site.integer("noop_with_empty_axes", 0)),
        ),
        host=(1,),
    )


def _reduce(
    x: Tensor,
    given: Value | None = None,
    *,
    reduction: Reduction,
    axes: tuple[int, ...] | None,
    keep: bool,
    nothing: bool,
) -> Tensor:
    wanted = tuple(integers(given)) if given is not None else axes or ()
    if not wanted and nothing:
        return x
    return reduction(x, wanted or tuple(range(x.ndim)), keep)


def build_extreme(site: Site) -> Operator:
    """ArgMax and ArgMin, as graphs with a label output have them."""
    site.only("select_last_index", 0)
    function = torch.argmax if site.node.operator == "ArgMax" else torch.argmin
    keep = bool(site.integer("keepdims", 1))
    return Operator(partial(function, dim=site.integer("axis", 0), keepdim=keep))


def build_largest(site: Site) -> Operator:
    """TopK with its number as an input."""
    if site.node.version < 10:
        site.fail("is of an opset before 10; export the model again")
    options: dict[str, Any] = {
        "dim": site.integer("axis", -1),
        "largest": bool(site.integer("largest", 1)),
        "sorted": bool(site.integer("sorted", 1)),
    }
    return Operator(partial(_largest, options=options), host=(1,))


def _largest(x: Tensor, count: Value, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    values, places = torch.topk(x, integers(count)[0], **options)
    return values, places
