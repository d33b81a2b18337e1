"""Check `across-trainings`: are heatmaps as truthful when the same model is trained again?

Jin et al. (arXiv:2202.10553), section 5.2, Table 2: delta-AUPC as mean and standard deviation over five
models that differ in their training only, on one test set.

Deviates: intervals are for other trainings and other patients, since both are samples; trainings of the same
patients are never pooled as independent observations (there, five models times 74 patients are the points
of some tests); the training with the smallest value has a measure of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from auditkit.checks.across_trainings.shown import figure, notes, table
from auditkit.checks.across_trainings.trained import Trained, stability
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring
from auditkit.checks.truthfulness.performance import unseen
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import Findings, Measurement
from auditkit.spec.declarations.across_trainings import ACROSS_TRAININGS, AcrossTrainings
from auditkit.spec.methods import Method

PARTS = ("mean_delta_aupc", "sd_delta_aupc", "smallest_delta_aupc")
_TWO_METHODS = "fewer than two methods can be asked of every training, so that there is no ranking"


def across_trainings(evidence: Evidence, parameters: AcrossTrainings) -> Findings:
    """Mean, spread and smallest delta-AUPC over trainings, and whether methods keep their ranks.

    Raises:
        AuditError: a training is the audited model or another one under a second name, or decides between
            other classes; or an AUROC is asked of models without score.
    """
    trainings = [evidence, *(evidence.peer(name) for name in parameters.others)]
    _require(trainings, parameters)
    planned = evidence.n + len(evidence.incomplete)
    measuring = Measuring.of(ACROSS_TRAININGS, parameters, planned)
    reasons = {method.label: _hindrance(trainings, method) for method in parameters.compared}
    findings = Findings()
    for fill in parameters.fills:
        found = [
            Trained.of(trainings, method, fill, parameters)
            for method in parameters.compared
            if not reasons[method.label]
        ]
        for one in found:
            findings.measurements += _measured(one, measuring)
        findings.measurements += _inapplicable(measuring, reasons, fill)
        findings.measurements.append(_stability(found, measuring, fill))
        findings.figures.append(figure(found, fill))
        findings.tables.append(table(found, fill, findings))
        findings.notes += notes(found)
    findings.notes += fitness_notes(evidence, parameters.compared)
    return findings


def _measured(one: Trained, measuring: Measuring) -> list[Measurement]:
    estimates = zip(PARTS, (one.mean, one.deviation, one.smallest), strict=True)
    at = {"fill": one.fill}
    return [
        replace(
            measuring(f"{one.method.label}.{part}", estimate, at, one.skipped),
            affected=_touched(one, part),
        )
        for part, estimate in estimates
    ]


def _touched(one: Trained, part: str) -> float | None:
    """Share of the range by which images without an order may move a measure; None: their own share."""
    share = one.unseen
    if share is None or part != "sd_delta_aupc":
        return share
    # K values that move by up to d each move their deviation by up to sqrt(K / (K - 1)) d; K = 2 at worst.
    return min(1.0, math.sqrt(2) * share)


def _inapplicable(measuring: Measuring, reasons: Mapping[str, str], fill: str) -> list[Measurement]:
    return [
        measuring.inapplicable(f"{label}.{part}", reason, {"fill": fill})
        for label, reason in reasons.items()
        if reason
        for part in PARTS
    ]


def _stability(found: Sequence[Trained], measuring: Measuring, fill: str) -> Measurement:
    at = {"fill": fill}
    if len(found) < 2:
        return measuring.inapplicable("rank_stability", _TWO_METHODS, at)
    skipped = [
        next(filter(None, reasons), "")
        for reasons in zip(*(one.reasons for one in found), strict=True)
    ]
    lost = [*found[0].incomplete, *filter(None, skipped)]
    kept = np.array(
        [not any(reasons) for reasons in zip(*(one.reasons for one in found), strict=True)]
    )
    first = found[0].curves[0]
    pairs = unseen(first.evidence, first.parameters.performance, kept)
    touched = len(lost) / measuring.planned if pairs is None else pairs
    estimate = partial(stability, found, touched)
    # Its interval holds whatever the missing images are.
    return replace(measuring("rank_stability", estimate, at, lost), affected=0.0)


def _hindrance(trainings: Sequence[Evidence], method: Method) -> str:
    """Why a method cannot be asked of one of the trainings; "" if it can of all."""
    for own in trainings:
        reason = own.fitness(method).reason
        if reason:
            return f"of '{own.card.model}': {reason}"
    return ""


def _require_several(trainings: Sequence[Evidence]) -> None:
    """Refuses one network under two names: trainings are counted as independent."""
    first = trainings[0]
    names = {first.model_identity["model"]: first.card.model}
    for one in trainings[1:]:
        name, identity = one.card.model, one.model_identity["model"]
        known = names.setdefault(identity, name)
        if name == first.card.model:
            raise AuditError(
                f"others: '{name}' is the audited model, which is the first training; name the others only"
            )
        if known != name:
            raise AuditError(
                f"others: '{name}' and '{known}' are one network (the same files, read alike), so "
                "that they are one training; name each once"
            )


def _require(trainings: Sequence[Evidence], parameters: AcrossTrainings) -> None:
    first = trainings[0]
    _require_several(trainings)
    for other in trainings[1:]:
        if other.classes != first.classes or other.two_class != first.two_class:
            raise AuditError(
                f"others: '{other.card.model}' decides between {other.classes}, '{first.card.model}' between "
                f"{first.classes}; trainings of one model, with the same decisions, were expected"
            )
    if parameters.performance == "auc" and not first.two_class:
        raise AuditError(
            f"performance: auc needs a score, but model '{first.card.model}' decides between classes and has "
            "none; use 'accuracy'"
        )
