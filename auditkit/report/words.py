"""Words and numbers as the renderings print them: plain text, never markup."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from auditkit.results import Release, VerdictResult
from auditkit.verdict import Verdict

NONE: Final = "–"

_WRITTEN: Final = {"iou": "IoU"}
_FIRST: Final = ("modalities", "size", "crop")

DECISIONS: Final[dict[str, str]] = {
    "pass": "Meets every blocking expectation",
    "blocked": "Release blocked",
    "partial": "Not decided: a part of the plan was not judged",
    "no blocking expectation": "No blocking expectation was judged",
}

MEANINGS: Final[dict[Verdict, str]] = {
    Verdict.PASS: "The whole interval satisfies the expectation, also if every image that could "
    "not be evaluated had the worst possible value.",
    Verdict.FAIL: "The whole interval violates the expectation.",
    Verdict.INCONCLUSIVE: "The interval straddles the limit, or fewer patients were available "
    "than the spec declares as the least. Neither met nor violated.",
    Verdict.NOT_INTERPRETABLE: "Another audit, on which this one rests, did not pass.",
    Verdict.NOT_RUN: "Something needed to ask the question is missing; the reason says what.",
    Verdict.NOT_APPLICABLE: "The question cannot be asked of this model; the reason says why.",
    Verdict.ERROR: "The check broke off. Nothing is known.",
}


class Estimated(Protocol):
    """Anything with a point estimate and an interval."""

    value: float | None
    low: float | None
    high: float | None


def decision(release: Release) -> str:
    """The decision about a model in plain words."""
    return DECISIONS[release.decision]


def qualifier(verdict: VerdictResult) -> str:
    """What must be said beside the verdict's word; empty for most.

    Only blocking expectations with a p-value enter Holm's correction, so an advisory failure is
    neither confirmed nor refuted by it.
    """
    if verdict.verdict is not Verdict.FAIL:
        return ""
    if verdict.fault:
        return ": fault"
    if verdict.p_adjusted is None:
        return " (not part of Holm's correction)"
    return " (not confirmed after Holm's correction)"


def wording(verdict: VerdictResult) -> str:
    """The verdict as a reader sees it, such as 'fail: fault'."""
    return f"{verdict.verdict.value}{qualifier(verdict)}"


def at(place: Mapping[str, float | str]) -> str:
    """Where a quantity was measured: 'radius 5, angle 90'."""
    return ", ".join(
        f"{name} {value}" if isinstance(value, str) else f"{name} {value:g}"
        for name, value in place.items()
    )


def decimals(*values: float) -> int:
    """Decimals that leave two significant digits of the spread, three digits of small numbers."""
    largest = max(abs(value) for value in values)
    least = 3 if largest < 10 else 1 if largest < 1000 else 0
    spread = max(values) - min(values)
    if spread <= 0:
        return least
    return min(6, max(least, 1 - math.floor(math.log10(spread))))


def fixed(value: float, places: int) -> str:
    """A number with a fixed count of decimals, a true minus sign and no minus zero."""
    text = f"{value:.{places}f}"
    if text.startswith("-") and not text.strip("-0."):
        text = text[1:]
    return text.replace("-", "−")


def estimate(found: Estimated) -> str:
    """Point estimate and interval: '0.031 [−0.012, 0.074]'."""
    if found.value is None:
        return NONE
    # Where the data set no limit, results.json has null.
    ends = (found.low, "−∞"), (found.high, "∞")
    places = decimals(found.value, *(end for end, _ in ends if end is not None))
    low, high = (open_end if end is None else fixed(end, places) for end, open_end in ends)
    return f"{fixed(found.value, places)} [{low}, {high}]"


def short(value: float | None) -> str:
    """A coordinate of a figure with four significant digits."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:.4g}".replace("-", "−")


def p_value(value: float | None) -> str:
    """A p-value with two significant digits, bounded below."""
    if value is None:
        return NONE
    if value < 0.0001:
        return "<\u00a00.0001"
    return f"{value:.4f}" if value < 0.01 else f"{value:.2f}"


def percent(level: float | None) -> str:
    """A coverage as a percentage."""
    return NONE if level is None else f"{100 * level:g}\u00a0%"


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun: '1 image', '1,000 images'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def label(name: str) -> str:
    """A field's name as a heading: 'intended_use' becomes 'Intended use', 'iou' becomes 'IoU'."""
    words = name.replace("_", " ").strip()
    return _WRITTEN.get(words) or words[:1].upper() + words[1:]


def plain(value: Any, most: int = 20) -> str:
    """A parameter as text: lists and mappings in JSON, long lists cut."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) > most:
        return f"{plain(value[:most])} and {len(value) - most:,} more"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def stated(part: Mapping[str, Any]) -> str:
    """What a card states of an input: 'modalities t1, t1c; size 24 × 24; scale foreground'."""
    given = {key: value for key, value in part.items() if value is not None}
    # results.json has its keys in alphabetical order.
    keys = [*(key for key in _FIRST if key in given), *(key for key in given if key not in _FIRST)]
    return "; ".join(f"{key.replace('_', ' ')} {_value(key, given[key])}" for key in keys)


def _value(key: str, value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        texts = [each if isinstance(each, str) else f"{each:g}" for each in value]
        return (" × " if key in ("size", "crop") else ", ").join(texts)
    return plain(value)


def signed(text: str) -> str:
    """Text in which a number's hyphen is a minus sign."""
    return re.sub(r"(?<![\w.-])-(?=\d)", "−", text)


def shown(text: str) -> str:
    """Text in which characters that hide or reorder others are seen as a replacement sign.

    A name from a spec or a data set could otherwise make a verdict read backwards.
    """
    return _HIDING.sub("\ufffd", text)


_HIDING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)


def numeric(cells: list[str]) -> bool:
    """Whether a column holds numbers, so that it is set flush right."""
    pattern = re.compile(r"[<≤]?\s*[+\-−]?\d[\d.,]*([eE][+\-]?\d+)?\s*(%|\[.*\])?$")
    filled = [cell for cell in cells if cell not in ("", NONE, "not evaluable")]
    return bool(filled) and all(pattern.match(cell) for cell in filled)
