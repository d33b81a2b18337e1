"""Measured attributes of several trainings' counterfactuals, on the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.counterfactual_attributes.differences import (
    Attribute,
    Flags,
    clustered_mean,
)
from auditkit.checks.screened import screened
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.attributes import measured
from auditkit.evidence.kinds import Floats
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.declarations.counterfactual_stability import CounterfactualStability
from auditkit.spec.measured import Quantity
from auditkit.stats.differences import resampled
from auditkit.stats.inputs import cluster_images
from auditkit.stats.resampling import REPLICATES, Statistic
from auditkit.stats.trainings import mean_over_trainings, sd_over_trainings


def retrained(
    evidence: Evidence, cards: Sequence[CounterfactualCard], parameters: CounterfactualStability
) -> list["Retrained"]:
    """Every attribute, of the images whose pairs pass the prescreening for all trainings."""
    names = [f"seed {card.seed}" for card in cards]
    passed = [screened(evidence, card, parameters.screen).reasons for card in cards]
    excluded = first_reasons(names, passed)
    found = [
        measured(
            evidence,
            card,
            parameters.attributes,
            parameters.dilate,
            parameters.classifier,
            parameters.concepts,
        )
        for card in cards
    ]
    return [
        Retrained(
            names,
            [Attribute.of(one, quantity, excluded, evidence.patients) for one in found],
        )
        for quantity in parameters.quantities.values()
    ]


@dataclass(frozen=True)
class Retrained:
    """One attribute for every training.

    Attributes:
        names: of the trainings.
        each: the attribute in each one's counterfactuals.
    """

    names: Sequence[str]
    each: Sequence[Attribute]

    @property
    def quantity(self) -> Quantity:
        """What is measured."""
        return self.each[0].quantity

    @property
    def patients(self) -> npt.NDArray[np.str_]:
        """(n,) of all images."""
        return self.each[0].patients

    @cached_property
    def reasons(self) -> list[str]:
        """(n,) why an image is not in the numbers; "" if it is in those of every training."""
        unmeasured = first_reasons(self.names, [one.unmeasured for one in self.each])
        return [no or why for no, why in zip(self.each[0].excluded, unmeasured, strict=True)]

    @property
    def used(self) -> Flags:
        """(n,) images that are in the numbers."""
        return np.array([not reason for reason in self.reasons])

    @property
    def unknown(self) -> float:
        """Share of the images that passed everywhere whose difference some training does not show."""
        passed = np.array([not reason for reason in self.each[0].excluded])
        return float((passed & ~self.used).sum() / max(int(passed.sum()), 1))

    @cached_property
    def changes(self) -> Floats:
        """(K, used) malignant minus benign.

        Raises:
            AuditError: no image is in the numbers.
        """
        used = self.used
        if not used.any():
            raise AuditError("no image has a pair that can be used in every training")
        return np.stack([one.malignant[used] - one.benign[used] for one in self.each])

    def estimates(self) -> list[stats.Estimate]:
        """Mean difference of each training, over patients."""
        return self._means(1.0)

    def mean(self) -> stats.Estimate:
        """Mean over trainings, for others and for other patients."""
        patients, changes = self.patients[self.used], self.changes
        groups = cluster_images(patients, patients.size)
        drawn = resampled([_mean_of(own) for own in changes], groups, seed=0, replicates=REPLICATES)
        table = np.stack([replicates for _, replicates in drawn], axis=1)
        bounds = self.each[0].bounds
        return mean_over_trainings(changes.mean(axis=1), table, groups, bounds=bounds)

    def deviation(self) -> stats.Estimate:
        """Standard deviation between trainings."""
        patients = self.patients[self.used]
        groups = cluster_images(patients, patients.size)
        return sd_over_trainings(self.changes.mean(axis=1), groups, most=self.each[0].bounds[1])

    def smallest(self) -> stats.Estimate:
        """Of the training where it is smallest, in that direction of the two in which this is larger.

        The direction is read off the same numbers, so that the lower limit is corrected for both.
        """
        directions = [stats.extreme(self._means(sign), "smallest") for sign in (1.0, -1.0)]
        return stats.extreme(directions, "largest")

    def _means(self, sign: float) -> list[stats.Estimate]:
        patients, bounds = self.patients[self.used], self.each[0].bounds
        return [clustered_mean(sign * own, patients, bounds) for own in self.changes]


def first_reasons(names: Sequence[str], reasons: Sequence[Sequence[str]]) -> list[str]:
    """(n,) the first training's reason, with its name; "" if there is none."""
    return [
        next((f"{name}: {why}" for name, why in zip(names, own, strict=True) if why), "")
        for own in zip(*reasons, strict=True)
    ]


def _mean_of(values: Floats) -> Statistic:
    def statistic(weights: Floats) -> Floats:
        found: Floats = weights @ values / weights.sum(axis=1)
        return found

    return statistic
