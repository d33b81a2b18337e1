"""A small picture of an interval against what is expected of it, drawn beside the numbers."""

import re
from typing import Final

from markupsafe import Markup

from auditkit.results import VerdictResult

WIDTH, HEIGHT, MARGIN = 132, 12, 6
_NUMBER: Final = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_BETWEEN: Final = re.compile(rf"between {_NUMBER} and {_NUMBER}$")
_ABOVE: Final = re.compile(rf"above {_NUMBER}$")
_BELOW: Final = re.compile(rf"below {_NUMBER}$")


def limits(expected: str) -> tuple[float | None, float | None] | None:
    """Lower and upper limit of a condition in words; none if it is worded otherwise."""
    if match := _BETWEEN.match(expected):
        return float(match[1]), float(match[2])
    if match := _ABOVE.match(expected):
        return float(match[1]), None
    if match := _BELOW.match(expected):
        return None, float(match[1])
    return None


def bar(verdict: VerdictResult) -> Markup:
    """The accepted region as a band, the interval as a line, the estimate as a dot.

    It repeats the numbers beside it, so it is hidden from screen readers; empty without an interval
    or a condition that can be drawn.
    """
    accepted = limits(verdict.expected)
    if accepted is None or verdict.value is None or verdict.low is None or verdict.high is None:
        return Markup("")
    low, high = accepted
    shown = [verdict.low, verdict.high, *(limit for limit in accepted if limit is not None)]
    least, most = min(shown), max(shown)
    scale = (WIDTH - 2 * MARGIN) / ((most - least) or 1.0)

    def x(value: float | None, otherwise: float) -> str:
        return f"{otherwise if value is None else MARGIN + (value - least) * scale:.1f}"

    left, right = x(low, 0), x(high, WIDTH)
    edges = [x(limit, 0) for limit in accepted if limit is not None]
    ticks = "".join(f"M{edge} 0V{HEIGHT}" for edge in edges)
    return Markup(
        '<svg class="bar" viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
        '<path class="accepted" d="M{left} 0H{right}V{height}H{left}z"/>'
        '<path class="limit" d="{ticks}"/>'
        '<path class="interval" d="M{start} {middle}H{end}"/>'
        '<circle cx="{value}" cy="{middle}" r="3"/></svg>'
    ).format(
        width=WIDTH,
        height=HEIGHT,
        left=left,
        right=right,
        ticks=ticks,
        start=x(verdict.low, 0),
        end=x(verdict.high, 0),
        value=x(verdict.value, 0),
        middle=HEIGHT // 2,
    )
