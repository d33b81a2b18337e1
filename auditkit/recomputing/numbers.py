"""Whether what was computed again is what is recorded."""

import math
from typing import Any

from auditkit.results import Part


def apart(old: Part | dict[str, Any], new: Part | dict[str, Any], share: float) -> str:
    """The first field in which two parts differ by more than a share, in words; empty if in none."""
    one, other = (p.model_dump(mode="json") if isinstance(p, Part) else p for p in (old, new))
    for name in one:
        if differ(one[name], other[name], share):
            return f"{name}: recorded {_brief(one[name])}, found {_brief(other[name])}"
    return ""


def differ(old: Any, new: Any, share: float) -> bool:
    """Whether two values of JSON differ, numbers by more than a share."""
    if isinstance(old, dict) and isinstance(new, dict):
        return set(old) != set(new) or any(differ(old[key], new[key], share) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        pairs = zip(old, new, strict=False)
        return len(old) != len(new) or any(differ(a, b, share) for a, b in pairs)
    if all(isinstance(v, float | int) and not isinstance(v, bool) for v in (old, new)):
        return not math.isclose(old, new, rel_tol=share, abs_tol=share * 1e-3)
    return bool(old != new)


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
