"""What an item tells the process that writes the results: identities, sources, findings; each once."""

from itertools import chain
from typing import Any

import pytest

from auditkit.findings import Findings
from auditkit.plugin.keys import OPTIONS, SENT
from auditkit.plugin.pictures import cases_result, example_result, gallery_result
from auditkit.plugin.sessions import session_of
from auditkit.plugin.shielding import identifiers_of, shielded
from auditkit.plugin.sources import sources
from auditkit.provenance import data_result, instruments, model_result, relative
from auditkit.results import (
    AuditResult,
    SampleFile,
    figure_result,
    measurement_result,
    table_result,
    write_by_digest,
)
from auditkit.results.folder import SAMPLES
from auditkit.results.samples import samples_text
from auditkit.spec.dossier import empty_required
from auditkit.spec.load import Audit
from auditkit.spec.model_card import ModelCard


def first_time(config: pytest.Config, *key: str) -> bool:
    """Whether this process has not told this yet."""
    sent = config.stash.setdefault(SENT, set())
    new = key not in sent
    sent.add(key)
    return new


def send_model(config: pytest.Config, card: ModelCard) -> list[dict[str, Any]]:
    """The model's identity, once per process."""
    if not first_time(config, "model", card.model):
        return []
    from auditkit.errors import AuditError

    try:
        found = model_result(card, config.rootpath)
    except AuditError:
        return []  # its weights cannot be read, which every verdict on it says
    empty = [f"model {card.model}: {name}" for name in empty_required(card.dossier)]
    return [{"model": found.model_dump(mode="json")}, {"empty": empty}]


def send_sources(config: pytest.Config, audit: Audit, card: ModelCard) -> list[dict[str, Any]]:
    """The files behind an audit of a model, each once per process."""
    if not first_time(config, "sources", str(audit.path), card.model):
        return []
    found = [{"source": source.model_dump(mode="json")} for source in sources(config, audit, card)]
    if shielded(config, audit, card).up:
        found.append({"shielded": {}})
    return found


def send_audit(config: pytest.Config, audit: Audit, card: ModelCard) -> list[dict[str, Any]]:
    """All that the audit's check found, and the data's identity, once per process."""
    records: list[dict[str, Any]] = []
    session = session_of(config)
    if first_time(config, "audit", audit.id, card.model):
        found = audit_result(config, audit, card, session.findings(audit, card))
        records.append({"audit": found.model_dump(mode="json")})
    for data in (audit.data, *audit.beside.data.values()):
        if first_time(config, "data", data.data):
            found_data = data_result(
                data, session.dataset(data, card), card, identifiers_of(config, data, card)
            )
            empty = [f"data {data.data}: {name}" for name in empty_required(data.dossier)]
            shown = shielded(config, audit, card).of_data(found_data)
            records.append({"data": shown.model_dump(mode="json")})
            records.append({"empty": empty})
    records += [
        {"instrument": instrument.model_dump(mode="json")}
        for instrument in instruments(audit.beside, card.model)
        if first_time(config, "instrument", instrument.kind, instrument.name)
    ]
    return records


def _samples(
    config: pytest.Config, audit: Audit, card: ModelCard, findings: Findings
) -> SampleFile | None:
    """What the findings' averages are of, in a file of its own, by which releases are compared."""
    measures = audit.check.measures(audit.parameters)
    text = samples_text(audit.id, card.model, audit.data.data, findings.measurements, measures)
    first = next(text, None)
    if first is None:
        return None
    parts = (part.encode() for part in chain([first], text))
    sha256 = write_by_digest(config.stash[OPTIONS].folder / SAMPLES, parts, ".json")
    return SampleFile(file=f"{SAMPLES}/{sha256}.json", sha256=sha256)


def audit_result(
    config: pytest.Config, audit: Audit, card: ModelCard, findings: Findings
) -> AuditResult:
    """Findings as they stand in results.json; pictures go to the run's folder."""
    shield = shielded(config, audit, card)
    folder = None if shield.up else config.stash[OPTIONS].folder
    result = AuditResult(
        audit=audit.id,
        model=card.model,
        check=audit.check.name,
        title=audit.spec.title,
        why=audit.spec.why,
        paper=audit.check.paper,
        guidelines=list(audit.check.guidelines),
        data=audit.data.data,
        parameters=audit.parameters.model_dump(mode="json"),
        assumes=audit.spec.assumes,
        file=relative(audit.path, config.rootpath),
        sha256=audit.digest,
        measurements=[measurement_result(m) for m in findings.measurements],
        figures=[figure_result(figure) for figure in findings.figures],
        tables=[table_result(table) for table in findings.tables],
        examples=[example_result(example, folder) for example in findings.examples],
        galleries=[gallery_result(gallery, folder) for gallery in findings.galleries],
        counterfactuals=[cases_result(cases, folder) for cases in findings.counterfactuals],
        notes=findings.notes,
        hazards=audit.spec.hazards,
        samples=_samples(config, audit, card, findings),
    )
    return shield.audit(result)
