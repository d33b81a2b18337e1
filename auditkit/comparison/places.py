"""Where a quantity was measured, in words."""

from collections.abc import Mapping


def at_words(at: Mapping[str, float | str]) -> str:
    """Values of dimensions behind a measure's name: ' at radius 5, tone dark'; empty without any."""
    told = [f"{k} {v}" if isinstance(v, str) else f"{k} {v:g}" for k, v in at.items()]
    return f" at {', '.join(told)}" if told else ""
