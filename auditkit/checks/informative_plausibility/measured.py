"""The measurements of the check `informative-plausibility`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.informative_plausibility.cases import Cases
from auditkit.checks.measuring import Measuring
from auditkit.checks.plausible import Plausible
from auditkit.errors import AuditError
from auditkit.findings import At, Measurement
from auditkit.metrics.plausibility_estimates import msfi_difference
from auditkit.spec.declarations.informative_plausibility import InformativePlausibility
from auditkit.stats.rank_correlation import spearman
from auditkit.stats.two_groups import group_difference, group_superiority

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Estimator = Callable[[], stats.Estimate]

BY_CLASS = ("auroc", "difference", "spearman")
LEAST = 2


@dataclass(frozen=True)
class Measurer:
    """Measures one method at a time.

    Attributes:
        measuring: makes measurements.
        cases: decisions, classes and confidence.
        parameters: of the check.
    """

    measuring: Measuring
    cases: Cases
    parameters: InformativePlausibility

    def __call__(self, one: Plausible) -> Iterator[Measurement]:
        """Right against wrong and confidence, over all cases and per class; then over all only."""
        label, reasons = one.label, one.reasons(self.parameters.score)
        rows = np.array([not reason for reason in reasons], dtype=np.bool_)
        probability = self.cases.probability
        for at, part in self._parts():
            for what in ("auroc", "difference"):
                estimate = self._apart(one, what, part & rows)
                found = self._measurement(f"{label}.{what}", estimate, at, part, reasons)
                yield replace(found, affected=self._affected(one, found, part, rows))
            estimate = self._correlation(one, part & rows, probability)
            yield self._ranked(one, f"{label}.spearman", estimate, at, part, reasons)
        everyone = np.ones(self.cases.right.size, dtype=np.bool_)
        name = f"{label}.calibrated_spearman"
        yield self._ranked(one, name, self._calibrated(one, rows), {}, everyone, reasons)
        for column, strength in self.cases.bias.items():
            known = np.isfinite(strength)
            own = [
                reason or ("" if there else f"no value of {column}")
                for reason, there in zip(reasons, known.tolist(), strict=True)
            ]
            estimate = self._correlation(one, rows & known, strength)
            yield self._ranked(one, f"{label}.bias[{column}]", estimate, {}, everyone, own)

    def inapplicable(self, label: str, reason: str) -> Iterator[Measurement]:
        """The measurements of a method that cannot be asked of this model."""
        for (at, _), part in product(self._parts(), BY_CLASS):
            yield self.measuring.inapplicable(f"{label}.{part}", reason, at)
        rest = ("calibrated_spearman", *(f"bias[{column}]" for column in self.cases.bias))
        for part in rest:
            yield self.measuring.inapplicable(f"{label}.{part}", reason)

    def _parts(self) -> Iterator[tuple[At, Bools]]:
        yield {}, np.ones(self.cases.right.size, dtype=np.bool_)
        for part in self.cases.classes:
            yield {"class": part.name}, part.rows

    def _apart(self, one: Plausible, what: str, rows: Bools) -> Estimator:
        """Right against wrong decisions."""
        score, right, patients = self.parameters.score, self.cases.right, self.cases.patients

        def estimate() -> stats.Estimate:
            enough(right[rows], patients[rows])
            if what == "difference" and score == "msfi":
                return msfi_difference(
                    one.portions.by_modality,
                    right,
                    rows,
                    one.importance.estimated,
                    patients,
                    compat=one.how.compat,
                )
            compare = group_superiority if what == "auroc" else group_difference
            return compare(right[rows], one.values(score)[rows], patients[rows])

        return estimate

    def _affected(
        self, one: Plausible, found: Measurement, part: Bools, rows: Bools
    ) -> float | None:
        """What cases of a part that could not be evaluated could change, the weights of MSFI included."""
        if found.estimate is None:
            return found.affected
        sides = [part & side for side in (self.cases.right, ~self.cases.right)]
        known = [int((side & rows).sum()) for side in sides]
        lost = [int((side & ~rows).sum()) for side in sides]
        unknown = len(self.cases.incomplete)
        if found.name.endswith(".auroc"):
            return 1.0 if one.importance.unseen else unseen_pairs(known, lost, unknown)
        right, wrong = (one.portions.by_modality[side & rows].mean(axis=0) for side in sides)
        moved = one.importance.movement(right - wrong, one.how) / 2
        return min(1.0, unseen_means(known, lost, unknown) + moved)

    def _correlation(self, one: Plausible, rows: Bools, other: Floats) -> Estimator:
        def estimate() -> stats.Estimate:
            if not rows.any():
                raise AuditError("no image could be evaluated")
            values = one.values(self.parameters.score)
            if np.ptp(values[rows]) == 0:
                raise AuditError(f"every heatmap has the same plausibility, {values[rows][0]:.3g}")
            return spearman(values[rows], other[rows], self.cases.patients[rows])

        return estimate

    def _calibrated(self, one: Plausible, rows: Bools) -> Estimator:
        def estimate() -> stats.Estimate:
            if self.cases.why_not:
                raise AuditError(self.cases.why_not)
            return self._correlation(one, rows, self.cases.calibrated)()

        return estimate

    def _ranked(
        self,
        one: Plausible,
        name: str,
        estimate: Estimator,
        at: At,
        part: Bools,
        reasons: Sequence[str],
    ) -> Measurement:
        """A rank correlation: other weights may turn any ranks."""
        found = self._measurement(name, estimate, at, part, reasons)
        return replace(found, affected=1.0) if one.importance.unseen else found

    def _measurement(
        self, name: str, estimate: Estimator, at: At, part: Bools, reasons: Sequence[str]
    ) -> Measurement:
        own = [why for why, there in zip(reasons, part.tolist(), strict=True) if there and why]
        skipped = [*self.cases.incomplete, *own]
        planned = int(part.sum()) + len(self.cases.incomplete)
        found = self.measuring(name, estimate, at, skipped, planned)
        return replace(found, affected=unseen_triples(planned - len(skipped), len(skipped)))


def enough(right: Bools, patients: npt.NDArray[np.str_]) -> None:
    """Refuses groups that are too small to be compared.

    Raises:
        AuditError: right or wrong decisions of fewer than two patients.
    """
    counts = [len(set(patients[side].tolist())) for side in (right, ~right)]
    if min(counts) < LEAST:
        raise AuditError(
            f"{int(right.sum())} right and {int((~right).sum())} wrong decisions could be evaluated, of "
            f"{counts[0]} and {counts[1]} patients; at least {LEAST} patients of each are needed"
        )


def unseen_pairs(groups: Sequence[int], lost: Sequence[int], unknown: int) -> float:
    """Share of the pairs of a right and a wrong decision with one that could not be evaluated.

    Args:
        groups: right and wrong decisions that could be.
        lost: right and wrong ones that could not.
        unknown: cases that may be either.
    """
    right, wrong = (own + other for own, other in zip(groups, lost, strict=True))
    most = max((right + k) * (wrong + unknown - k) for k in range(unknown + 1))
    return 1 - groups[0] * groups[1] / most if most else 0.0


def unseen_means(groups: Sequence[int], lost: Sequence[int], unknown: int) -> float:
    """Most by which a difference of two means could change, as a share of its range."""
    shares = (
        (missing + unknown) / max(own + missing + unknown, 1)
        for own, missing in zip(groups, lost, strict=True)
    )
    return sum(shares) / 2


def unseen_triples(known: int, lost: int) -> float:
    """Share of the triples of cases, over which Spearman's rho averages, with one that is not known."""
    return 1 - (known / (known + lost)) ** 3 if lost else 0.0
