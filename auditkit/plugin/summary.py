"""What the terminal says at the end: a verdict per expectation, the decision, and where the report is."""

from typing import TYPE_CHECKING

import pytest

from auditkit.plugin.keys import OPTIONS, RESULTS
from auditkit.plugin.recording import recorder

if TYPE_CHECKING:
    from auditkit.report.terminal import Line
    from auditkit.results import Results


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Write the verdict table; pytest knows whether the terminal has colours."""
    results: Results | None = config.stash.get(RESULTS, None)
    others = recorder(config).other_tasks
    if results is None and not (config.stash[OPTIONS].models and others):
        return
    if results is None:
        from auditkit.report.unplanned import other_tasks

        terminalreporter.section("audit")
        terminalreporter.line(other_tasks(others))
        return
    from auditkit.report.terminal import lines

    for line in lines(results):
        _write(terminalreporter, line)
    terminalreporter.line(f"report: {_relative(config)}/report.html (results.json, junit.xml)")
    _annotate(terminalreporter, config, results)


def _annotate(reporter: pytest.TerminalReporter, config: pytest.Config, results: "Results") -> None:
    """What GitHub Actions puts on the lines of specs; it reads lines without colours only."""
    from auditkit.plugin.annotations import annotations, root_in_repository, wanted

    if wanted(config):
        reporter.ensure_newline()
        for line in annotations(results, root_in_repository(config)):
            reporter.write_line(line)


def _write(reporter: pytest.TerminalReporter, line: "Line") -> None:
    if line.heading:
        reporter.section(line.text)
        return
    for words in line.words:
        styles = {style: True for style in (words.colour, "bold" if words.bold else "") if style}
        reporter.write(words.text, **styles)
    reporter.line("")


def _relative(config: pytest.Config) -> str:
    from auditkit.provenance import relative

    return relative(config.stash[OPTIONS].folder, config.invocation_params.dir)
