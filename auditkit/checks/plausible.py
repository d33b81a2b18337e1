"""FP and MSFI of every image, for the checks that need them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from auditkit.checks.measuring import decimals
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.coalitions import coalition_scores
from auditkit.evidence.plausibility import Portions, heat_portions
from auditkit.findings import Table
from auditkit.metrics.answered import Answered, unseen_cases
from auditkit.metrics.modalities import modality_shapley
from auditkit.metrics.plausibility import modality_weights, msfi_range
from auditkit.metrics.plausibility_estimates import ModalityImportance
from auditkit.spec.declarations.plausibility import HasPlausibility
from auditkit.spec.methods import Method
from auditkit.spec.problems import nearest

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Score = Literal["msfi", "fp"]

_DIGITS = 12
SILENT: Final = "a modality without positive heat (not a number in the published code)"


@dataclass(frozen=True)
class Importance:
    """What each modality of a model counts in MSFI.

    Attributes:
        names: of the modalities.
        estimated: phi with what each image adds to it.
        source: where phi is from, in words.
        unseen: share of what phi averages that cases which lack a modality would add; 0 where phi is given.
    """

    names: tuple[str, ...]
    estimated: ModalityImportance
    source: str
    unseen: float = 0.0

    def movement(self, portions: Floats, how: HasPlausibility) -> float:
        """Most by which unseen cases could move sum_m w_m P_m, in units of P (M,), through the weights."""
        if not self.unseen:
            return 0.0
        own = float(modality_weights(self.estimated.phi, how.compat) @ portions)
        low, high = msfi_range(self.estimated.phi, portions, self.unseen, how.compat)
        return max(own - low, high - own)

    def table(self, how: HasPlausibility) -> Table:
        """Importance and weight of each modality."""
        try:
            weights = [decimals(w) for w in modality_weights(self.estimated.phi, how.compat)]
        except AuditError:
            weights = ["not evaluable"] * len(self.names)
        phi = [decimals(value) for value in self.estimated.phi]
        return Table(
            "weights",
            "What each modality counts",
            ["modality", "importance φ", "weight in MSFI"],
            [list(row) for row in zip(self.names, phi, weights, strict=True)],
            f"φ: {self.source}. Weight: {_WEIGHTS[how.compat]}.",
        )


_WEIGHTS: Final = {
    None: "φ where it is above 0, divided by the sum",
    "glioma-2022": "φ minus the least φ, divided by the sum (published code)",
    "knee-2022": "φ divided by the sum (published code)",
}


def importance_of(evidence: Evidence, how: HasPlausibility, score: Score = "msfi") -> Importance:
    """The importance that a spec gives, or the model's modality Shapley values; of no matter to FP.

    Raises:
        AuditError: the weights' names are not the model's modalities, or an AUROC is asked of a model
            without score.
    """
    names = evidence.modalities
    if how.weights is not None:
        _check_names(evidence, list(how.weights))
        phi = np.array([how.weights[name] for name in names], dtype=np.float64)
        return Importance(names, ModalityImportance(phi), "given in the spec")
    if len(names) == 1 or score == "fp":
        source = "the only modality" if len(names) == 1 else "not asked, since FP has no weights"
        return Importance(names, ModalityImportance(np.ones(len(names))), source)
    if how.performance == "auc" and not evidence.two_class:
        raise AuditError(
            f"performance: auc needs a score, but model '{evidence.card.model}' decides between classes; use "
            "accuracy, or give the `weights`"
        )
    scores, decisions = coalition_scores(evidence, how.ablation)
    answered = Answered(how.performance, evidence.labels, scores, decisions, evidence.patients)
    per_case = modality_shapley(
        np.stack([column.per_case() for column in answered.columns], axis=1)
    )
    what = "accuracy" if how.performance == "accuracy" else "AUROC"
    source = f"Shapley values of the {what}, modalities set to {how.ablation.wording}"
    estimated = ModalityImportance(per_case.mean(axis=0), per_case)
    unseen = unseen_cases(answered, len(evidence.incomplete))
    return Importance(names, estimated, source, unseen)


def _check_names(evidence: Evidence, given: Sequence[str]) -> None:
    names = evidence.modalities
    for name in given:
        if name not in names:
            raise AuditError(
                f"weights: model '{evidence.card.model}' has no modality '{name}'; {nearest(name, names)}"
            )
    left_out = [name for name in names if name not in given]
    if left_out:
        raise AuditError(
            f"weights: none for {', '.join(left_out)} of model '{evidence.card.model}'; give 0 where a "
            "modality does not count"
        )


@dataclass(frozen=True)
class Plausible:
    """One method's heatmaps against the annotations.

    Attributes:
        method: whose heatmaps.
        portions: FP of each image, and of each of its modalities.
        importance: of the modalities.
        how: the spec's parameters.
    """

    method: Method
    portions: Portions
    importance: Importance
    how: HasPlausibility

    @property
    def label(self) -> str:
        """The method's name."""
        return self.method.label

    def reasons(self, score: Score) -> list[str]:
        """Per image, why it has no such score; empty where it has."""
        lost = [bool(row.any()) for row in self.portions.silent]
        published = score == "msfi" and self.how.compat is not None
        return [
            SILENT if published and silent and not reason else reason
            for reason, silent in zip(self.portions.reasons, lost, strict=True)
        ]

    def rows(self, score: Score) -> Bools:
        """The images that have the score, (n,)."""
        return np.array([not reason for reason in self.reasons(score)], dtype=np.bool_)

    def values(self, score: Score) -> Floats:
        """The score of each image, (n,), in [0, 1]; NaN where it has none.

        Raises:
            AuditError: no modality counts.
        """
        if score == "fp":
            return self.portions.fp
        weights = modality_weights(self.importance.estimated.phi, self.how.compat)
        # Rounding must neither rank equal images nor leave [0, 1].
        raw = np.minimum(self.portions.by_modality @ weights, 1.0)
        found = np.asarray(np.round(raw, _DIGITS), dtype=np.float64)
        return np.where(self.rows(score), found, np.nan)


def plausible(
    evidence: Evidence, methods: Sequence[Method], how: HasPlausibility, importance: Importance
) -> Iterator[Plausible]:
    """Every method that can be asked of the model.

    Raises:
        AuditError: nothing is annotated.
    """
    if not any(record.annotated for record in evidence.records):
        raise AuditError(
            f"data set '{evidence.data.card.data}' has no annotations (masks, boxes or landmarks); name "
            "their column in the data card"
        )
    for method in methods:
        if not evidence.fitness(method).reason:
            yield Plausible(method, heat_portions(evidence, method, how), importance, how)


def how_scored(how: HasPlausibility) -> str:
    """For captions: what was done to heatmaps and annotations."""
    parts = [f"Heatmaps: {how.stage.wording}; heat below 0 does not count"]
    if how.dilate:
        parts.append(f"annotations widened by {how.dilate} px")
    if how.compat:
        parts.append(f"as the published code {how.compat} does")
    return f"{'; '.join(parts)}."
