"""Parts of tensors: slices, splits, gathers; casts and what passes unchanged."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from auditkit.models.onnx.operation import Operator, Value, integers
from auditkit.models.onnx.rounding import truncated
from auditkit.models.onnx.site import Site
from auditkit.models.onnx.tensors import type_name

_TYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "FLOAT": torch.float32,
        "DOUBLE": torch.float32,
        "FLOAT16": torch.float32,
        "BFLOAT16": torch.float32,
        "INT16": torch.int16,
        "INT32": torch.int32,
        "INT64": torch.int64,
        "BOOL": torch.bool,
    },
)
_CODES = MappingProxyType({"UINT8": (0, 255), "INT8": (-128, 127)})


def build_slice(site: Site) -> Operator:
    """Slice with any step; starts and ends are attributes before opset 10."""
    starts, ends = site.list("starts"), site.list("ends")
    fixed = (starts, ends, site.list("axes"), None)
    return Operator(partial(_slice, fixed=fixed), host=(1, 2, 3, 4))


def _slice(x: Tensor, *given: Value | None, fixed: tuple[Any, ...]) -> Tensor:
    parts = [None if part is None else integers(part) for part in given] or list(fixed)
    starts, ends, axes, steps = [*parts, None, None][:4]
    if starts is None or ends is None or len(starts) != len(ends):
        raise ValueError("Slice without starts and ends")
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis = axes[place] if axes is not None else place
        x = _one_slice(x, axis, start, end, 1 if steps is None else steps[place])
    return x


def _one_slice(x: Tensor, axis: int, start: int, end: int, step: int) -> Tensor:
    size = x.shape[axis]
    least, most = (0, size) if step > 0 else (-1, size - 1)
    start = min(max(start + size if start < 0 else start, 0), most)
    end = min(max(end + size if end < 0 else end, least), size)
    if step == 1:
        return x.narrow(axis, start, max(end - start, 0))
    places = torch.tensor(list(range(start, end, step)), dtype=torch.int64, device=x.device)
    return x.index_select(axis, places)


def build_split(site: Site) -> Operator:
    """Split into parts that are given, or as equal as possible."""
    return Operator(
        partial(
            _split,
            axis=site.integer("axis", 0),
            fixed=site.list("split"),
            count=site.integer("num_outputs", len(site.node.outputs)),
        ),
        host=(1,),
    )


def _split(
    x: Tensor,
    given: Value | None = None,
    *,
    axis: int,
    fixed: tuple[int, ...] | None,
    count: int,
) -> tuple[Tensor, ...]:
    sizes = integers(given) if given is not None else list(fixed or ())
    if not sizes:
        return torch.split(x, -(-x.shape[axis] // count), axis)
    return torch.split(x, sizes, axis)


def build_gather(site: Site) -> Operator:
    """Gather whole slices by an index of any shape."""
    return Operator(partial(_gather, axis=site.integer("axis", 0)))


def _gather(x: Tensor, places: Tensor, axis: int) -> Tensor:
    axis %= x.ndim
    places = places.to(torch.int64)
    positive = torch.where(places < 0, places + x.shape[axis], places)
    if x.device.type != "meta" and positive.device.type == "cpu":
        _refuse_beyond(positive, x.shape[axis])
    chosen = x.index_select(axis, positive.reshape(-1))
    return chosen.reshape((*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))


def _refuse_beyond(places: Tensor, size: int) -> None:
    if places.numel() and not 0 <= int(places.min()) <= int(places.max()) < size:
        raise IndexError("Gather beyond the end of an axis")


def build_gather_elements(site: Site) -> Operator:
    """GatherElements: one index per number of the result."""
    return Operator(partial(_gather_elements, axis=site.integer("axis", 0)))


def _gather_elements(x: Tensor, places: Tensor, axis: int) -> Tensor:
    places = places.to(torch.int64)
    return torch.gather(x, axis, torch.where(places < 0, places + x.shape[axis], places))


def build_scatter(site: Site) -> Operator:
    """ScatterND: numbers written over a copy, as exporters write assignments to slices."""
    site.only("reduction", "none")
    return Operator(_scatter)


def _scatter(x: Tensor, places: Tensor, updates: Tensor) -> Tensor:
    return x.index_put(tuple(places.to(torch.int64).unbind(-1)), updates)


def build_cast(site: Site) -> Operator:
    """Cast; every float type is float32 here, and bytes are whole numbers in float32."""
    target = type_name(site.integer("to", 0))
    if target in _CODES:
        lowest, highest = _CODES[target]
        return Operator(partial(truncated, lowest=lowest, highest=highest))
    if target not in _TYPES:
        site.fail(f"casts to {target}, which the reader does not know")
    return Operator(partial(_cast, dtype=_TYPES[target]))


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype)


def build_identity(site: Site) -> Operator:
    """Identity and Dropout, which does nothing outside training."""
    site.one_output()
    training = site.constant(2) if site.node.operator == "Dropout" else None
    if site.has(2) and (training is None or training.any()):
        site.fail("is in training mode; export the model in evaluation mode")
    return Operator(_same, positions=(0,))


def _same(x: Tensor) -> Tensor:
    # A fresh handle: one name never hands out another's storage to be overwritten.
    return x.view_as(x)


def build_constant(site: Site) -> Operator:
    """Constant of any kind that holds numbers."""
    known = ("value", "value_float", "value_floats", "value_int", "value_ints")
    names = [name for name in known if name in site.node.attributes]
    if len(names) != 1:
        site.fail("holds no numbers")
    value = site.node.attributes[names[0]]
    dtype = torch.float32 if "float" in names[0] else torch.int64
    stored = torch.as_tensor(value) if names[0] == "value" else torch.tensor(value, dtype=dtype)
    return Operator(partial(_same, stored))
