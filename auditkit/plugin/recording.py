"""Collecting records: the same way with and without xdist, as JSON text on pytest's own reports."""

import contextlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from auditkit.plugin.collection import AuditItem
from auditkit.plugin.keys import AUDITOR, OPTIONS, OTHER_TASKS, RECORDER, RECORDS, RESULTS, SESSION
from auditkit.plugin.options import is_worker

if TYPE_CHECKING:
    from auditkit.results import Results

KEY = "auditkit"


@dataclass
class Recorder:
    """What this process knows of the run; ``planned`` maps node ids to models."""

    planned: dict[str, str] = field(default_factory=dict)
    deselected: list[str] = field(default_factory=list)
    other_tasks: dict[str, int] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)


def recorder(config: pytest.Config) -> Recorder:
    """The process' recorder."""
    return config.stash.setdefault(RECORDER, Recorder())


def is_audit(item: pytest.Item) -> bool:
    """Whether an item is an audit: from a spec, or a test that asks for the `audit` fixture."""
    return isinstance(item, AuditItem) or "audit" in getattr(item, "fixturenames", ())


def model_of(item: pytest.Item) -> str:
    """The model that an audit item is about; empty for a test to which none was given."""
    if isinstance(item, AuditItem):
        return item.card.model
    given = getattr(getattr(item, "callspec", None), "params", {}).get("audit")
    return str(getattr(given, "model", ""))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember what was planned and will not run."""
    for item in items:
        if is_audit(item):
            found = recorder(item.config)
            found.planned[item.nodeid] = model_of(item)
            found.deselected.append(item.nodeid)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember what will run; release mode refuses a part of the plan before any of it is run."""
    found = recorder(session.config)
    found.planned |= {item.nodeid: model_of(item) for item in session.items if is_audit(item)}
    found.other_tasks = session.config.stash.setdefault(OTHER_TASKS, {}).copy()
    options = session.config.stash[OPTIONS]
    if options.release and found.deselected and options.models and not is_worker(session.config):
        raise pytest.UsageError(
            f"--audit-release refuses a partial audit: {len(found.deselected)} expectations are "
            "deselected; run without -k, -m, --lf and --deselect"
        )


class CollectionListener:
    """Remembers what could not be collected: it is a part of the plan that nobody judged."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A failed collector counts as planned for every model."""
        if report.failed:
            recorder(self.config).planned[report.nodeid] = ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put an item's records on its report, as text, which survives xdist's serialisation."""
    report = yield
    if not is_audit(item):
        return report
    ends = report.when == "call" or (report.when == "setup" and not report.passed)
    if ends:
        setattr(report, KEY, json.dumps(_records(item, call), allow_nan=False))
    return report


def _records(item: pytest.Item, call: pytest.CallInfo[None]) -> list[dict[str, Any]]:
    auditor = item.stash.get(AUDITOR, None)
    found = auditor.records(call) if auditor is not None else item.stash.get(RECORDS, [])
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        counts = session.engine.counts
        recorder(item.config).counts = {"computed": counts.computed, "found": counts.found}
        news = [shard.model_dump(mode="json") for shard in session.engine.news()]
        found = [*found, {"shards": news}]
    return found


class Listener:
    """Receives reports in the process that writes the results."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the records off a report."""
        text = getattr(report, KEY, None)
        if text is not None:
            recorder(self.config).records += json.loads(text)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell xdist's workers where the run's folder is."""
    node.workerinput["auditkit_folder"] = str(node.config.stash[OPTIONS].folder)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker knows of the plan."""
    told = getattr(node, "workeroutput", {}).get(KEY)
    if told is None:
        return
    mine, theirs = recorder(node.config), json.loads(told)
    mine.planned |= theirs["planned"]
    mine.deselected += [node for node in theirs["deselected"] if node not in mine.deselected]
    mine.other_tasks = theirs["other_tasks"] or mine.other_tasks
    mine.libraries |= theirs["libraries"]
    for name, count in theirs["counts"].items():
        mine.counts[name] = mine.counts.get(name, 0) + count


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Workers report their part of the plan; the controller writes the results."""
    config = session.config
    found = recorder(config)
    if is_worker(config):
        from auditkit.environment import libraries

        told = {
            "planned": found.planned,
            "deselected": found.deselected,
            "other_tasks": found.other_tasks,
            "counts": found.counts,
            "libraries": libraries(),
        }
        config.workeroutput[KEY] = json.dumps(told)  # type: ignore[attr-defined]
        return
    options = config.stash[OPTIONS]
    demanded = options.release and options.models
    if config.option.collectonly or not (found.records or demanded):
        _drop_empty_folder(config)
        return
    from auditkit.attestation.statement import seal
    from auditkit.plugin.finishing import finish

    config.stash[RESULTS] = results = finish(config, found, int(exitstatus))
    _copy_junit(config, results)
    seal(results, options.folder)
    passing = ("pass", "pass with waivers")
    blocked = any(release.decision not in passing for release in results.release)
    if blocked and options.release and int(exitstatus) == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _drop_empty_folder(config: pytest.Config) -> None:
    """No audit ran: leave nothing of a report behind but what the user asked for."""
    folder = config.stash[OPTIONS].folder
    if config.option.__dict__.get("xmlpath") == str(folder / "junit.xml"):
        (folder / "junit.xml").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()


def _copy_junit(config: pytest.Config, results: "Results") -> None:
    """Put a copy of a JUnit file that the user placed elsewhere into the run's folder."""
    from pathlib import Path

    written = getattr(config.option, "xmlpath", None)
    ours = config.stash[OPTIONS].folder / "junit.xml"
    if any("shielded" in record for record in recorder(config).records):
        from auditkit.report.junit import render
        from auditkit.results import write_whole

        # pytest's own file quotes whatever an error says; this one has the texts that may be shown.
        write_whole(ours, render(results))
        return
    if written and Path(written).resolve() != ours.resolve() and Path(written).is_file():
        ours.write_bytes(Path(written).read_bytes())
