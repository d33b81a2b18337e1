"""One composed model, its truth, and what an audit of samples says about it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from auditkit.checks import compute
from auditkit.errors import AuditError
from auditkit.findings import Findings
from auditkit.proficiency.composed import ComposedModel
from auditkit.proficiency.sampled import SampledEvidence, drawn
from auditkit.spec.audit import Expectation
from auditkit.spec.declaration import Parameters
from auditkit.spec.declarations.alignment import Alignment
from auditkit.spec.load import Audit, resolve_at
from auditkit.verdict import Verdict, judge


class Said(NamedTuple):
    """What an audit said of one expectation in one trial.

    Attributes:
        expectation: its place in the spec.
        verdict: on the sample.
        p_value: of a violation.
        truth: the measure over the whole population; NaN of a name.
        violated: whether the truth violates the expectation; None of a name.
    """

    expectation: int
    verdict: Verdict
    p_value: float
    truth: float
    violated: bool | None


@dataclass(frozen=True)
class Trial:
    """One audit of one sample, of one composed model.

    Attributes:
        audit: its id.
        fault: what is planted.
        strength: how strong.
        seed: of the sample; the same sample for all audits of a model.
        images: in the sample.
        said: one per expectation.
    """

    audit: str
    fault: str
    strength: float
    seed: int
    images: int
    said: tuple[Said, ...]


def truths(audit: Audit, model: ComposedModel) -> list[float]:
    """Each expectation's measure over the whole population; NaN where it is a name."""
    everything = SampledEvidence(model, np.arange(model.population.n))
    found = _findings(audit, everything)
    return [_value(audit, found, one) for one in audit.spec.expect]


def trial(
    audit: Audit, model: ComposedModel, seed: int, images: int, known: Sequence[float]
) -> Trial:
    """Audit one sample.

    Args:
        audit: what is asked.
        model: of whom.
        seed: of the sample.
        images: in the sample.
        known: the `truths` of this audit and model.
    """
    rows, patients = drawn(model.population, images, seed)
    found = _findings(audit, SampledEvidence(model, rows, patients))
    said = []
    for at, (one, truth) in enumerate(zip(audit.spec.expect, known, strict=True)):
        measure = audit.check.measures(audit.parameters)[one.measure]
        judged = judge(one, found.find(one.measure, resolve_at(one, measure)))
        p_value = 1.0 if judged.p_value is None else judged.p_value
        said.append(Said(at, judged.verdict, p_value, truth, violates(one, truth)))
    return Trial(audit.id, model.fault.name, model.strength, seed, images, tuple(said))


def violates(expectation: Expectation, truth: float) -> bool | None:
    """Whether a true value violates an expectation; None of names, and of what has no true value."""
    if expectation.in_ is not None or expectation.not_worse_than is not None or np.isnan(truth):
        return None
    low, high = expectation.limits
    return not low < truth < high


def _value(audit: Audit, found: Findings, expectation: Expectation) -> float:
    measure = audit.check.measures(audit.parameters)[expectation.measure]
    measurement = found.find(expectation.measure, resolve_at(expectation, measure))
    if measurement is None or measurement.estimate is None:
        return float("nan")
    return float(measurement.estimate.value)


def _asked(audit: Audit) -> Parameters:
    """Parameters without what no expectation rests on: pictures to browse, methods that are only shown."""
    asked = audit.parameters
    if not isinstance(asked, Alignment):
        return asked
    measures = [expectation.measure for expectation in audit.spec.expect]
    methods = [
        method
        for method in asked.methods
        if any(name.startswith(f"{method.label}.") for name in measures)
    ]
    return asked.model_copy(update={"methods": methods, "gallery": 0})


def _findings(audit: Audit, evidence: SampledEvidence) -> Findings:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of blank pictures
        try:
            return compute(audit.check, evidence, _asked(audit))
        except AuditError as error:
            raise AuditError(f"audit '{audit.id}': {error}") from error
