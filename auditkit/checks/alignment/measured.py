"""The measurements of the check `alignment`, over all images and per group."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit import stats
from auditkit.checks.aligned import Aligned, Texts
from auditkit.checks.coverages import SCORES, Bools
from auditkit.checks.measuring import Measuring
from auditkit.checks.performance.groups import Part
from auditkit.checks.sampling import Sampling
from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.metrics.cases import RIGHT, WRONG
from auditkit.metrics.quadrants import QUADRANTS
from auditkit.stats.inputs import Floats, Integers

Estimator = Callable[[], stats.Estimate]

PARTS = (*SCORES, "coverage_above_chance")


def measure_name(case: str) -> str:
    """The measure of a quadrant or a case: 'human aligned' is counted by 'human_aligned'."""
    return case.replace(" ", "_")


@dataclass(frozen=True)
class Measurer:
    """Measures one method at a time.

    Attributes:
        measuring: makes measurements.
        patients: (n,) patient as a number.
        sampling: keeps what estimates are of.
        parts: all images, then the groups.
        min_group: groups with fewer images have no estimate.
    """

    measuring: Measuring
    patients: Integers
    sampling: Sampling
    parts: Sequence[Part]
    min_group: int

    def __call__(self, aligned: Aligned) -> Iterator[Measurement]:
        """Means of the scores, then the share of each quadrant and case."""
        label, found = aligned.method.label, aligned.coverages
        for part in self.parts:
            rows = part.rows & found.evaluable
            for name in PARTS:
                estimate = self._guarded(part, self._mean(found.values[name], rows, name))
                sample = self.sampling.mean(found.values[name], rows)
                yield self._measurement(
                    f"{label}.{name}", estimate, part, part.rows, aligned, sample
                )
            for name, right, names in self._shares(aligned):
                concerned = part.rows & (aligned.right == right)
                estimate = self._guarded(part, self._share(names == name, concerned & rows, right))
                full = f"{label}.{measure_name(name)}"
                yield self._measurement(full, estimate, part, concerned, aligned)

    def inapplicable(self, label: str, reason: str) -> Iterator[Measurement]:
        """The measurements of a method that cannot be asked of this model."""
        for part in self.parts:
            for name in (*PARTS, *map(measure_name, (*QUADRANTS, *RIGHT, *WRONG))):
                yield self.measuring.inapplicable(f"{label}.{name}", reason, part.at)

    def _measurement(
        self,
        name: str,
        estimate: Estimator,
        part: Part,
        planned: Bools,
        aligned: Aligned,
        sample: stats.Sample | None = None,
    ) -> Measurement:
        skipped = aligned.coverages.skipped(planned)
        return self.measuring(name, estimate, part.at, skipped, int(planned.sum()), sample)

    @staticmethod
    def _shares(aligned: Aligned) -> Iterator[tuple[str, bool, Texts]]:
        """Every quadrant and case: its name, of which decisions, and the name of each image."""
        for name, (right, band) in QUADRANTS.items():
            yield name, right, np.where(aligned.bands == band, name, "")
        for names, right in ((RIGHT, True), (WRONG, False)):
            for name in names:
                yield name, right, aligned.cases

    def _guarded(self, part: Part, estimate: Estimator) -> Estimator:
        def guarded() -> stats.Estimate:
            count = int(part.rows.sum())
            if part.at and count < self.min_group:
                raise AuditError(
                    f"{count} images, fewer than {self.min_group}: no estimate is claimed"
                )
            return estimate()

        return guarded

    def _mean(self, values: Floats, rows: Bools, name: str) -> Estimator:
        def estimate() -> stats.Estimate:
            if rows.sum() < 2:
                raise AuditError("fewer than two images could be evaluated")
            bounds = (-1.0, 1.0) if name == "coverage_above_chance" else (0.0, 1.0)
            return stats.mean(values[rows], self.patients[rows], bounds=bounds)

        return estimate

    def _share(self, hits: Bools, rows: Bools, right: bool) -> Estimator:
        def estimate() -> stats.Estimate:
            if not rows.any():
                kind = "right" if right else "wrong"
                raise AuditError(f"no image that could be evaluated was decided {kind}")
            return stats.proportion(hits[rows], self.patients[rows])

        return estimate
