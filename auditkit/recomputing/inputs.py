"""Whether specs, cards, weights and images here are those of the record."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from auditkit.data.dataset import manifest_digest
from auditkit.errors import AuditError
from auditkit.models.identity import weights_digest
from auditkit.provenance import instruments
from auditkit.recomputing.outcome import Remark
from auditkit.recomputing.plan import Plan
from auditkit.results import InstrumentResult, Results
from auditkit.session import Session
from auditkit.spec.load import Audit


def hold_files(results: Results, root: Path) -> Iterator[Remark]:
    """Specs, tests, profiles and cards that are not here, or are not what was read."""
    listed = {(source.file, source.sha256): source.kind for source in results.sources}
    # Of one file the record may state several digests: each is held.
    stated = {(model.card, model.card_sha256): "model card" for model in results.models}
    stated |= {(audit.file, audit.sha256): "spec" for audit in results.audits}
    if results.profile is not None:
        stated[results.profile.file, results.profile.sha256] = "profile"
    for (file, digest), kind in sorted((stated | listed).items()):
        try:
            found = hashlib.sha256((root / file).read_bytes()).hexdigest()
        except OSError as error:
            text = f"cannot be read in {root}: {error.strerror}"
            yield Remark(kind="not confirmed", what=kind, where=file, text=text)
            continue
        if found != digest:
            yield _other(kind, file, digest, found)


def hold_contents(results: Results, plan: Plan, session: Session) -> Iterator[Remark]:
    """Weights, images and records of instruments that are not those of the run."""
    for model in results.models:
        if model.model in plan.models:
            found = weights_digest(plan.models[model.model])
            if found != model.weights_sha256:
                yield _other("weights", model.model, model.weights_sha256, found)
    recorded = {each.data: each.manifest_sha256 for each in results.data}
    seen = set[str]()
    for audit, model_name in audited(results, plan):
        card = plan.models[model_name]
        for data in (audit.data, *audit.beside.data.values()):
            if data.data in seen or data.data not in recorded:
                continue
            seen.add(data.data)
            try:
                found = manifest_digest(session.dataset(data, card).records)
            except AuditError as error:
                text = f"cannot be read: {error}"
                yield Remark(kind="not confirmed", what="data", where=data.data, text=text)
                continue
            if found != recorded[data.data]:
                yield _other("data", data.data, recorded[data.data], found)
    yield from _instruments(results, plan)


def _instruments(results: Results, plan: Plan) -> Iterator[Remark]:
    recorded: dict[tuple[str, str], str] = {
        (each.kind, each.name): each.files_sha256 for each in results.instruments
    }
    found: dict[tuple[str, str], str] = {}
    for audit, model in audited(results, plan):
        try:
            found |= {(i.kind, i.name): i.files_sha256 for i in instruments(audit.beside, model)}
        except AuditError as error:
            yield Remark(
                kind="not confirmed",
                what="instruments",
                where=audit.id,
                text=f"cannot be read: {error}",
            )
    for key, digest in sorted(found.items()):
        if recorded.get(key, "") != digest:
            yield _other(key[0], key[1], recorded.get(key, ""), digest)


def recorded_instruments(results: Results, plan: Plan) -> Iterator[InstrumentResult]:
    """What the recorded audits measure with, as it is here; those that cannot be read are left out."""
    for audit, model in audited(results, plan):
        with contextlib.suppress(AuditError):
            yield from instruments(audit.beside, model)


def audited(results: Results, plan: Plan) -> Iterator[tuple[Audit, str]]:
    """The recorded audits that are here, each with its model."""
    for recorded in results.audits:
        audit = plan.audit(recorded)
        if audit is not None and recorded.model in plan.models:
            yield audit, recorded.model


def _other(what: str, where: str, recorded: str, found: str) -> Remark:
    text = f"is not what was recorded: sha256 {found[:12]}, recorded {recorded[:12]}"
    return Remark(kind="differs", what=what, where=where, text=text)
