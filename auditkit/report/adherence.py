"""How a model's explanations stand against the Clinical XAI Guidelines, from the verdicts of a run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from auditkit.report.guidelines import WORST_FIRST, Adherence, Cell, Guideline, Row, guidelines
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.words import verdict_word
from auditkit.results import AuditResult, Results, VerdictResult
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.methods import METHODS, Control
from auditkit.verdict import Verdict

_HARMLESS: Final = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
_READ: Final = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE})


def adherence(results: Results, model: str, t: Language = IN_ENGLISH) -> Adherence | None:
    """What the audits of a model say about the guidelines; none if no audit is about them."""
    audits = [audit for audit in results.audits if audit.model == model and audit.guidelines]
    verdicts = [found for found in results.verdicts if found.model == model and found.guidelines]
    if not audits and not verdicts:
        return None
    controls = _controls(audits)
    methods = [name for name in _named(audits, verdicts) if name not in controls]
    judged = [verdict for verdict in verdicts if method_of(verdict) not in controls]
    of_controls = [method_of(found) for found in verdicts if method_of(found) in controls]
    rows = _gated([_row(each, methods, audits, judged) for each in guidelines(t)], t)
    remarks = [*_unasked(rows, judged, t), *_left_out(of_controls, t)]
    # A run that names no heatmap method has one column.
    return Adherence(model, methods or [t("guidelines.every")], rows, remarks)


def method_of(verdict: VerdictResult) -> str:
    """The heatmap method that an expectation is about; empty if it concerns all."""
    name, dot, _ = verdict.measure.partition(".")
    return name if dot else ""


def _listed_methods(audit: AuditResult) -> Iterator[Mapping[str, Any]]:
    for key in ("methods", "controls"):
        given = audit.parameters.get(key)
        # A check of another package may mean something else by these words.
        for method in given if isinstance(given, list) else []:
            if isinstance(method, Mapping) and "method" in method:
                yield method


def _label(method: Mapping[str, Any]) -> str:
    return str(method.get("name") or method["method"])


def _controls(audits: Sequence[AuditResult]) -> set[str]:
    """Names of maps that do not look at the model: of all kinds, and as the audits call them."""
    kinds = {name for name, kind in METHODS.items() if issubclass(kind, Control)}
    given = {
        _label(method)
        for audit in audits
        for method in _listed_methods(audit)
        if method["method"] in kinds
    }
    return kinds | given


def _named(audits: Sequence[AuditResult], verdicts: Sequence[VerdictResult]) -> list[str]:
    """Methods in the order in which the audits name them, then those of audits without findings."""
    measured = [_label(method) for audit in audits for method in _listed_methods(audit)]
    return list(dict.fromkeys([*measured, *filter(None, map(method_of, verdicts))]))


def _row(
    guideline: Guideline,
    methods: Sequence[str],
    audits: Sequence[AuditResult],
    verdicts: Sequence[VerdictResult],
) -> Row:
    own = [verdict for verdict in verdicts if guideline.id in verdict.guidelines]
    names = [audit.audit for audit in audits if guideline.id in audit.guidelines]
    names += [verdict.audit for verdict in own]
    cells = [_cell(guideline, method, own) for method in methods or [""]]
    return Row(guideline, cells, list(dict.fromkeys(names)))


def _cell(guideline: Guideline, method: str, verdicts: Sequence[VerdictResult]) -> Cell:
    """The worst verdict. What is expected in general can only spoil what is about methods."""
    found = [
        verdict
        for verdict in verdicts
        if (method and method_of(verdict) == method)
        or (not method_of(verdict) and _counts(guideline, verdict))
    ]
    if not found:
        return Cell()
    worst = min(found, key=lambda verdict: WORST_FIRST.index(verdict.verdict))
    return Cell(worst.verdict, worst.audit)


def _counts(guideline: Guideline, general: VerdictResult) -> bool:
    return guideline.about_form or general.verdict not in _HARMLESS


def _gated(rows: Sequence[Row], t: Language) -> list[Row]:
    """The rows, with G4 read only where G3 is met."""
    truthful = next(row.cells for row in rows if row.guideline.id == "G3")
    return [
        Row(
            row.guideline,
            [_behind(gate, cell, t) for gate, cell in zip(truthful, row.cells, strict=True)],
            row.audits,
        )
        if row.guideline.id == "G4"
        else row
        for row in rows
    ]


def _behind(gate: Cell, cell: Cell, t: Language) -> Cell:
    if gate.verdict is Verdict.PASS or cell.verdict not in _READ:
        return cell
    note = t("guidelines.gated", word=verdict_word(gate.word, t))
    return Cell(Verdict.NOT_INTERPRETABLE, cell.audit, note)


def _unasked(rows: Sequence[Row], verdicts: Sequence[VerdictResult], t: Language) -> Iterator[str]:
    """A sentence for each guideline of which nothing is known of any method."""
    for row in rows:
        if any(cell.verdict is not None for cell in row.cells):
            continue
        each = row.guideline
        general = {verdict.audit: None for verdict in verdicts if each.id in verdict.guidelines}
        if general:
            why = t("guidelines.general", audits=", ".join(general))
        elif row.audits:
            why = t("guidelines.measured", audits=", ".join(row.audits))
        else:
            giving = sorted(name for name, check in SHIPPED.items() if each.id in check.guidelines)
            why = t("guidelines.no-audit", checks=", ".join(giving))
        yield t("guidelines.unasked", id=each.id, name=each.name, why=why)


def _left_out(controls: Sequence[str], t: Language) -> Iterator[str]:
    if controls:
        names, many = ", ".join(dict.fromkeys(controls)), t.counted("expectation", len(controls))
        yield t("guidelines.controls", many=many, names=names)
