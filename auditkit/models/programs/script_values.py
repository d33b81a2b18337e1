"""TorchScript's operators on sizes, lists and tuples, in Python."""

from collections.abc import Callable
from typing import Any

import torch

from auditkit.models.programs.operators import Refused


def same(value: Any) -> Any:
    """The value itself."""
    return value


def function(node: Any) -> Callable[..., Any] | None:
    """What a node of lists, tuples or sizes does; None for operators on tensors."""
    kind: str = node.kind()
    if kind in _LISTS:
        schema = str(node.schema())
        inputs = [str(value.type()) for value in node.inputs()]
        if kind == "aten::add" and not inputs[0].startswith(("List", "int[]")):
            return None
        if inputs and inputs[0] == "Tensor":
            return None
        del schema
        return _LISTS[kind]
    return _PRIM.get(kind)


def foldable(kind: str) -> bool:
    """Whether a node without inputs from steps can be computed once: never where a list could change."""
    return kind in _FOLDABLE


def _raise(*arguments: Any) -> None:
    raise Refused(f"stops with its own error: {arguments[0]}")


def _append(values: list[Any], value: Any) -> list[Any]:
    values.append(value)
    return values


def _set_item(values: list[Any], place: int, value: Any) -> list[Any]:
    values[place] = value
    return values


def _extend(values: list[Any], more: list[Any]) -> None:
    values.extend(more)


def _slice(values: Any, start: int | None, end: int | None, step: int = 1) -> Any:
    return values[start:end:step]


def _gather(*values: Any) -> list[Any]:
    return list(values)


def _gather_tuple(*values: Any) -> tuple[Any, ...]:
    return values


def _unpack(values: Any) -> Any:
    values = tuple(values)
    return values if len(values) != 1 else values[0]


def _format(text: str, *values: Any) -> str:
    return " ".join(
        [text, *(str(value) for value in values if not isinstance(value, torch.Tensor))]
    )


def _nothing(*_arguments: Any) -> None:
    return None


_LISTS: dict[str, Callable[..., Any]] = {
    "aten::append": _append,
    "aten::_set_item": _set_item,
    "aten::extend": _extend,
    "aten::__getitem__": lambda values, place: values[place],
    "aten::len": len,
    "aten::slice": _slice,
    "aten::list": list,
    "aten::copy": list,
    "aten::add": lambda values, more: values + more,
}
_PRIM: dict[str, Callable[..., Any]] = {
    "prim::ListConstruct": _gather,
    "prim::TupleConstruct": _gather_tuple,
    "prim::ListUnpack": _unpack,
    "prim::TupleUnpack": _unpack,
    "prim::TupleIndex": lambda values, place: values[place],
    "prim::NumToTensor": torch.tensor,
    "prim::RaiseException": _raise,
    "prim::unchecked_cast": same,
    "prim::unchecked_unwrap_optional": same,
    "prim::Uninitialized": _nothing,
    "prim::dtype": lambda values: values.dtype,
    "prim::device": lambda values: values.device,
    "prim::layout": lambda _values: torch.strided,
    "prim::is_cuda": lambda values: values.is_cuda,
    "prim::data": lambda values: values.detach(),
    "prim::min": min,
    "prim::max": max,
    "prim::abs": abs,
    "prim::Print": _nothing,
    "aten::format": _format,
    "aten::warn": _nothing,
    "aten::__is__": lambda a, b: a is b,
    "aten::__isnot__": lambda a, b: a is not b,
    "aten::__not__": lambda a: not a,
    "aten::Bool": bool,
    "aten::Int": int,
    "aten::Float": float,
    "aten::ScalarImplicit": lambda values: values.item(),
    "aten::IntImplicit": int,
    "aten::FloatImplicit": float,
}
_FOLDABLE = frozenset(
    f"{space}::{name}"
    for space, names in {
        "aten": [
            "__is__",
            "__isnot__",
            "__not__",
            "__and__",
            "__or__",
            "Bool",
            "Int",
            "Float",
            "eq",
            "ne",
            "lt",
            "gt",
            "le",
            "ge",
            "add",
            "sub",
            "mul",
            "floordiv",
            "remainder",
            "neg",
            "len",
        ],
        "prim": ["unchecked_cast", "unchecked_unwrap_optional", "min", "max", "abs", "TupleIndex"],
    }.items()
    for name in names
)
