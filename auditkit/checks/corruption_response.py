"""Check `corruption-response`: the score's response to how a picture is stored, sent, taken or marked.

The picture itself is corrupted, as it is stored and before the model's own preprocessing, and the model is
asked again. The mean change is (1/n) sum_i s(corrupted x_i) - s(x_i), paired per image.

Deviates from Hendrycks and Dietterich (arXiv:1903.12261), who rank classifiers by the error rate over five
levels, relative to AlexNet's (mCE): what a release needs to know is whether a sound amount of each moves this
model's score and decisions, in units of the score and with an interval over patients. A mark in a corner is
no corruption of theirs.
"""

from dataclasses import dataclass

import numpy as np

from auditkit.checks.changes import Change, change_of
from auditkit.checks.measuring import Measuring
from auditkit.checks.pictures import png
from auditkit.evidence import Evidence, Scores
from auditkit.findings import Example, Figure, Findings, Series, Table
from auditkit.spec.corruptions import Corruption
from auditkit.spec.declarations.corruption_response import CORRUPTION_RESPONSE, CorruptionResponse

SHOWN = 5


def corruption_response(evidence: Evidence, parameters: CorruptionResponse) -> Findings:
    """Mean change and decision flips per corruption."""
    measuring = Measuring.of(CORRUPTION_RESPONSE, parameters, evidence.n)
    before = evidence.scores()
    responses = [_response(evidence, measuring, before, one) for one in parameters.corruptions]
    findings = Findings([part for one in responses for part in (one.change.mean, one.change.flips)])
    strongest = sorted(responses, key=lambda one: -one.change.strength)
    findings.figures.append(_figure(strongest, evidence))
    findings.tables.append(_table(strongest))
    findings.examples += [_example(evidence, one, before) for one in strongest[:SHOWN]]
    return findings


@dataclass(frozen=True)
class _Response:
    """What was found for one corruption."""

    corruption: Corruption
    scores: Scores
    change: Change


def _response(
    evidence: Evidence, measuring: Measuring, before: Scores, corruption: Corruption
) -> _Response:
    after = evidence.corrupted_scores(corruption)
    change = change_of(
        evidence,
        measuring,
        corruption.label,
        (before.score, after.score),
        (before.decision, after.decision),
    )
    return _Response(corruption, after, change)


def _figure(responses: list[_Response], evidence: Evidence) -> Figure:
    """All corruptions, the strongest first."""
    found = [(i, e) for i, one in enumerate(responses) if (e := one.change.mean.estimate)]
    series = Series(
        evidence.card.model,
        [i for i, _ in found],
        [estimate.value for _, estimate in found],
        [estimate.low for _, estimate in found],
        [estimate.high for _, estimate in found],
    )
    towards = "the positive class" if evidence.two_class else "their own label"
    return Figure(
        "corruptions",
        "Response to each corruption",
        "forest",
        "corruption",
        "mean change of the score",
        [series] if found else [],
        f"Right of zero, these pictures look more like {towards}. Lines are 95 % intervals over patients.",
        zero=True,
        labels=[one.corruption.label for one in responses],
    )


def _table(responses: list[_Response]) -> Table:
    return Table(
        "corruptions",
        "Corruptions, the strongest first",
        ["corruption", "pictures are", "mean change", "decisions flipped"],
        [[one.corruption.label, one.corruption.done, *one.change.cells] for one in responses],
        "Estimates with 95 % intervals over patients.",
    )


def _example(evidence: Evidence, response: _Response, before: Scores) -> Example:
    """The image that this corruption moves most."""
    change = response.scores.score - before.score
    index = int(np.argmax(np.abs(change)))
    label = response.corruption.label
    panels = [
        (f"as it is: {before.score[index]:.2f}", png(evidence.picture(index))),
        (
            f"{label}: {response.scores.score[index]:.2f}",
            png(evidence.corrupted_picture(index, response.corruption)),
        ),
    ]
    title = f"score {change[index]:+.2f} with {label}"
    return Example(evidence.records[index].id, title, panels)
