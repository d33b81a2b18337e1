"""Check `counterfactual-control`: is an artifact left alone that goes with the label and is not used?

DeGrave et al. (doi:10.1038/s41551-023-01160-9, Supplementary Fig. 3): a red dot on every melanoma that the
generator learns from, which the model never saw. A counterfactual that changes it shows what goes with the
label in the data, not what the model uses.

Deviates: the paper shows pictures; here, what is left of the dot is measured in every image, and that the
model does not use it is tested, where the paper calls it unlikely.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from auditkit import stats
from auditkit.checks.artifact_left import SIDES, Left, left_of
from auditkit.checks.measuring import Measuring, worded
from auditkit.checks.pictures import png
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.artifact import ArtifactAnswers, artifact_answers
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.findings import Example, Figure, Findings, Measurement, Series, Table
from auditkit.spec.counterfactual_card import CounterfactualCard, Discriminator
from auditkit.spec.declarations.counterfactual_control import (
    COUNTERFACTUAL_CONTROL,
    CounterfactualControl,
)

SHOWN = 3


def counterfactual_control(evidence: Evidence, parameters: CounterfactualControl) -> Findings:
    """What is left of the artifact under each discriminator, and whether the model uses it.

    Raises:
        Unavailable: a generator is not there.
        AuditError: the data card draws no artifact.
    """
    answers = artifact_answers(evidence)
    cards = {
        wanted.discriminator: card_of(evidence, wanted) for wanted in parameters.counterfactuals
    }
    found = {kind: left_of(evidence, card, answers) for kind, card in cards.items()}
    measuring = Measuring.of(COUNTERFACTUAL_CONTROL, parameters, int(answers.carried.sum()))
    findings = Findings([_response(evidence, answers, measuring)])
    for kind, one in found.items():
        findings.measurements += _measured(kind, one, measuring)
    findings.figures.append(_figure(findings, list(found)))
    findings.tables.append(_table(findings))
    findings.examples += _Shown(evidence, cards, found).examples()
    findings.notes += _notes(findings)
    return findings


def _response(evidence: Evidence, answers: ArtifactAnswers, measuring: Measuring) -> Measurement:
    """Over all images, whichever of the two the data set has."""
    change = answers.score_with - answers.score_without
    return measuring(
        "artifact_response",
        lambda: stats.mean(change, evidence.patients, bounds=(-1.0, 1.0)),
        planned=evidence.n,
    )


def _measured(kind: str, one: Left, measuring: Measuring) -> Iterator[Measurement]:
    for side in SIDES:
        yield measuring(f"{side}_left[{kind}]", lambda: one.share(side), skipped=one.skipped)  # noqa: B023 estimated before the next
    yield measuring(f"difference[{kind}]", one.difference, skipped=one.skipped)


def _figure(findings: Findings, kinds: list[str]) -> Figure:
    series = []
    for side in SIDES:
        found = [(i, findings[f"{side}_left[{kind}]"].estimate) for i, kind in enumerate(kinds)]
        known = [(i, estimate) for i, estimate in found if estimate is not None]
        series.append(
            Series(
                f"{side} counterfactual",
                [i for i, _ in known],
                [estimate.value for _, estimate in known],
                [estimate.low for _, estimate in known],
                [estimate.high for _, estimate in known],
            )
        )
    return Figure(
        "left",
        "What is left of the artifact",
        "forest",
        "discriminator",
        "share of the artifact that is left (1: all, 0: none)",
        series if any(one.x for one in series) else [],
        "Lines are 95 % intervals over patients. A generator that changes only what the model uses leaves "
        "1 in both; one that follows the label erases the artifact in benign counterfactuals.",
        zero=True,
        labels=kinds,
    )


def _table(findings: Findings) -> Table:
    rows = [
        [
            one.name,
            one.unit,
            worded(one),
            str(one.estimate.n if one.estimate else 0),
            str(sum(one.not_evaluable.values())),
        ]
        for one in findings.measurements
    ]
    return Table(
        "control",
        "Negative control",
        ["measure", "unit", "estimate", "images", "not evaluable"],
        rows,
        "Estimates with 95 % intervals over patients. The response is of all images, with the artifact "
        "minus without it; the others are of the images that carry it.",
    )


def _notes(findings: Findings) -> Iterator[str]:
    found = findings["artifact_response"].estimate
    if found is not None and (found.low > 0 or found.high < 0):
        yield (
            f"The artifact moves the score by {found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]: so "
            "far the model uses it, and counterfactuals may rightly change it. Unless that is negligible, "
            "this is no control."
        )


@dataclass(frozen=True)
class _Shown:
    """Images beside their counterfactuals, one row per discriminator."""

    evidence: Evidence
    cards: Mapping[Discriminator, CounterfactualCard]
    found: Mapping[Discriminator, Left]

    def examples(self) -> Iterator[Example]:
        """The first images that carry the artifact and are evaluable everywhere."""
        everywhere = set.intersection(*(set(one.images.tolist()) for one in self.found.values()))
        for index in sorted(everywhere)[:SHOWN]:
            panels = [panel for kind in self.cards for panel in self._row(index, kind)]
            title = "image, benign and malignant counterfactual, one row per discriminator"
            yield Example(self.evidence.records[index].id, title, panels, columns=3)

    def _row(self, index: int, kind: Discriminator) -> Iterator[tuple[str, bytes]]:
        card = self.cards[kind]
        answers, pair = counterfactuals(self.evidence, card), pairs(self.evidence, card)[index]
        yield f"image: {answers.own[index]:.2f}", png(self.evidence.picture(index))
        ends = (answers.score[index, 0], answers.score[index, -1])
        for side, score, picture in zip(SIDES, ends, pair, strict=True):
            left = self.found[kind].of(index, side)
            yield f"{side}, {kind}: {score:.2f}, {left:.0%} left", png(picture)
