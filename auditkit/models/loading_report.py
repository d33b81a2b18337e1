"""What Transformers says of weights that do not fit an architecture."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_TEXTS = MappingProxyType(
    {
        "missing_keys": "are missing",
        "unexpected_keys": "are not in the architecture",
        "mismatched_keys": "have another shape",
        "error_msgs": "could not be read",
    }
)


def misfits(report: Mapping[str, Any]) -> str:
    """How many tensors are wrong in which way, with the first of each; empty if all fit."""
    parts = [
        f"{len(report[kind])} {text} (first: {min(map(str, report[kind]))})"
        for kind, text in _TEXTS.items()
        if report.get(kind)
    ]
    return "; ".join(parts)
