"""results.json as the table that a run prints: a verdict per expectation, what limits the run, the decision.

The texts are English in every language, as are pytest's around them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TextIO

from auditkit.report.adherence import adherence
from auditkit.report.triangulated import triangulated
from auditkit.report.unplanned import other_tasks
from auditkit.report.words import NONE, shown
from auditkit.results import Release, Results, VerdictResult
from auditkit.verdict import Verdict

Colour = Literal["", "red", "green", "yellow"]

WIDTH: Final = 80
_CODES: Final[Mapping[Colour, str]] = {"red": "31", "green": "32", "yellow": "33"}
_COLOURS: Final[Mapping[Verdict, Colour]] = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.ERROR: "red",
}
_DECISIONS: Final[Mapping[str, tuple[str, Colour]]] = {
    "pass": ("release passes", "green"),
    "pass with waivers": ("release passes with waivers", "yellow"),
    "blocked": ("release blocked", "red"),
    "partial": ("release not decided", "yellow"),
    "no blocking expectation": ("release not decided", "yellow"),
}


@dataclass(frozen=True)
class Words:
    """A piece of a line in one style."""

    text: str
    colour: Colour = ""
    bold: bool = False


@dataclass(frozen=True)
class Line:
    """A line of pieces, or a heading, which is ruled off."""

    words: Sequence[Words]
    heading: bool = False

    @property
    def text(self) -> str:
        """Without any style."""
        return "".join(each.text for each in self.words)


def lines(results: Results) -> Iterator[Line]:
    """The whole table, line by line."""
    for release in results.release:
        yield from _model(results, release.model)
    for remark in _remarks(results):
        yield _plain(remark)
    for release in results.release:
        yield _decision(release)


def render(results: Results, *, coloured: bool = False) -> str:
    """The table as text; without colours the same results give the same text anywhere."""
    return "".join(f"{_drawn(line, coloured=coloured)}\n" for line in lines(results))


def wants_colour(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Whether colours are of use: on a terminal whose user did not decline them (NO_COLOR)."""
    asked = os.environ if environment is None else environment
    return stream.isatty() and not asked.get("NO_COLOR") and asked.get("TERM") != "dumb"


def _drawn(line: Line, *, coloured: bool) -> str:
    if line.heading:
        return f" {line.text} ".center(WIDTH, "=")
    return "".join(_styled(each) if coloured else each.text for each in line.words)


def _styled(words: Words) -> str:
    codes = [*(["1"] if words.bold else []), *([_CODES[words.colour]] if words.colour else [])]
    return f"\x1b[{';'.join(codes)}m{words.text}\x1b[0m" if codes else words.text


def _flat(text: str) -> str:
    """One line, in which nothing from a spec or a data set can steer the terminal."""
    return " ".join(shown(text).split())


def _plain(text: str) -> Line:
    return Line([Words(text)])


def _model(results: Results, model: str) -> Iterator[Line]:
    """Heading, verdicts and guidelines of one model."""
    stand_in = " (stand-in)" if model in results.deviations.stand_ins else ""
    yield Line([Words(_flat(f"audit of {model}{stand_in}"))], heading=True)
    own = [verdict for verdict in results.verdicts if verdict.model == model]
    width = max((len(_what(verdict)) for verdict in own), default=0)
    for verdict in own:
        word = Words(f"{verdict.verdict.value:<17} ", _COLOURS.get(verdict.verdict, "yellow"))
        yield Line([word, Words(f"{_what(verdict):<{width}}  {_found(verdict)}")])
        if verdict.waiver:
            yield _plain(f"{'':<18}{_waived(verdict)}")
    yield from map(_plain, _conclusions(results, model))
    yield from map(_plain, _guidelines(results, model))


def _what(verdict: VerdictResult) -> str:
    place = ", ".join(v if isinstance(v, str) else f"{k} {v:g}" for k, v in verdict.at.items())
    advisory = " (advisory)" if verdict.severity == "advisory" else ""
    return _flat(f"{verdict.audit}: {verdict.measure}{f' at {place}' if place else ''}{advisory}")


def _found(verdict: VerdictResult) -> str:
    if verdict.value is None or verdict.low is None or verdict.high is None:
        return _flat(verdict.reason) or NONE
    interval = f"{verdict.value:.3g} [{verdict.low:.3g}, {verdict.high:.3g}]"
    return _flat(f"{interval}, expected {verdict.expected}")


def _waived(verdict: VerdictResult) -> str:
    waiver = verdict.waiver
    assert waiver is not None
    state = f"{'waived until' if waiver.in_force else 'waiver expired on'} {waiver.expires}"
    reference = f" ({waiver.reference})" if waiver.reference else ""
    return _flat(f"{state} by {waiver.approver}{reference}: {waiver.reason}")


def _conclusions(results: Results, model: str) -> Iterator[str]:
    """What independent lines of evidence say of each attribute."""
    for audit in triangulated(results, model):
        yield _flat(f"What it reads, by independent lines of evidence ({audit.audit}):")
        yield from (f"  {_flat(note)}" for note in audit.notes)


def _guidelines(results: Results, model: str) -> Iterator[str]:
    """How many heatmap methods meet each of the Clinical XAI Guidelines, if any audit is about them."""
    found = adherence(results, model)
    if found is None:
        return
    yield _flat(f"Clinical XAI Guidelines, explanations by {', '.join(found.methods)}:")
    for row in found.rows:
        counts = ", ".join(f"{count} {word}" for word, count in row.counts.items())
        yield f"  {row.guideline.id} {row.guideline.name:<25} {counts}"


def _remarks(results: Results) -> Iterator[str]:
    deviations = results.deviations
    if deviations.stand_ins:
        yield _flat(f"stand-ins, not the real thing: {', '.join(deviations.stand_ins)}")
    if deviations.deselected:
        yield f"PARTIAL: {deviations.judged} of {deviations.planned} planned items were judged"
    if results.profile:
        yield _flat(f"profile {results.profile.profile}: {results.profile.title}")
    if deviations.other_tasks:
        yield _flat(other_tasks(deviations.other_tasks))


def _decision(release: Release) -> Line:
    word, colour = _DECISIONS[release.decision]
    return Line([Words(_flat(f"{word}: {release.model}: {release.why}"), colour, bold=True)])
