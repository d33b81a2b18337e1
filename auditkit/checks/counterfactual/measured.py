"""What is measured of a generator: does it do what it should, and leave the rest alone?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.concepts.drawn import spread
from auditkit.checks.concepts.exact import counted
from auditkit.checks.measuring import Measuring
from auditkit.checks.sampling import Sampling
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.features import (
    counterfactual_features,
    image_features,
    shifted_features,
)
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.evidence.counterfactuals.pictures import alone_and_together
from auditkit.evidence.kinds import Floats
from auditkit.findings import Measurement
from auditkit.metrics.kernel_distance import kernel_distance, kernel_distance_margin
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.declarations.counterfactual import Counterfactual
from auditkit.stats import Estimate

Rows = npt.NDArray[np.bool_]

NOT_FINITE = "a counterfactual is not finite"
NO_FEATURES = "the features of the image or of what was made of it are not finite"
TESTED = 32
_UNIT = (0.0, 1.0)


@dataclass(frozen=True)
class Measured:
    """One generator on the images of the audit."""

    evidence: Evidence
    card: CounterfactualCard
    found: Counterfactuals
    parameters: Counterfactual
    measuring: Measuring

    @property
    def threshold(self) -> float:
        """Of the audited model."""
        threshold = self.evidence.card.threshold
        assert threshold is not None, (
            "a check that needs a score is asked of models with a threshold"
        )
        return threshold

    @property
    def skipped(self) -> list[str]:
        """One reason per image that could not be evaluated."""
        return [NOT_FINITE] * int((~self.found.finite).sum())

    @property
    def patients(self) -> npt.NDArray[np.str_]:
        """Of the images that could."""
        return self.evidence.patients[self.found.finite]

    def all(self) -> Iterator[Measurement]:
        """Every measure, but the gap between images trained on and others."""
        found, rows = self.found, self.found.finite
        yield self._share("consistency", found.opposite(self.threshold))
        yield self._share("flip_rate", found.flipped(self.threshold))
        away = np.abs(found.score - found.centres).mean(axis=1)
        yield self._mean("bin_error", away)
        yield self._mean("reconstruction_error", found.reconstruction)
        yield self._mean("cycle_error", found.cycle)
        yield self._mean("mean_change", found.span)
        yield self._company(rows)
        if self.parameters.features:
            yield from self._distances(self.parameters.features)

    def bin_means(self) -> list[Estimate]:
        """Mean score of the counterfactuals for each bin; none if it cannot be estimated."""
        columns = self.found.score[self.found.finite].T
        return [stats.mean(column, self.patients, bounds=_UNIT) for column in columns]

    def _share(self, name: str, hits: Rows) -> Measurement:
        def share() -> Estimate:
            return stats.proportion(hits[self.found.finite], self.patients)

        sample = Sampling.of(self.evidence).mean(hits, self.found.finite)
        return self.measuring(name, share, skipped=self.skipped, sample=sample)

    def _mean(self, name: str, values: Floats) -> Measurement:
        def mean() -> Estimate:
            return stats.mean(values[self.found.finite], self.patients, bounds=_UNIT)

        sample = Sampling.of(self.evidence).mean(values, self.found.finite)
        return self.measuring(name, mean, skipped=self.skipped, sample=sample)

    def _company(self, rows: Rows) -> Measurement:
        """The largest difference in other company: a test of these images, not an estimate of others."""
        chosen = spread(rows, TESTED)

        def largest() -> Estimate:
            if len(chosen) < 2:
                raise AuditError(f"{len(chosen)} images; company needs at least two.")
            most = float(alone_and_together(self.evidence, self.card, chosen).max())
            patients = np.unique(self.evidence.patients[chosen]).size
            method = (
                f"largest of {len(chosen)} images tested, each generated alone and among the others in "
                "reverse order; exact for these, and nothing is said of others"
            )
            return counted(most, most, len(chosen), patients, method)

        return self.measuring("batch_dependence", largest, planned=len(chosen))

    def _distances(self, features: str) -> Iterator[Measurement]:
        compared = Compared(self.evidence, self.card, self.parameters, self.found.finite)
        names = {
            "kernel_distance": compared.distance,
            "kernel_distance_margin": compared.margin,
        }
        for name, estimate in names.items():
            yield self.measuring(
                name, partial(_named, estimate, features), skipped=compared.skipped
            )


def _named(estimate: Callable[[], Estimate], features: str) -> Estimate:
    """An estimate whose method says which network's features it compares."""
    found = estimate()
    return replace(found, method=f"{found.method}, features of {features}")


@dataclass(frozen=True)
class Compared:
    """Images, counterfactuals and images with a colour shift, as features."""

    evidence: Evidence
    card: CounterfactualCard
    parameters: Counterfactual
    finite: Rows

    @cached_property
    def features(self) -> Sequence[Floats]:
        """Of images, of counterfactuals, of shifted images, each (n, d)."""
        evidence, name = self.evidence, self.parameters.features
        assert name is not None
        network = evidence.peer(name)
        return (
            image_features(evidence, network),
            counterfactual_features(evidence, self.card, network),
            shifted_features(evidence, network, self.parameters.colour_shift),
        )

    @cached_property
    def known(self) -> Rows:
        """Images with features of all three."""
        finite = [np.isfinite(one).all(axis=1) for one in self.features]
        return np.asarray(self.finite & np.logical_and.reduce(finite))

    @property
    def skipped(self) -> list[str]:
        """One reason per image that could not be evaluated."""
        lost = int((self.finite & ~self.known).sum())
        return [NOT_FINITE] * int((~self.finite).sum()) + [NO_FEATURES] * lost

    def distance(self) -> Estimate:
        """Of counterfactuals from images."""
        real, generated, _ = (one[self.known] for one in self.features)
        return kernel_distance(real, generated, self.evidence.patients[self.known])

    def margin(self) -> Estimate:
        """By how much images with a colour shift are farther away."""
        real, generated, shifted = (one[self.known] for one in self.features)
        patients = self.evidence.patients[self.known]
        return kernel_distance_margin(real, shifted, generated, patients)
