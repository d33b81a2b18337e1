"""Standardised differences of all attributes together, by training."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from auditkit import stats
from auditkit.checks.counterfactual_attributes.differences import Flags
from auditkit.checks.counterfactual_stability.trained import Retrained, first_reasons
from auditkit.errors import AuditError
from auditkit.evidence.kinds import Floats
from auditkit.stats.differences import resampled
from auditkit.stats.inputs import Clusters, cluster_images
from auditkit.stats.profiles import profile_correlation
from auditkit.stats.resampling import REPLICATES, Statistic

_UNVARIED = 1e-12  # of the largest value: a range that is only rounding


@dataclass(frozen=True)
class Profile:
    """Standardised differences of all attributes that have one.

    Attributes:
        every: all attributes.
    """

    every: Sequence[Retrained]

    @cached_property
    def known(self) -> list[Retrained]:
        """Attributes of two or more patients that vary between images."""
        return [one for one in self.every if _varies(one)]

    @property
    def reasons(self) -> list[str]:
        """(n,) why an image is not in all of the differences; "" if it is."""
        asked = self.known or self.every
        lacking = first_reasons(
            [one.quantity.name for one in asked], [one.reasons for one in asked]
        )
        excluded = self.every[0].each[0].excluded
        return [no or why for no, why in zip(excluded, lacking, strict=True)]

    @property
    def unknown(self) -> float:
        """Largest share of images that an attribute lacks."""
        return max((one.unknown for one in self.known), default=0.0)

    @property
    def groups(self) -> Clusters:
        """Patients of all images that are in some difference."""
        patients = self.known[0].patients[self._rows]
        return cluster_images(patients, patients.size)

    @property
    def values(self) -> Floats:
        """(K, m) standardised differences."""
        return self._table[0]

    def correlation(self) -> stats.Estimate:
        """Mean correlation of two trainings' profiles.

        Raises:
            AuditError: too few attributes, or noise is all that there is.
        """
        if not self.known:
            raise AuditError("no attribute was measured in every training")
        values, drawn = self._table
        return profile_correlation(values, drawn, self.groups)

    @property
    def _rows(self) -> Flags:
        rows: Flags = np.any([one.used for one in self.known], axis=0)
        return rows

    @cached_property
    def _table(self) -> tuple[Floats, Floats]:
        rows = self._rows
        trainings = range(len(self.known[0].names))
        statistics = [_standardised(one, k, rows) for k in trainings for one in self.known]
        found = resampled(statistics, self.groups, seed=0, replicates=REPLICATES)
        shape = len(trainings), len(self.known)
        drawn = np.stack([replicates for _, replicates in found], axis=1)
        return np.array([value for value, _ in found]).reshape(shape), drawn.reshape(-1, *shape)


def _varies(one: Retrained) -> bool:
    used = one.used
    if len(set(one.patients[used].tolist())) < 2:
        return False
    reference = one.each[0].reference[used]
    return bool(np.ptp(reference) > _UNVARIED * np.abs(reference).max())


def _standardised(one: Retrained, training: int, rows: Flags) -> Statistic:
    """Mean difference by the standard deviation between images, as a function of weights of ``rows``."""
    own = one.each[training]
    used = one.used
    reference = np.where(used, own.reference - own.reference[used].mean(), 0.0)
    change = np.where(used, own.malignant - own.benign, 0.0)
    columns = np.stack([used, change, reference, reference**2], axis=1)[rows]

    def statistic(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            count, changed, first, second = (weights @ columns).T
            variance = (second - first**2 / count) / (count - 1)
            found: Floats = changed / count / np.sqrt(np.where(variance > 0, variance, np.nan))
        return found

    return statistic
