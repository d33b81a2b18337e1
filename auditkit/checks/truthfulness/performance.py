"""The performance whose fall is measured: the accuracy, or the AUROC of the score."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.removal import Removed
from auditkit.metrics.answered import unseen_pairs
from auditkit.metrics.auroc_curve import (
    auroc_aupc_estimate,
    auroc_delta_aupc_estimate,
    auroc_steps,
    mean_over_pairs,
    pair_delta_aupc,
)
from auditkit.metrics.perturbation_curve import (
    aupc_estimate,
    delta_aupc_estimate,
    image_delta_aupc,
    mean_over_patients,
)
from auditkit.spec.removing import Performance
from auditkit.stats import Estimate
from auditkit.stats.resampling import REPLICATES
from auditkit.stats.tails import Bounds

Kept = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
_DIGITS = 12


def unseen(evidence: Evidence, performance: Performance, kept: Kept) -> float | None:
    """Share of what is averaged that images without an order touch: of pairs, for the AUROC.

    None for the accuracy, which averages over images, so that their own share says it.
    """
    if performance == "accuracy" or not evidence.two_class:
        return None
    return unseen_pairs(evidence.labels, kept, len(evidence.incomplete))


class Orders(Protocol):
    """Answers under a method's own order, and under its random baseline."""

    by_heat: Removed
    at_random: Removed


@dataclass(frozen=True)
class Judge:
    """Areas and their differences over the images that are kept.

    Attributes:
        evidence: with labels and patients.
        performance: of what.
        kept: (n,) images that can be evaluated.
    """

    evidence: Evidence
    performance: Performance
    kept: Kept

    def area(self, found: Removed) -> Estimate:
        """AUPC of one order per image."""
        values, shares = self._values(found), self._shares(found)
        patients = self._patients()
        if self.performance == "accuracy":
            return aupc_estimate(values, shares, patients)
        return auroc_aupc_estimate(self._labels(), values, shares, patients)

    def difference(self, first: Removed, second: Removed, replicates: int = REPLICATES) -> Estimate:
        """AUPC of the first, which may have several orders per image, minus that of the second."""
        others, of_others = self._values(first), self._shares(first)
        values, shares = self._values(second), self._shares(second)
        patients = self._patients()
        if self.performance == "accuracy":
            return delta_aupc_estimate(
                values,
                others,
                shares,
                patients,
                random_fractions=of_others,
                replicates=replicates,
            )
        return auroc_delta_aupc_estimate(
            self._labels(),
            values,
            others,
            shares,
            patients,
            random_fractions=of_others,
            replicates=replicates,
        )

    def difference_over(self, own: "Orders", other: "Orders", bounds: Bounds) -> Estimate:
        """ΔAUPC under one method's orders minus ΔAUPC under another's, in pairs."""
        patients, labels = self._patients(), self.evidence.labels[self.kept]
        deltas = [self._deltas(orders) for orders in (own, other)]
        # What rounding leaves of equal values is no difference.
        found = np.round(deltas[0] - deltas[1], _DIGITS)
        if self.performance == "accuracy":
            return mean_over_patients(found, patients, bounds)
        return mean_over_pairs(labels, found, patients, bounds)

    def _deltas(self, orders: "Orders") -> Floats:
        """ΔAUPC of each image (n,), or of each pair (positives, negatives)."""
        heat, random = self._values(orders.by_heat), self._values(orders.at_random)
        shares = self._shares(orders.by_heat)
        of_random = self._shares(orders.at_random)
        if self.performance == "accuracy":
            return image_delta_aupc(heat, random, shares, random_fractions=of_random)
        return pair_delta_aupc(self._labels(), heat, random, shares, of_random)

    def steps(self, found: Removed) -> list[Estimate]:
        """The curve itself: the performance at each step, the mean over orders."""
        values = self._values(found)
        table = values if values.ndim == 3 else values[:, np.newaxis]
        patients = self._patients()
        if self.performance == "accuracy":
            columns = table.mean(axis=1).T
            return [stats.mean(column, patients, bounds=(0.0, 1.0)) for column in columns]
        return auroc_steps(self._labels(), table, patients)

    def fractions(self, found: Removed) -> Floats:
        """The share removed at each step, the mean over images and orders."""
        shares: Floats = found.fraction[self.kept].mean(axis=0)
        return shares if shares.ndim == 1 else np.asarray(shares.mean(axis=0))

    def _values(self, found: Removed) -> Floats:
        """What the performance is of, (images, [orders,] steps)."""
        if self.performance == "accuracy":
            return self.evidence.right(found.decision)[self.kept].astype(float)
        return found.score[self.kept]

    def _shares(self, found: Removed) -> Floats:
        """Each image's own; an AUROC is of all images at once, and so is the share that they lost."""
        shares = found.fraction[self.kept]
        return shares if self.performance == "accuracy" else shares.mean(axis=0)

    def _labels(self) -> npt.NDArray[np.int64]:
        if not self.evidence.two_class:
            raise AuditError(
                "performance: auc needs a model with one score; this one has classes, whose performance "
                "is the accuracy"
            )
        return self.evidence.labels[self.kept]

    def _patients(self) -> npt.NDArray[np.str_]:
        patients = self.evidence.patients[self.kept]
        if len(set(patients.tolist())) < 2:
            raise AuditError("heatmaps of fewer than two patients have an order")
        return patients
