"""Annotations on the lines of specs, as GitHub Actions reads them from a job's output."""

import os
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final, Literal

import pytest

from auditkit.plugin.options import is_worker
from auditkit.release import described, waived_now
from auditkit.results import Results, VerdictResult
from auditkit.verdict import Verdict

# GitHub shows at most so many of a kind from one step.
MOST: Final = 10


def annotations(results: Results, folder: str = "") -> list[str]:
    """Workflow commands: an error per blocking expectation that is not met, a warning per advisory one.

    What is waived is left to the report. Where there are more than GitHub shows, the gravest are named and
    the last says how many more there are.

    Args:
        results: the run.
        folder: pytest's root folder within the repository; empty if it is the repository.
    """
    failing = [verdict for verdict in results.verdicts if _fails(verdict)]
    blocking = [verdict for verdict in failing if verdict.severity == "blocking"]
    advisory = [verdict for verdict in failing if verdict.severity == "advisory"]
    return [*_commands("error", blocking, folder), *_commands("warning", advisory, folder)]


def wanted(config: pytest.Config) -> bool:
    """Whether to annotate: in GitHub Actions, where results are written, unless a plug-in does so already."""
    others = config.pluginmanager.has_plugin("pytest_github_actions_annotate_failures")
    return os.environ.get("GITHUB_ACTIONS") == "true" and not is_worker(config) and not others


def root_in_repository(config: pytest.Config) -> str:
    """The root folder of pytest within the repository that the job checked out."""
    checkout = os.environ.get("GITHUB_WORKSPACE", "")
    root = config.rootpath
    return (
        root.relative_to(checkout).as_posix() if checkout and root.is_relative_to(checkout) else ""
    )


def _fails(verdict: VerdictResult) -> bool:
    settled = verdict.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    return not settled and not waived_now(verdict)


def _commands(
    kind: Literal["error", "warning"], verdicts: Iterable[VerdictResult], folder: str
) -> list[str]:
    order = [Verdict.ERROR, Verdict.FAIL]

    def gravity(verdict: VerdictResult) -> tuple[bool, int]:
        known = verdict.verdict in order
        return (not verdict.fault, order.index(verdict.verdict) if known else len(order))

    ranked = sorted(verdicts, key=gravity)
    named = ranked[:MOST]
    more = len(ranked) - len(named)
    texts = [described(verdict) for verdict in named]
    if more:
        texts[-1] += f"\n{more} more are in the report."
    return [_command(kind, v, text, folder) for v, text in zip(named, texts, strict=True)]


def _command(kind: str, verdict: VerdictResult, text: str, folder: str) -> str:
    file = str(PurePosixPath(folder) / verdict.file)
    title = f"{verdict.verdict.value}: {verdict.audit} [{verdict.model}]"
    properties = {"file": file, "line": str(verdict.line), "title": title}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {listed}::{_data(text)}"


def _data(text: str) -> str:
    """Text as GitHub wants it: percent signs first, then line ends."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The same within a property, where colons and commas part."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
