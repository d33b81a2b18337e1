"""Shapley values of a model's modalities as measurements."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from auditkit import stats
from auditkit.checks.concepts.exact import counted
from auditkit.checks.concepts.importance import CERTAINTY
from auditkit.checks.measuring import Measuring
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.coalitions import coalition_scores
from auditkit.findings import Measurement
from auditkit.metrics.answered import Answered, unseen_cases
from auditkit.metrics.modality_importance import ModalityImportances, modality_importances
from auditkit.spec.declarations.modality_importance import ModalityImportance
from auditkit.spec.removing import Ablation, Performance


def answers_to_subsets(
    evidence: Evidence, performance: Performance, ablation: Ablation
) -> Answered:
    """The model's answers to every subset of its modalities."""
    scores, decisions = coalition_scores(evidence, ablation)
    return Answered(performance, evidence.labels, scores, decisions, evidence.patients)


def importances_of(evidence: Evidence, answered: Answered) -> ModalityImportances:
    """Shapley values of a model's modalities, in the model's order, with intervals over patients.

    Raises:
        AuditError: as `auditkit.metrics.modality_importance.modality_importances`.
    """
    missing = len(evidence.incomplete)
    return modality_importances(answered, evidence.modalities, missing=missing)


@dataclass(frozen=True)
class Importance:
    """What was found of all modalities of one model.

    Attributes:
        evidence: of the model.
        ablation: how a modality was taken away.
        answered: with each subset of modalities.
        found: the Shapley values; ``None`` if there are none.
        reason: why not; "" if there are.
    """

    evidence: Evidence
    ablation: Ablation
    answered: Answered
    found: ModalityImportances | None
    reason: str = ""

    @classmethod
    def of(cls, evidence: Evidence, parameters: ModalityImportance) -> "Importance":
        """Asks the model with every subset of its modalities."""
        ablation = parameters.ablation
        answered = answers_to_subsets(evidence, parameters.performance, ablation)
        try:
            found = importances_of(evidence, answered)
        except AuditError as error:
            return cls(evidence, ablation, answered, None, str(error))
        return cls(evidence, ablation, answered, found)

    @property
    def known(self) -> ModalityImportances:
        """The Shapley values.

        Raises:
            AuditError: why there are none.
        """
        if self.found is None:
            raise AuditError(self.reason)
        return self.found

    @property
    def names(self) -> list[str]:
        """The modalities, the most important first; in the model's order if there are no values."""
        names = list(self.evidence.modalities)
        if self.found is None:
            return names
        estimates = self.found.estimates
        return sorted(names, key=lambda name: -estimates[name].value)

    @property
    def unseen(self) -> float:
        """Share of what the performance averages that incomplete cases would add."""
        return unseen_cases(self.answered, len(self.evidence.incomplete)) if self.found else 1.0

    def measured(self, measuring: Measuring) -> list[Measurement]:
        """All that is declared of the importances themselves."""
        return [*self._averages(measuring), *self._ranks(measuring)]

    def _averages(self, measuring: Measuring) -> Iterator[Measurement]:
        estimates: dict[str, Callable[[], stats.Estimate]] = {
            f"importance[{name}]": partial(self._importance, name) for name in self.names
        }
        estimates["all_modalities"] = lambda: self.known.subsets[-1]
        estimates["no_modality"] = lambda: self.known.subsets[0]
        pairs = self.answered.performance == "auc"
        for name, estimate in estimates.items():
            one = measuring(name, estimate, skipped=self.evidence.incomplete)
            yield replace(one, affected=self.unseen) if pairs else one

    def _importance(self, name: str) -> stats.Estimate:
        return self.known.estimates[name]

    def _ranks(self, measuring: Measuring) -> Iterator[Measurement]:
        skipped = self.evidence.incomplete
        # Nothing bounds what cases that are missing would do to a rank.
        affected = 1.0 if skipped else 0.0
        for name in self.names:
            estimate = partial(self._share, name)
            one = measuring(f"top_probability[{name}]", estimate, skipped=skipped)
            yield replace(one, affected=affected)
        one = measuring("ranking_probability", self._ranking, skipped=skipped)
        yield replace(one, affected=affected)
        one = measuring("top_modality", lambda: self.known.subsets[-1], skipped=skipped)
        choice = self.found.top if self.found else None
        yield replace(one, estimate=None, choice=choice, affected=0.0)

    def _share(self, name: str) -> stats.Estimate:
        return self._certain(self.known.top_probabilities[name])

    def _ranking(self) -> stats.Estimate:
        return self._certain(self.known.ranking_probability)

    def _certain(self, share: float) -> stats.Estimate:
        return counted(share, share, self.evidence.n, len(self.known.patients), CERTAINTY)
