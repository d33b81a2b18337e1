"""Patients as blocks: means over the images on which every method can be evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.compare_methods.scores import Scores, scores_of
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.spec.declarations.compare_methods import CompareMethods
from auditkit.spec.methods import Method

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Images:
    """All images under all methods that can be asked.

    Attributes:
        labels: of the k methods.
        values: (n, k), NaN in rows that have a reason.
        reasons: (n,) why an image is not in the comparison; empty for those that are.
        patients: (n,).
        incomplete: why, of each case that is no image at all; each counts as a patient.
        unsettled: whether such cases could move every value: MSFI with an estimated importance.
    """

    labels: Sequence[str]
    values: Floats
    reasons: npt.NDArray[np.str_]
    patients: npt.NDArray[np.str_]
    incomplete: Sequence[str] = ()
    unsettled: bool = False

    @classmethod
    def of(
        cls, evidence: Evidence, methods: Sequence[Method], parameters: CompareMethods
    ) -> "Images":
        """The metric of every image under every method."""
        found = scores_of(evidence, methods, parameters)
        labels = [method.label for method in methods]
        values = np.stack([scores.values for scores in found], axis=1)
        reasons = [_reason(labels, found, image) for image in range(evidence.n)]
        texts = np.array(reasons, dtype=np.str_)
        estimated = parameters.metric == "msfi" and parameters.weights is None
        lost = evidence.incomplete
        return cls(labels, values, texts, evidence.patients, lost, estimated and bool(lost))

    def blocks(
        self, rows: npt.NDArray[np.bool_] | None = None, *, larger_is_better: bool = True
    ) -> "Blocks":
        """The patients of all images or of some."""
        chosen = np.ones(len(self.values), dtype=np.bool_) if rows is None else rows
        complete = chosen & (self.reasons == "")
        patients = self.patients[complete]
        values = np.zeros((0, len(self.labels)))
        if patients.size:
            values = stats.block_means(self.values[complete], patients)
        own = [str(reason) for reason in self.reasons[chosen] if reason]
        # Which group an incomplete case belongs to is not known: it may be any.
        lost = len(self.incomplete)
        planned = int(chosen.sum()) + lost
        doubtful = chosen if self.unsettled else chosen & ~complete
        return Blocks(
            self.labels,
            values,
            np.unique(patients),
            int(complete.sum()),
            [*self.incomplete, *own],
            planned,
            np.unique(self.patients[chosen]).size + lost,
            np.unique(self.patients[doubtful]).size + lost,
            larger_is_better,
        )


def _reason(labels: Sequence[str], found: Sequence[Scores], image: int) -> str:
    """Why one image is not comparable: without a method's name if all methods share the reason."""
    own = [scores.reasons[image] for scores in found]
    if own[0] and len(set(own)) == 1:
        return own[0]
    named = (f"{label}: {reason}" for label, reason in zip(labels, own, strict=True) if reason)
    return next(named, "")


@dataclass(frozen=True)
class Blocks:
    """Patients under k methods.

    Attributes:
        labels: of the methods.
        values: (patients, k), means over a patient's comparable images.
        patients: ids, in the order of the rows.
        images: number of comparable images.
        skipped: one reason per image that is not comparable.
        planned: images that were to be compared.
        concerned: patients of these images.
        touched: those of them with an image that is not comparable, whose values are not all known.
        larger_is_better: whether the largest value has rank 1.
    """

    labels: Sequence[str]
    values: Floats
    patients: npt.NDArray[np.str_]
    images: int
    skipped: Sequence[str]
    planned: int
    concerned: int
    touched: int
    larger_is_better: bool

    def __len__(self) -> int:
        return len(self.values)

    @property
    def affected(self) -> float:
        """Share of the patients whose values are not all known."""
        return self.touched / max(self.concerned, 1)

    @property
    def affected_pairs(self) -> float:
        """Share of the pairs of patients with such a patient."""
        known = self.concerned - self.touched
        return 1 - known * (known - 1) / max(self.concerned * (self.concerned - 1), 1)

    def ranks(self) -> Floats:
        """(patients, k), 1 for the best.

        Raises:
            AuditError: fewer than two patients.
        """
        self.require(2)
        return stats.block_ranks(self.values, larger_is_better=self.larger_is_better)

    def require(self, least: int) -> None:
        """Refuse fewer patients than are needed.

        Raises:
            AuditError: there are fewer.
        """
        if len(self) < least:
            raise AuditError(
                f"{len(self)} patients have an image on which every method can be evaluated; at least "
                f"{least} are needed"
            )

    def counted(self, estimate: stats.Estimate) -> stats.Estimate:
        """An estimate over patients with the number of images behind it."""
        return replace(estimate, n=self.images)

    def concordance(self, least: int = 2) -> stats.Estimate:
        """Mean correlation between the rankings of at least so many patients."""
        self.require(least)
        return self.counted(stats.concordance(self.ranks()))

    def mean_rank(self, label: str, least: int = 2) -> stats.Estimate:
        """Mean rank of one method over at least so many patients."""
        self.require(least)
        ranks = self.ranks()[:, self.labels.index(label)]
        return self.counted(stats.mean(ranks, bounds=(1.0, float(len(self.labels)))))

    def differences(self, first: str, second: str) -> Floats:
        """(patients,) value of the first method minus that of the second.

        Raises:
            AuditError: fewer than two patients.
        """
        self.require(2)
        i, j = self.labels.index(first), self.labels.index(second)
        return np.asarray(self.values[:, i] - self.values[:, j])

    def superiority(self, first: str, second: str) -> stats.Estimate:
        """Probability that the first method is better in a patient."""
        # Ranks, not values: they tie what differs by rounding only, and know which end is better.
        ranks = self.ranks()
        ahead = ranks[:, self.labels.index(second)] - ranks[:, self.labels.index(first)]
        return self.counted(stats.superiority(ahead))

    def difference(self, first: str, second: str, bounds: tuple[float, float]) -> stats.Estimate:
        """Mean over patients of the first method's value minus the second's."""
        return self.counted(stats.mean(self.differences(first, second), bounds=bounds))
