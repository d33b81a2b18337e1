"""What the terminal says at the end: a verdict per expectation, the decision, and where the report is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from auditkit.plugin.keys import OPTIONS, RESULTS
from auditkit.plugin.recording import recorder

if TYPE_CHECKING:
    from auditkit.results import Results, VerdictResult

_DECISIONS = {
    "pass": ("release passes", "green"),
    "blocked": ("release blocked", "red"),
    "partial": ("release not decided", "yellow"),
    "no blocking expectation": ("release not decided", "yellow"),
}
_COLOURS = {"pass": "green", "fail": "red", "error": "red", "inconclusive": "yellow"}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Write the verdict table."""
    results: Results | None = config.stash.get(RESULTS, None)
    others = recorder(config).other_tasks
    if results is None:
        if config.stash[OPTIONS].models and others:
            terminalreporter.section("audit")
            terminalreporter.line(_others(others))
        return
    for release in results.release:
        _model(terminalreporter, results, release.model)
    for line in _remarks(results):
        terminalreporter.line(line)
    for release in results.release:
        word, colour = _DECISIONS[release.decision]
        terminalreporter.line(
            f"{word}: {release.model}: {release.why}", bold=True, **{colour: True}
        )
    terminalreporter.line(f"report: {_relative(config)}/report.html (results.json, junit.xml)")


def _model(reporter: pytest.TerminalReporter, results: "Results", model: str) -> None:
    stand_in = " (stand-in)" if model in results.deviations.stand_ins else ""
    reporter.section(f"audit of {model}{stand_in}")
    own = [verdict for verdict in results.verdicts if verdict.model == model]
    width = max((len(_what(verdict)) for verdict in own), default=0)
    for verdict in own:
        colour = _COLOURS.get(verdict.verdict.value, "yellow")
        reporter.write(f"{verdict.verdict.value:<17} ", **{colour: True})
        reporter.line(f"{_what(verdict):<{width}}  {_estimate(verdict)}")
    for line in _guidelines(results, model):
        reporter.line(line)


def _guidelines(results: "Results", model: str) -> Iterator[str]:
    """How many heatmap methods meet each of the Clinical XAI Guidelines, if any audit is about them."""
    from auditkit.report.adherence import adherence

    found = adherence(results, model)
    if found is None:
        return
    yield f"Clinical XAI Guidelines, explanations by {', '.join(found.methods)}:"
    for row in found.rows:
        counts = ", ".join(f"{count} {word}" for word, count in row.counts.items())
        yield f"  {row.guideline.id} {row.guideline.name:<25} {counts}"


def _what(verdict: "VerdictResult") -> str:
    at = ", ".join(v if isinstance(v, str) else f"{k} {v:g}" for k, v in verdict.at.items())
    advisory = " (advisory)" if verdict.severity == "advisory" else ""
    return f"{verdict.audit}: {verdict.measure}{f' at {at}' if at else ''}{advisory}"


def _estimate(verdict: "VerdictResult") -> str:
    if verdict.value is None or verdict.low is None or verdict.high is None:
        return verdict.reason
    interval = f"{verdict.value:.3g} [{verdict.low:.3g}, {verdict.high:.3g}]"
    return f"{interval}, expected {verdict.expected}"


def _remarks(results: "Results") -> list[str]:
    found = []
    deviations = results.deviations
    if deviations.stand_ins:
        found.append(f"stand-ins, not the real thing: {', '.join(deviations.stand_ins)}")
    if deviations.deselected:
        found.append(
            f"PARTIAL: {deviations.judged} of {deviations.planned} planned items were judged"
        )
    if deviations.other_tasks:
        found.append(_others(deviations.other_tasks))
    return found


def _others(other_tasks: dict[str, int]) -> str:
    total = sum(other_tasks.values())
    tasks = ", ".join(f"{count} {task}" for task, count in other_tasks.items())
    verb = "specs belong" if total > 1 else "spec belongs"
    return (
        f"{total} {verb} to other tasks ({tasks}) and {'were' if total > 1 else 'was'} not planned"
    )


def _relative(config: pytest.Config) -> str:
    from auditkit.provenance import relative

    return relative(config.stash[OPTIONS].folder, config.invocation_params.dir)
