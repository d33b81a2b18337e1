"""Check `counterfactual-screening`: which pairs of counterfactuals may be shown to experts?

DeGrave et al. (doi:10.1038/s41551-023-01160-9, Methods): classifier consistency, visual quality as judged by
two experts, and the same reference images for all models.

Deviates: an automatic artifact score may come before the experts; reasons are counted.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.measuring import Measuring
from auditkit.checks.screened import NOT_RATED, Screening, opposite_of, screened
from auditkit.checks.vetoes import verdicts_on
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.artifact_scores import counterfactual_artifacts
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.findings import Figure, Findings, Measurement, Series, Table
from auditkit.spec.declarations.counterfactual_screening import COUNTERFACTUAL_SCREENING
from auditkit.spec.declarations.counterfactuals import Screened

Floats = npt.NDArray[np.float64]


def counterfactual_screening(evidence: Evidence, parameters: Screened) -> Findings:
    """Shares of pairs that pass, reasons why others do not, and which images are left.

    Raises:
        Unavailable: a model has no such generator, or experts rated no pairs of it.
        AuditError: a table of vetoes is not what its card says.
    """
    card = card_of(evidence, parameters.wanted)
    found = counterfactuals(evidence, card)
    artifact = counterfactual_artifacts(evidence, card).max(axis=1)
    one = _Screened(evidence, parameters, screened(evidence, card, parameters.screen))
    findings = Findings([*one.measurements(found, artifact)])
    findings.figures.append(one.funnel())
    findings.tables += [one.reasons(), one.retained(found, artifact)]
    return findings


@dataclass(frozen=True)
class _Screened:
    evidence: Evidence
    parameters: Screened
    passed: Screening

    def measurements(self, found: Counterfactuals, artifact: Floats) -> Iterator[Measurement]:
        """All that is declared."""
        patients, finite = self.evidence.patients, found.finite
        measuring = Measuring.of(COUNTERFACTUAL_SCREENING, self.parameters, self.evidence.n)
        yield measuring("retained", lambda: stats.proportion(self.passed.kept, patients))
        lacking = ["not finite"] * int((~finite).sum())
        opposite = opposite_of(self.evidence, found)
        yield measuring(
            "consistent",
            lambda: stats.proportion(opposite[finite], patients[finite]),
            skipped=lacking,
        )
        bounds = measuring.measures["artifact_score"].bounds
        yield measuring(
            "artifact_score",
            lambda: stats.mean(artifact[finite], patients[finite], bounds=bounds),
            skipped=lacking,
        )
        if self.parameters.screen.vetoes:
            yield self._vetoed(measuring)

    def _vetoed(self, measuring: Measuring) -> Measurement:
        """Of rated pairs; those that had to be rated and were not are missing."""
        verdicts = verdicts_on(self.evidence, self.parameters.screen.vetoes)
        rated = np.array([bool(one.raters) for one in verdicts], dtype=np.bool_)
        vetoed = np.array([bool(one.vetoed_by) for one in verdicts], dtype=np.bool_)
        own = self.passed.by_model[self.evidence.card.model]
        missing = [NOT_RATED] * list(own).count(NOT_RATED)
        return measuring(
            "vetoed",
            lambda: stats.proportion(vetoed[rated], self.evidence.patients[rated]),
            skipped=missing,
            planned=int(rated.sum()) + len(missing),
        )

    def funnel(self) -> Figure:
        """What is left after each criterion."""
        left = np.ones(self.evidence.n, dtype=np.bool_)
        estimates = []
        for criterion in self.passed.criteria:
            left = left & np.array([not reason for reason in criterion.reasons], dtype=np.bool_)
            estimates.append(stats.proportion(left, self.evidence.patients))
        series = Series(
            self.evidence.card.model,
            list(range(len(estimates))),
            [one.value for one in estimates],
            [one.low for one in estimates],
            [one.high for one in estimates],
        )
        return Figure(
            "funnel",
            "What is left after each criterion",
            "forest",
            "criterion",
            "share of images that meet it and those above it",
            [series],
            "Lines are 95 % intervals over patients. The last row is what is left of the images.",
            labels=[criterion.name for criterion in self.passed.criteria],
        )

    def reasons(self) -> Table:
        """Counts of each model by itself."""
        models = self.passed.by_model
        counts = {model: Counter(reasons) for model, reasons in models.items()}
        kinds = dict.fromkeys(reason for reasons in models.values() for reason in reasons if reason)
        rows = [[kind, *(str(counts[model][kind]) for model in models)] for kind in kinds]
        rows.append(["passes by itself", *(str(counts[model][""]) for model in models)])
        kept = str(int(self.passed.kept.sum()))
        rows.append(["passes for every model", *[kept] * len(models)])
        caption = f"Of {self.evidence.n} images; each counts once per model, by the first reason that holds."
        return Table("reasons", "Why pairs are left out", ["", *models], rows, caption)

    def retained(self, found: Counterfactuals, artifact: Floats) -> Table:
        """The images whose pairs experts are shown."""
        scores = np.stack([found.own, found.score[:, 0], found.score[:, -1], artifact], axis=1)
        rows = [
            [self.evidence.records[index].id, *map(_shown, scores[index])]
            for index in np.flatnonzero(self.passed.kept).tolist()
        ]
        columns = ["image", "score", "benign", "malignant", "artifact score"]
        caption = "Scores of the image and of its two counterfactuals; the larger artifact score of the two."
        return Table("retained", "Images whose pairs pass", columns, rows, caption)


def _shown(value: float) -> str:
    return f"{value:.3f}"
