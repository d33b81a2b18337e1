"""delta-AUPC of one method and fill for several trainings, on the same patients."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.truthfulness.curves import Curve
from auditkit.checks.truthfulness.performance import Judge, unseen
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.kinds import Floats
from auditkit.metrics.area_differences import accuracy_area_difference, auroc_area_difference
from auditkit.spec.declarations.across_trainings import AcrossTrainings
from auditkit.spec.methods import Method
from auditkit.stats.differences import resampled
from auditkit.stats.inputs import Clusters, cluster_images
from auditkit.stats.rank_stability import rank_stability
from auditkit.stats.resampling import Statistic
from auditkit.stats.trainings import mean_over_trainings, sd_over_trainings

Kept = npt.NDArray[np.bool_]
# Each delta-AUPC lies in [-1, 1], a difference of two of them in [-2, 2]: missing images may take it through.
_ROOM = 4.0


@dataclass(frozen=True)
class Areas:
    """delta-AUPC of K trainings and m methods in joint resamples of patients.

    Attributes:
        values: (K, m).
        drawn: (B, K, m).
        groups: patients of the images.
    """

    values: Floats
    drawn: Floats
    groups: Clusters


@dataclass(frozen=True)
class Trained:
    """Removal curves of one method and fill for every training.

    Attributes:
        method: whose heatmaps.
        fill: what replaces what is removed.
        names: of the trainings, the audited model first.
        curves: of the trainings.
        incomplete: why, of each case that is no record.
    """

    method: Method
    fill: str
    names: Sequence[str]
    curves: Sequence[Curve]
    incomplete: Sequence[str]

    @classmethod
    def of(
        cls, trainings: Sequence[Evidence], method: Method, fill: str, parameters: AcrossTrainings
    ) -> "Trained":
        """Asks every training."""
        names = [own.card.model for own in trainings]
        curves = [Curve(own, method, fill, parameters) for own in trainings]
        return cls(method, fill, names, curves, trainings[0].incomplete)

    @cached_property
    def reasons(self) -> list[str]:
        """(n,) why an image has no order in one of the trainings; "" if it has in all."""
        per_image = zip(*(curve.by_heat.reasons.tolist() for curve in self.curves), strict=True)
        return [
            next((f"{name}: {why}" for name, why in zip(self.names, own, strict=True) if why), "")
            for own in per_image
        ]

    @property
    def skipped(self) -> list[str]:
        """One reason for each case that is not in the numbers."""
        return [*self.incomplete, *filter(None, self.reasons)]

    @property
    def kept(self) -> Kept:
        """(n,) images with an order in every training."""
        return np.array([not reason for reason in self.reasons])

    @cached_property
    def areas(self) -> Areas:
        """Of this method alone.

        Raises:
            AuditError: fewer than two patients can be evaluated, or one class only (AUROC).
        """
        return areas([self], self.kept)

    @property
    def unseen(self) -> float | None:
        """Share of what is averaged that images without an order touch; None: their own share."""
        first = self.curves[0]
        return unseen(first.evidence, first.parameters.performance, self.kept)

    def values(self) -> Floats:
        """(K,) delta-AUPC of each training."""
        return self.areas.values[:, 0]

    @cached_property
    def each(self) -> list[stats.Estimate]:
        """delta-AUPC of each training with the interval of the check `truthfulness`, over patients.

        Raises:
            AuditError: as `areas`.
        """
        replicates = stats.replicates_for(len(self.names))
        return [
            Judge(curve.evidence, curve.parameters.performance, self.kept).difference(
                curve.at_random, curve.by_heat, replicates
            )
            for curve in self.curves
        ]

    def mean(self) -> stats.Estimate:
        """Mean over trainings, for others and for other patients."""
        found = self.areas
        bounds = (-1.0, 1.0)
        return mean_over_trainings(self.values(), found.drawn[..., 0], found.groups, bounds=bounds)

    def deviation(self) -> stats.Estimate:
        """Standard deviation between trainings."""
        return sd_over_trainings(self.values(), self.areas.groups)

    def smallest(self) -> stats.Estimate:
        """Of the training where it is smallest."""
        return stats.extreme(self.each, "smallest")

    def statistic(self, training: int, kept: Kept) -> Statistic:
        """delta-AUPC of one training over some of the images, as a function of weights."""
        curve = self.curves[training]
        evidence, heat, random = curve.evidence, curve.by_heat, curve.at_random
        fractions, random_fractions = heat.fraction[kept], random.fraction[kept]
        if curve.parameters.performance == "accuracy":
            right, by_chance = (
                evidence.right(found.decision)[kept].astype(np.float64) for found in (heat, random)
            )
            return accuracy_area_difference(right, by_chance, fractions, random_fractions)
        # An AUROC is of all images at once, and so is the share that they lost.
        shares = fractions.mean(axis=0), random_fractions.mean(axis=0)
        scores = heat.score[kept], random.score[kept]
        return auroc_area_difference(evidence.labels[kept], *scores, *shares)


def areas(methods: Sequence[Trained], kept: Kept) -> Areas:
    """delta-AUPC of several methods over the same images, from one draw of patients.

    Raises:
        AuditError: fewer than two patients, or one class only (AUROC).
    """
    trainings = len(methods[0].names)
    patients = methods[0].curves[0].evidence.patients[kept]
    if len(set(patients.tolist())) < 2:
        raise AuditError("heatmaps of fewer than two patients have an order in every training")
    groups = cluster_images(patients, len(patients))
    statistics = [one.statistic(k, kept) for k in range(trainings) for one in methods]
    replicates = stats.replicates_for(trainings)
    drawn = resampled(statistics, groups, seed=0, replicates=replicates)
    shape = trainings, len(methods)
    values = np.array([value for value, _ in drawn]).reshape(shape)
    draws = np.stack([replicate for _, replicate in drawn], axis=1)
    return Areas(values, draws.reshape(-1, *shape), groups)


def stability(methods: Sequence[Trained], missing: float) -> stats.Estimate:
    """Whether trainings rank methods alike, over the images with an order everywhere.

    Args:
        methods: two or more.
        missing: share of what is averaged (images, pairs of them) that the others touch.
    """
    kept = np.logical_and.reduce([one.kept for one in methods])
    found = areas(methods, kept)
    return rank_stability(found.values, found.drawn, found.groups, unseen=_ROOM * missing)
