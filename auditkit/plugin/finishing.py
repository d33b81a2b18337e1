"""The end of a run: records become results.json and its renderings."""

import hashlib
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditkit.attestation.registration import registration
from auditkit.environment import environment, requirements
from auditkit.errors import AuditError
from auditkit.evidence.listing import listed_evidence
from auditkit.evidence.store import Store
from auditkit.gating.profiles import changes_of, profile_result
from auditkit.plugin.keys import OPTIONS
from auditkit.plugin.options import Options
from auditkit.plugin.recording import Recorder
from auditkit.plugin.sources import kept
from auditkit.provenance import relative
from auditkit.release import decide, refusals, with_holm
from auditkit.results import (
    AuditResult,
    DataResult,
    Deviations,
    EvidenceList,
    InstrumentResult,
    ModelResult,
    ProfileResult,
    Registration,
    Results,
    Run,
    SourceFile,
    VerdictResult,
    to_json,
    write_whole,
)
from auditkit.results.evidence_list import ListedShard, evidence_list_json
from auditkit.results.folder import EVIDENCE_LIST, REQUIREMENTS, RESULTS
from auditkit.spec.load import SPEC_SUFFIXES


def finish(config: pytest.Config, recorder: Recorder, exit_status: int) -> Results:
    """Judge the run as a whole and write its folder."""
    options = config.stash[OPTIONS]
    write_whole(options.folder / REQUIREMENTS, requirements().encode())
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
    commit = _git(config, "rev-parse", "HEAD") or ""
    refused = refusals(deviations, commit, verdicts) if options.release else []
    sources = _sorted(recorder, "source", SourceFile, lambda s: (s.kind, s.file))
    if options.profile:
        sources.append(kept(config, "profile", options.profile.path, options.profile.digest))
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
            release=options.release,
            batch_size=options.batch_size,
            execution=options.execution,
            baseline=relative(options.baseline, config.rootpath) if options.baseline else "",
            baseline_sha256=_sha256(options.baseline / RESULTS) if options.baseline else "",
        ),
        environment=environment(options.device, options.precision, commit, recorder.libraries),
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
        sources=sources,
        registration=_registration(config, sources),
        profile=_profile(config, options, recorder),
        evidence=_evidence(options, recorder),
        language=options.language,
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _profile(config: pytest.Config, options: Options, recorder: Recorder) -> ProfileResult | None:
    """The profile in force, and what it changed in the specs that were planned."""
    profile = options.profile
    if profile is None:
        return None
    planned = {node.partition("::")[0] for node in recorder.planned}
    specs = [config.rootpath / file for file in planned if file.endswith(SPEC_SUFFIXES)]
    changes = changes_of(profile, specs, options.catalogue)
    return profile_result(profile, changes, relative(profile.path, config.rootpath))


def _registration(config: pytest.Config, sources: list[SourceFile]) -> Registration | None:
    """What was recorded of the specs before the run; a broken record is told, not raised, at the end."""
    specs = {config.rootpath / one.file: one.sha256 for one in sources if one.kind == "spec"}
    try:
        return registration(specs, config.rootpath)
    except AuditError as error:
        return Registration(
            file="", sha256="", recorded="", commit="", specs=[], problem=str(error)
        )


def _evidence(options: Options, recorder: Recorder) -> EvidenceList:
    """Write the list of shards that verdicts rest on, and say what it is."""
    shards = [
        ListedShard.model_validate(shard) for r in recorder.records for shard in r.get("shards", ())
    ]
    listed = listed_evidence(shards, Store(options.store), options.folder)
    text = evidence_list_json(listed).encode()
    write_whole(options.folder / EVIDENCE_LIST, text)
    return EvidenceList(
        sha256=hashlib.sha256(text).hexdigest(),
        shards=len(listed.shards),
        size=sum(shard.size for shard in listed.shards),
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
        empty_dossier=sorted({name for r in recorder.records for name in r.get("empty", ())}),
        stand_ins=sorted(
            {
                *(model.model for model in models if model.stand_in),
                *(each.data for each in data if each.stand_in),
                *(each.name for each in instruments if each.stand_in),
            }
        ),
    )


def _own(config: pytest.Config) -> list[str]:
    """Pathspecs that leave out what auditkit itself writes."""
    options, root = config.stash[OPTIONS], config.rootpath
    places = [options.folder, options.local_store, root / "reports", root / ".auditkit"]
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
    from auditkit.report.language import Language
    from auditkit.report.markdown import summary

    try:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(summary(results, Language(results.language)))
    except OSError as error:
        sys.stderr.write(f"auditkit: the job summary {place} cannot be written: {error.strerror}\n")
