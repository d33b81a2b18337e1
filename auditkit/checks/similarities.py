"""Similarities of heatmaps with those of other networks, and their mean over networks and patients."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.errors import AuditError
from auditkit.evidence.randomised import Similarity
from auditkit.stats.differences import resampled
from auditkit.stats.inputs import Clusters, Floats, cluster_images
from auditkit.stats.resampling import REPLICATES, Statistic
from auditkit.stats.trainings import mean_over_trainings, sd_over_trainings

Bools = npt.NDArray[np.bool_]
PARTLY = "the heatmap of some random networks is constant, all zero or not finite"
_BOUNDS = (-1.0, 1.0)
_LEAST = 2


@dataclass(frozen=True)
class Similarities:
    """Pairs of image and network, of which some cannot be compared.

    Attributes:
        rho: (n, K), Spearman's.
        there: (n, K), which can be compared.
        reasons: (n,), why no network can be, or that some cannot; empty if all can.
    """

    rho: Floats
    there: Bools
    reasons: list[str]

    @classmethod
    def of(cls, similarity: Similarity) -> "Similarities":
        """From evidence."""
        there = similarity.problem == ""
        reasons = [
            "" if every else PARTLY if some else str(problems[0])
            for every, some, problems in zip(
                there.all(axis=1), there.any(axis=1), similarity.problem, strict=True
            )
        ]
        return cls(similarity.rho, there, reasons)

    @property
    def partly(self) -> int:
        """Pairs that cannot be compared, of images that have others."""
        return int((~self.there[self.there.any(axis=1)]).sum())

    def lost(self, incomplete: int) -> float | None:
        """Share of all pairs that cannot be compared; ``None`` if it is that of the images.

        A network's mean over all images is that over those which can be compared, but for the share of
        the others; so is the mean over networks, but for the mean share.
        """
        if not self.partly:
            return None
        images, networks = self.there.shape
        known: float = self.there.sum() / ((images + incomplete) * networks)
        return 1 - known

    def by_network(self) -> Floats:
        """(K,) mean over the images that can be compared; NaN where there is none."""
        counts = self.there.sum(axis=0)
        sums = (self.rho * self.there).sum(axis=0)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def over_patients(self, patients: npt.NDArray[np.str_]) -> stats.Estimate:
        """Mean of the only network, for other patients.

        Raises:
            AuditError: no image can be compared, or those of one patient only.
        """
        rows = self._known()
        return stats.mean(self.rho[rows, 0], patients[rows], bounds=_BOUNDS)

    def over_networks(self, patients: npt.NDArray[np.str_]) -> stats.Estimate:
        """Mean over networks of their means, for other networks and other patients.

        Raises:
            AuditError: images can be compared with fewer than two networks, or those of one patient only.
        """
        values, statistics, groups = self._sampled(patients)
        drawn = resampled(statistics, groups, seed=0, replicates=REPLICATES)
        together = np.stack([replicates for _, replicates in drawn], axis=1)
        return mean_over_trainings(values, together, groups, bounds=_BOUNDS)

    def deviation(self, patients: npt.NDArray[np.str_]) -> stats.Estimate:
        """Standard deviation between networks.

        Raises:
            AuditError: as `over_networks`.
        """
        values, _, groups = self._sampled(patients)
        return sd_over_trainings(values, groups)

    def _known(self) -> Bools:
        rows: Bools = np.asarray(self.there.any(axis=1))
        if not rows.any():
            raise AuditError(f"no image can be evaluated: {self.reasons[0]}")
        return rows

    def _sampled(self, patients: npt.NDArray[np.str_]) -> tuple[Floats, list[Statistic], Clusters]:
        """Means of the networks, the same as functions of weights of images, and patients."""
        rows = self._known()
        values = self.by_network()
        used = np.flatnonzero(np.isfinite(values)).tolist()
        if len(used) < _LEAST:
            raise AuditError(
                f"images can be compared with {len(used)} random network only; {_LEAST} at least are needed"
            )
        statistics = [self._statistic(network, rows, float(values[network])) for network in used]
        return values[used], statistics, cluster_images(patients[rows], int(rows.sum()))

    def _statistic(self, network: int, rows: Bools, value: float) -> Statistic:
        # Linear in the weights, so that resamples without an image of few networks are defined.
        there = self.there[rows, network]
        pulls = np.where(there, self.rho[rows, network] - value, 0.0) / there.sum()
        return lambda weights: np.asarray(value + weights @ pulls)
