"""Data sets that differ only in how a modality's cue goes with the label: what the model makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from auditkit import stats
from auditkit.checks.measuring import Measuring
from auditkit.evidence import Evidence
from auditkit.findings import Measurement
from auditkit.metrics.answered import Answered, Column, unseen_cases
from auditkit.spec.declarations.modality_importance import Arms, ModalityImportance
from auditkit.spec.removing import Performance
from auditkit.stats.differences import Resampled, difference
from auditkit.stats.gaps import replicate_groups
from auditkit.stats.inputs import Floats, at_least_two_clusters, cluster_images


def reliance(
    evidence: Evidence, parameters: ModalityImportance, measuring: Measuring
) -> Iterator[Measurement]:
    """Performance lost where a modality's cue tells nothing, and where it tells the opposite."""
    for name, arms in parameters.arms.items():
        aligned, independent = (
            _Arm.of(evidence, data, parameters.performance)
            for data in (arms.aligned, arms.independent)
        )
        yield _lost(f"reliance[{name}]", aligned, independent, measuring)
        yield from _misled(evidence, name, arms, independent, measuring)


def _misled(
    evidence: Evidence, name: str, arms: Arms, independent: "_Arm", measuring: Measuring
) -> Iterator[Measurement]:
    if arms.anti_aligned is not None:
        opposite = _Arm.of(evidence, arms.anti_aligned, independent.answered.performance)
        yield _lost(f"misled[{name}]", independent, opposite, measuring)


@dataclass(frozen=True)
class _Arm:
    """A model's answers on one data set."""

    data: str
    evidence: Evidence
    answered: Answered

    @classmethod
    def of(cls, evidence: Evidence, data: str, performance: Performance) -> "_Arm":
        own = evidence.sibling(data)
        found = own.scores()
        patients = own.patients
        answered = Answered(performance, own.labels, found.score, found.decision, patients)
        return cls(data, own, answered)

    @property
    def cases(self) -> list[tuple[str, str]]:
        return [(record.id, record.patient) for record in self.evidence.records]

    @property
    def planned(self) -> int:
        return len(self.cases) + len(self.evidence.incomplete)

    @property
    def own_patients(self) -> list[str]:
        """Equal ids in two data sets are two patients, unless all cases are the same."""
        return [f"{self.data}: {patient}" for _, patient in self.cases]


def _lost(name: str, first: _Arm, second: _Arm, measuring: Measuring) -> Measurement:
    skipped = [*first.evidence.incomplete, *second.evidence.incomplete]
    planned = first.planned + second.planned
    one = measuring(name, partial(_difference, first, second), None, skipped, planned)
    if not skipped or one.estimate is None:
        return one
    # Either side moves by its own share of what is missing; the range of the difference is 2.
    shares = [unseen_cases(arm.answered, len(arm.evidence.incomplete)) for arm in (first, second)]
    return replace(one, affected=min(1.0, sum(shares) / 2))


def _difference(first: _Arm, second: _Arm) -> stats.Estimate:
    """Performance on the first minus that on the second; the same patients are drawn for both."""
    if first.cases == second.cases:
        patients = [patient for arm in (first, second) for _, patient in arm.cases]
    else:
        patients = [*first.own_patients, *second.own_patients]
    groups = cluster_images(patients, len(patients))
    at_least_two_clusters(groups, "difference")
    columns = [arm.answered.columns[0] for arm in (first, second)]
    members = np.split(np.arange(len(patients)), [len(first.cases)])
    statistics = [[column.statistic()] for column in columns]
    drawn = replicate_groups(statistics, members, groups)[0]
    one, other = (
        _resampled(arm, column, drawn[:, place])
        for place, (arm, column) in enumerate(zip((first, second), columns, strict=True))
    )
    return difference(one, other, groups)


def _resampled(arm: _Arm, column: Column, drawn: Floats) -> Resampled:
    groups = cluster_images(arm.answered.patients, len(arm.cases))
    value = float(column.statistic()(np.ones((1, len(arm.cases))))[0])
    return Resampled(value, drawn, column.units(groups))
