"""Words and numbers as the renderings print them: plain text, never markup."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from auditkit.report.bars import limits
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.results import Release, VerdictResult
from auditkit.results.judged import ObservedRate
from auditkit.verdict import Verdict

NONE: Final = "–"

_WRITTEN: Final = {"iou": "IoU"}
_FIRST: Final = ("modalities", "size", "crop")


class Estimated(Protocol):
    """Anything with a point estimate and an interval."""

    value: float | None
    low: float | None
    high: float | None


def decision(release: Release, t: Language = IN_ENGLISH) -> str:
    """The decision about a model in plain words."""
    return t(f"decision.{release.decision}")


def verdict_word(word: str, t: Language = IN_ENGLISH) -> str:
    """A verdict's word, or that of a guideline's cell, in the reader's language."""
    return t.or_else(f"verdict.{word}", word)


def qualifier(verdict: VerdictResult, t: Language = IN_ENGLISH) -> str:
    """What must be said beside the verdict's word; empty for most.

    Only blocking expectations with a p-value enter Holm's correction, so an advisory failure is
    neither confirmed nor refuted by it.
    """
    if verdict.verdict is not Verdict.FAIL:
        return ""
    if verdict.fault:
        return t("qualifier.fault")
    if verdict.p_adjusted is None:
        return t("qualifier.uncorrected")
    return t("qualifier.unconfirmed")


def wording(verdict: VerdictResult, t: Language = IN_ENGLISH) -> str:
    """The verdict as a reader sees it, such as 'fail: fault'."""
    return f"{verdict_word(verdict.verdict.value, t)}{qualifier(verdict, t)}"


def expected(verdict: VerdictResult, t: Language = IN_ENGLISH) -> str:
    """The condition in words: 'between −0.05 and 0.05'."""
    margin, names = verdict.condition.get("margin"), verdict.condition.get("in")
    if verdict.condition.get("not_worse_than") and isinstance(margin, int | float):
        return t("expected.not-worse", margin=short(margin))
    if isinstance(names, list):
        return t("expected.in", names=", ".join(map(str, names)))
    ends = limits(verdict.expected)
    if ends is None:
        return signed(verdict.expected)
    low, high = ends
    kind = "below" if low is None else "above" if high is None else "between"
    return t(f"expected.{kind}", low=short(low), high=short(high))


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


def rate_parts(found: ObservedRate) -> dict[str, str | int]:
    """How often, in per cent with the interval, and of how many."""
    share = found.count / max(found.n, 1)
    parts = {"share": share, "low": found.low, "high": found.high}
    return {name: f"{100 * part:.1f}" for name, part in parts.items()} | {"n": found.n}


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


def label(name: str) -> str:
    """A field's name as a heading: 'intended_use' becomes 'Intended use', 'iou' becomes 'IoU'."""
    words = name.replace("_", " ").strip()
    return _WRITTEN.get(words) or words[:1].upper() + words[1:]


def facet_title(name: str, t: Language = IN_ENGLISH) -> str:
    """What images are told apart by, as a heading."""
    return t.or_else(f"facet.{name}", label(name))


def plain(value: Any, most: int = 20, t: Language = IN_ENGLISH) -> str:
    """A parameter as text: lists and mappings in JSON, long lists cut."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) > most:
        return t("word.and-more", some=plain(value[:most]), count=len(value) - most)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def stated(part: Mapping[str, Any], t: Language = IN_ENGLISH) -> str:
    """What a card states of an input: 'modalities t1, t1c; size 24 × 24; scale foreground'."""
    given = {key: value for key, value in part.items() if value is not None}
    # results.json has its keys in alphabetical order.
    keys = [*(key for key in _FIRST if key in given), *(key for key in given if key not in _FIRST)]
    return "; ".join(f"{key.replace('_', ' ')} {_value(key, given[key], t)}" for key in keys)


def _value(key: str, value: Any, t: Language) -> str:
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        texts = [each if isinstance(each, str) else f"{each:g}" for each in value]
        return (" × " if key in ("size", "crop") else ", ").join(texts)
    return plain(value, t=t)


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
