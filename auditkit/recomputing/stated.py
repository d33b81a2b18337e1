"""What a record states beside its numbers, against the cards, data, specs and profile here."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from auditkit.data.identifiers import identifiers
from auditkit.errors import AuditError
from auditkit.provenance import data_result, model_result
from auditkit.recomputing.inputs import audited, recorded_instruments
from auditkit.recomputing.numbers import apart
from auditkit.recomputing.outcome import Remark
from auditkit.recomputing.plan import Plan
from auditkit.results import AuditResult, DataResult, ModelResult, Results
from auditkit.session import Session
from auditkit.spec.data_card import DataCard
from auditkit.spec.dossier import empty_required
from auditkit.spec.load import Audit
from auditkit.spec.model_card import ModelCard

# Differences of these have remarks of their own.
_BY_DIGEST = ("weights_sha256", "manifest_sha256", "card_sha256")


def hold_statements(results: Results, plan: Plan, session: Session, root: Path) -> Iterator[Remark]:
    """Whatever results.json says of models, data, audits and itself that is not so."""
    # In a redacted copy texts are others, and its report says so.
    if results.redaction is None:
        yield from _models(results, plan, root)
        yield from _data(results, plan, session)
        yield from _audits(results, plan)
    yield from _deviations(results, plan)
    yield from _profile(results, plan)
    yield from _unjudged(results, plan)
    decided = Counter(release.model for release in results.release)
    for model in {*plan.models, *decided}:
        if decided[model] != 1:
            yield _differs("decision", model, f"the record has {decided[model]} decisions about it")


def _models(results: Results, plan: Plan, root: Path) -> Iterator[Remark]:
    for model in results.models:
        card = plan.models.get(model.model)
        if card is None:
            continue
        try:
            found = model_result(card, root)
        except AuditError as error:
            yield _open("model", model.model, f"cannot be read: {error}")
            continue
        if text := _other(model, found):
            yield _differs("model", model.model, text)


def _data(results: Results, plan: Plan, session: Session) -> Iterator[Remark]:
    found: dict[str, list[DataResult]] = {}
    recorded = {each.data: each for each in results.data}
    for data, card in _data_sets(results, plan):
        try:
            dataset = session.dataset(data, card)
            seen = identifiers(dataset)
        except AuditError:
            continue  # the contents say so
        found.setdefault(data.data, []).append(data_result(data, dataset, card, seen))
    for name, several in found.items():
        if name not in recorded:
            yield _differs("data", name, "was used, and is missing in the record")
        elif not any(_other(recorded[name], one) == "" for one in several):
            yield _differs("data", name, _other(recorded[name], several[0]))


def _data_sets(results: Results, plan: Plan) -> Iterator[tuple[DataCard, ModelCard]]:
    """Every data set of every audit, once for each model: its classes name the labels."""
    seen = set[tuple[str, str]]()
    for audit, model in audited(results, plan):
        for data in (audit.data, *audit.beside.data.values()):
            if (data.data, model) not in seen:
                seen.add((data.data, model))
                yield data, plan.models[model]


def _audits(results: Results, plan: Plan) -> Iterator[Remark]:
    for recorded in results.audits:
        planned = plan.planned.get(recorded.file)
        if planned is None:
            continue  # a test is code, which alone knows what it asked
        if text := _other_audit(recorded, planned.audit):
            yield _differs("audit", f"{recorded.audit} [{recorded.model}]", text)


def _other_audit(recorded: AuditResult, audit: Audit) -> str:
    spec = audit.spec
    asked = {
        "audit": audit.id,
        "check": audit.check.name,
        "title": spec.title,
        "why": spec.why,
        "paper": audit.check.paper,
        "guidelines": list(audit.check.guidelines),
        "data": audit.data.data,
        "assumes": list(spec.assumes),
        "hazards": list(spec.hazards),
    }
    return apart({name: getattr(recorded, name) for name in asked}, asked, 0.0)


def _deviations(results: Results, plan: Plan) -> Iterator[Remark]:
    """Stand-ins and gaps of dossiers that the record keeps silent about."""
    used = list(plan.models.values()), [data for data, _ in _data_sets(results, plan)]
    stand_ins = {card.model for card in used[0] if card.stand_in}
    stand_ins |= {data.data for data in used[1] if data.stand_in}
    stand_ins |= {one.name for one in recorded_instruments(results, plan) if one.stand_in}
    empty = {f"model {c.model}: {name}" for c in used[0] for name in empty_required(c.dossier)}
    empty |= {f"data {d.data}: {name}" for d in used[1] for name in empty_required(d.dossier)}
    said = results.deviations
    for what, found, known in (
        ("stand-ins", stand_ins, said.stand_ins),
        ("dossiers", empty, said.empty_dossier),
    ):
        if silent := sorted(found.difference(known)):
            text = f"the record does not say: {', '.join(silent[:5])}"
            yield _differs("deviations", what, text)


def _profile(results: Results, plan: Plan) -> Iterator[Remark]:
    if results.profile is None:
        return
    made = {word for planned in plan.planned.values() for word in planned.changes}
    if silent := sorted(made.difference(results.profile.changes)):
        text = f"the record does not say that it changed: {silent[0]}"
        yield _differs("profile", results.profile.file, text)


def _unjudged(results: Results, plan: Plan) -> Iterator[Remark]:
    """Expectations of specs that were judged in part, and of which the record says nothing."""
    known = {(verdict.file, _name(verdict.node)) for verdict in results.verdicts}
    left = set(map(_name, results.deviations.deselected))
    pairs = {(audit.file, audit.model) for audit in results.audits}
    pairs |= {(verdict.file, verdict.model) for verdict in results.verdicts}
    for file, model in sorted(pairs):
        planned = plan.planned.get(file)
        for key in planned.keys if planned is not None else ():
            assert planned is not None
            name = f"{planned.audit.id}.{key}[{model}]"
            if (file, name) not in known and name not in left:
                yield _differs("verdict", name, "the spec expects it, and the record lacks it")
    for source in results.sources:
        if source.kind == "spec" and source.file not in {file for file, _ in pairs}:
            yield _differs("spec", source.file, "was read, and the record judges nothing of it")


def _name(node: str) -> str:
    return node.rpartition("::")[2]


def _other(recorded: ModelResult | DataResult, found: ModelResult | DataResult) -> str:
    one, other = (
        {k: v for k, v in part.model_dump(mode="json").items() if k not in _BY_DIGEST}
        for part in (recorded, found)
    )
    return apart(one, other, 0.0)


def _differs(what: str, where: str, text: str) -> Remark:
    return Remark(kind="differs", what=what, where=where, text=text)


def _open(what: str, where: str, text: str) -> Remark:
    return Remark(kind="not confirmed", what=what, where=where, text=text)
