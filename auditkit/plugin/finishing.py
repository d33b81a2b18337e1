"""The end of a run: records become results.json and its renderings."""

import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from auditkit import __version__
from auditkit.plugin.keys import OPTIONS
from auditkit.plugin.options import Options
from auditkit.plugin.recording import Recorder
from auditkit.release import decide, refusals, with_holm
from auditkit.results import (
    AuditResult,
    DataResult,
    Deviations,
    Environment,
    InstrumentResult,
    ModelResult,
    Results,
    Run,
    VerdictResult,
    to_json,
    write_whole,
)

_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "scipy",
    "pillow",
    "pytest",
    "pytest-xdist",
    "ai-edge-litert",
)


def finish(config: pytest.Config, recorder: Recorder, exit_status: int) -> Results:
    """Judge the run as a whole and write its folder."""
    options = config.stash[OPTIONS]
    results = assemble(config, options, recorder, exit_status)
    write_whole(options.folder / "results.json", to_json(results).encode())
    from auditkit.report.html import write

    write(results, options.folder)
    _job_summary(results)
    return results


def assemble(
    config: pytest.Config, options: Options, recorder: Recorder, exit_status: int
) -> Results:
    """Results from records, in an order that does not depend on who sent them first."""
    verdicts = with_holm(_sorted(recorder, "verdict", VerdictResult, _place(recorder)))
    audits = _sorted(recorder, "audit", AuditResult, lambda a: (a.file, a.audit, a.model))
    models = _sorted(recorder, "model", ModelResult, lambda m: m.model)
    data = _sorted(recorder, "data", DataResult, lambda d: d.data)
    instruments = _sorted(recorder, "instrument", InstrumentResult, lambda i: (i.kind, i.name))
    deviations = _deviations(config, recorder, verdicts, models, data, instruments)
    environment = _environment(config, options)
    refused = refusals(deviations, environment.commit, verdicts) if options.release else []
    now = time.time()
    return Results(
        run=Run(
            id=options.folder.name,
            started=_utc(options.started),
            finished=_utc(now),
            seconds=round(now - options.started, 1),
            command=["pytest", *map(str, config.invocation_params.args)],
            exit_status=exit_status,
            evidence={"computed": 0, "found": 0} | recorder.counts,
        ),
        environment=environment,
        release=[
            decide(card.model, verdicts, refused, _unjudged(card.model, recorder, deviations))
            for card in options.models
        ],
        deviations=deviations,
        models=models,
        data=data,
        instruments=instruments,
        verdicts=verdicts,
        audits=audits,
    )


def _unjudged(model: str, recorder: Recorder, deviations: Deviations) -> list[str]:
    """Planned items about a model without a verdict."""
    return [node for node in deviations.deselected if recorder.planned[node] in (model, "")]


def _sorted(recorder: Recorder, kind: str, model: Any, key: Any) -> list[Any]:
    """The records of a kind, each once, in a fixed order."""
    found: list[Any] = []
    for record in recorder.records:
        if kind in record:
            value = model.model_validate(record[kind])
            if value not in found:
                found.append(value)
    return sorted(found, key=key)


def _place(recorder: Recorder) -> Any:
    order = {node: i for i, node in enumerate(recorder.planned)}
    last = len(order)
    return lambda verdict: (order.get(verdict.node, last), verdict.node)


def _deviations(
    config: pytest.Config,
    recorder: Recorder,
    verdicts: list[VerdictResult],
    models: list[ModelResult],
    data: list[DataResult],
    instruments: list[InstrumentResult],
) -> Deviations:
    judged = {verdict.node for verdict in verdicts}
    planned = list(recorder.planned)
    return Deviations(
        planned=len(planned),
        judged=len(judged),
        deselected=sorted(node for node in planned if node not in judged),
        other_tasks=dict(sorted(recorder.other_tasks.items())),
        reruns=bool(getattr(config.option, "reruns", None)),
        dirty=_git(config, "status", "--porcelain", "--", ".", *_own(config)) not in ("", None),
        stand_ins=sorted(
            {
                *(model.model for model in models if model.stand_in),
                *(each.data for each in data if each.stand_in),
                *(each.name for each in instruments if each.stand_in),
            }
        ),
    )


def _environment(config: pytest.Config, options: Options) -> Environment:
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Environment(
        auditkit=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        packages=packages,
        device=options.device,
        precision=options.precision,
        commit=_git(config, "rev-parse", "HEAD") or "",
    )


def _own(config: pytest.Config) -> list[str]:
    """Pathspecs that leave out what auditkit itself writes."""
    options, root = config.stash[OPTIONS], config.rootpath
    places = [options.folder, options.store, root / "reports", root / ".auditkit"]
    inside = [place.relative_to(root) for place in places if place.is_relative_to(root)]
    return [f":(exclude){place.as_posix()}" for place in inside if place.parts]


def _git(config: pytest.Config, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 a fixed command
            ["git", "-C", str(config.rootpath), *arguments],  # noqa: S607 the user's own git
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _job_summary(results: Results) -> None:
    """Append the verdict table to the CI job's summary, where there is one."""
    import os
    from pathlib import Path

    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        return
    from auditkit.report.markdown import summary

    try:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(summary(results))
    except OSError as error:
        sys.stderr.write(f"auditkit: the job summary {place} cannot be written: {error.strerror}\n")
