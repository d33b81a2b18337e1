"""Weights of torch.export archives: plain bytes, and shapes in JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from auditkit.models.programs.operators import Refused

# Numbers of torch._export.serde.schema.ScalarType.
DTYPES: dict[int, torch.dtype] = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}


def read_tensors(members: Mapping[str, bytes], part: str, wanted: set[str]) -> dict[str, Tensor]:
    """The wanted tensors of ``data/weights`` or ``data/constants``.

    Raises:
        Refused: one is pickled, or is larger than the bytes that the file has for it.
    """
    listing = members.get(f"data/{part}/model_{part}_config.json", b'{"config": {}}')
    entries = json.loads(listing)["config"]
    return {
        name: _tensor(entry, members[f"data/{part}/{entry['path_name']}"], name)
        for name, entry in entries.items()
        if name in wanted
    }


def _tensor(entry: Mapping[str, Any], content: bytes, name: str) -> Tensor:
    if entry["use_pickle"]:
        raise Refused(f"holds '{name}' as a pickle of Python objects, which could run code")
    meta = entry["tensor_meta"]
    dtype = DTYPES.get(meta["dtype"])
    if dtype is None:
        raise Refused(f"holds '{name}' in a number format that is not read ({meta['dtype']})")
    sizes = [int(size["as_int"]) for size in meta["sizes"]]
    strides = [int(stride["as_int"]) for stride in meta["strides"]]
    offset = int(meta["storage_offset"]["as_int"])
    if len(sizes) != len(strides) or min((offset, *sizes, *strides), default=0) < 0:
        raise Refused(f"gives '{name}' a negative size")
    if not math.prod(sizes):
        return torch.zeros(sizes, dtype=dtype)
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if (last + 1) * dtype.itemsize > len(content):
        raise Refused(f"has too few bytes for '{name}' of shape {tuple(sizes)}")
    flat = torch.frombuffer(bytearray(content), dtype=dtype)
    return flat.as_strided(sizes, strides, offset).clone()
