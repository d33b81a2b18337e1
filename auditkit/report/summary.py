"""The executive summary: verdicts as sentences of plain words, by patterns in the language files.

``sentence.CHECK.MEASURE`` is the pattern of a measure; where a change has a direction, it has three forms:
``rises``, ``falls`` (with the size of the change) and ``changes`` (its sign is open).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.words import at, decimals, estimate, expected, fixed
from auditkit.results import Release, Results, VerdictResult
from auditkit.verdict import Verdict

_FORMS: Final = ("rises", "falls", "changes")
_NAMED: Final = re.compile(r"(?P<body>[^\[]*?)(?:\[(?P<name>.*)\])?$", re.DOTALL)


@dataclass(frozen=True)
class Sentence:
    """One verdict in words."""

    verdict: VerdictResult
    text: str


@dataclass(frozen=True)
class Summary:
    """What a run says about one model.

    Attributes:
        model: its name.
        release: the decision, if there is one.
        told: how many blocking expectations there are, and how many pass.
        open: a sentence for every blocking expectation that does not pass.
        met: by audit, how many blocking expectations pass, and the first of them in words.
        inapplicable: how many blocking expectations cannot be asked of the model.
    """

    model: str
    release: Release | None
    told: str
    open: Sequence[Sentence]
    met: Sequence[tuple[str, int, Sentence]]
    inapplicable: int


def summaries(results: Results, t: Language = IN_ENGLISH) -> list[Summary]:
    """A summary for every model with verdicts or a decision, in order of appearance."""
    names = [*(each.model for each in results.release), *(v.model for v in results.verdicts)]
    return [_summary(results, model, t) for model in dict.fromkeys(names)]


def _summary(results: Results, model: str, t: Language) -> Summary:
    checks = {audit.audit: audit.check for audit in results.audits}
    blocking = [v for v in results.verdicts if v.model == model and v.severity == "blocking"]
    passing = [v for v in blocking if v.verdict is Verdict.PASS]
    inapplicable = [v for v in blocking if v.verdict is Verdict.NOT_APPLICABLE]
    hindering = [v for v in blocking if v not in passing and v not in inapplicable]
    met: dict[str, list[VerdictResult]] = {}
    for verdict in passing:
        met.setdefault(verdict.audit, []).append(verdict)
    return Summary(
        model=model,
        release=next((each for each in results.release if each.model == model), None),
        told=_told(len(blocking), len(passing), t),
        open=[Sentence(v, sentence(v, checks.get(v.audit, ""), t)) for v in hindering],
        met=[
            (audit, len(own), Sentence(own[0], sentence(own[0], checks.get(audit, ""), t)))
            for audit, own in met.items()
        ],
        inapplicable=len(inapplicable),
    )


def _told(blocking: int, passing: int, t: Language) -> str:
    if not blocking:
        return t("summary.nothing")
    return t("summary.told", passing=passing, blocking=blocking)


def sentence(verdict: VerdictResult, check: str, t: Language = IN_ENGLISH) -> str:
    """A verdict in words: what was found, and what was expected.

    Args:
        verdict: the verdict.
        check: name of the audit's check; empty if it is not known.
        t: the language.
    """
    if verdict.value is None:
        reason = verdict.reason.strip().rstrip(".") or t("word.unknown")
        return t("summary.unmeasured", measure=_measure(verdict), reason=reason)
    found = _found(verdict, check, t)
    return t("summary.sentence", found=found, limit=expected(verdict, t))


def _found(verdict: VerdictResult, check: str, t: Language) -> str:
    if verdict.condition.get("not_worse_than"):
        pattern, places = "sentence.baseline", {"measure": verdict.measure}
    else:
        pattern, places = _pattern(verdict.measure, check, t)
    if not pattern:
        return t(
            "sentence.any",
            measure=_measure(verdict),
            audit=verdict.audit,
            estimate=estimate(verdict),
            n=verdict.n,
        )
    where = at(verdict.at)
    place = t("summary.where", where=where) if where else ""
    if pattern in t:
        return t(pattern, estimate=estimate(verdict), **places) + place
    form, size = _change(verdict)
    return t(f"{pattern}.{form}", estimate=size, **places) + place


def _pattern(measure: str, check: str, t: Language) -> tuple[str, dict[str, str]]:
    """The key of a measure's pattern, and what stands in its places; empty if it has none.

    'pink.mean_change' is 'mean_change' of pink, 'importance[hair]' 'importance' of hair.
    """
    match = _NAMED.match(measure)
    body, name = (match["body"], match["name"] or "") if match else (measure, "")
    parts = body.split(".")
    for i in range(len(parts)):
        key = f"sentence.{check}.{'.'.join(parts[i:])}"
        if key in t or f"{key}.changes" in t:
            subject = ".".join(parts[:i])
            return key, {"of": _part(subject, check, t), "name": _part(name, check, t)}
    return "", {}


def _part(word: str, check: str, t: Language) -> str:
    """A part of a measure's name in words, where the language has some for this check."""
    return t.or_else(f"part.{check}.{word}", word)


def _change(verdict: VerdictResult) -> tuple[str, str]:
    """In which direction a quantity changed, and by how much; of a fall, the size."""
    value, low, high = verdict.value, verdict.low, verdict.high
    if value is None or low is None or high is None or low <= 0 <= high:
        return _FORMS[2], estimate(verdict)
    if low > 0:
        return _FORMS[0], estimate(verdict)
    places = decimals(value, low, high)
    return _FORMS[1], f"{fixed(-value, places)} [{fixed(-high, places)}, {fixed(-low, places)}]"


def _measure(verdict: VerdictResult) -> str:
    where = at(verdict.at)
    return f"{verdict.measure}, {where}" if where else verdict.measure
