"""Check `attribute-response`: the score's response when one known attribute of a picture changes.

A synthetic picture is drawn from attributes that are known, each component from a random stream of its
own, so that it can be drawn again with one attribute low and with it high and nothing else changed. The
mean change is the paired average effect (1/n) sum_i s(x_i with a = high) - s(x_i with a = low): what
counterfactual images and recoloured photographs can only estimate.
"""

from dataclasses import dataclass

import numpy as np

from auditkit.checks.changes import Change, change_of
from auditkit.checks.measuring import Measuring
from auditkit.checks.pictures import png
from auditkit.evidence import Evidence, Scores
from auditkit.findings import Example, Figure, Findings, Series, Table
from auditkit.spec.attributes import ATTRIBUTES
from auditkit.spec.declarations.attribute_response import ATTRIBUTE_RESPONSE, AttributeResponse

SHOWN = 4


def attribute_response(evidence: Evidence, parameters: AttributeResponse) -> Findings:
    """Mean change and decision flips per attribute."""
    measuring = Measuring.of(ATTRIBUTE_RESPONSE, parameters, evidence.n)
    responses = [
        _response(evidence, measuring, name, parameters.span(name))
        for name in parameters.attributes
    ]
    findings = Findings([part for one in responses for part in (one.change.mean, one.change.flips)])
    strongest = sorted(responses, key=lambda one: -one.change.strength)
    findings.figures.append(_figure(strongest, evidence))
    findings.tables.append(_table(strongest))
    before = evidence.scores()
    findings.examples += [_example(evidence, one, before) for one in strongest[:SHOWN]]
    return findings


@dataclass(frozen=True)
class _Response:
    """What was found for one attribute; scores have the columns low and high."""

    name: str
    span: tuple[float, float]
    scores: Scores
    change: Change
    truth: float | None


def _response(
    evidence: Evidence, measuring: Measuring, name: str, span: tuple[float, float]
) -> _Response:
    scores = evidence.intervened_scores(name, span)
    low, high = scores.score.T
    decisions = scores.decision[:, 0], scores.decision[:, 1]
    truth = evidence.true_probabilities(name, span) if evidence.two_class else None
    return _Response(
        name,
        span,
        scores,
        change_of(evidence, measuring, name, (low, high), decisions),
        None if truth is None else float((truth[:, 1] - truth[:, 0]).mean()),
    )


def _figure(responses: list[_Response], evidence: Evidence) -> Figure:
    """All attributes, the strongest first, beside what the label's own probability does."""
    found = [
        (i, one.change.mean.estimate) for i, one in enumerate(responses) if one.change.mean.estimate
    ]
    series = [
        Series(
            evidence.card.model,
            [i for i, _ in found],
            [estimate.value for _, estimate in found],
            [estimate.low for _, estimate in found],
            [estimate.high for _, estimate in found],
        )
    ]
    truth = [(i, one.truth) for i, one in enumerate(responses) if one.truth is not None]
    if truth:
        places, values = zip(*truth, strict=True)
        series.append(Series("true probability", places, values, dashed=True))
    towards = "the positive class" if evidence.two_class else "their own label"
    return Figure(
        "attributes",
        "Response to each attribute alone",
        "forest",
        "attribute",
        "mean change of the score from the low to the high value",
        series if found else [],
        f"Right of zero, more of the attribute looks more like {towards}. Lines are 95 % intervals "
        "over patients; the true probability is what the generator draws the label with.",
        zero=True,
        labels=[one.name for one in responses],
    )


def _table(responses: list[_Response]) -> Table:
    rows = [
        [
            one.name,
            ATTRIBUTES[one.name].kind,
            f"{one.span[0]:g}",
            f"{one.span[1]:g}",
            *one.change.cells,
            "not known" if one.truth is None else f"{one.truth:+.3f}",
        ]
        for one in responses
    ]
    return Table(
        "attributes",
        "Attributes, the strongest first",
        ["attribute", "of the", "from", "to", "mean change", "decisions flipped", "truth"],
        rows,
        "Estimates with 95 % intervals over patients. Truth: the mean change of the probability with "
        "which the generator draws the label; it is 0 for everything that belongs to the acquisition.",
    )


def _example(evidence: Evidence, response: _Response, before: Scores) -> Example:
    """The image that this attribute moves most: low, as it is, high."""
    change = response.scores.score[:, 1] - response.scores.score[:, 0]
    index = int(np.argmax(np.abs(change)))
    low, high = (
        (
            f"{response.name} {value:g}: {response.scores.score[index, column]:.2f}",
            png(evidence.intervened_picture(index, response.name, value)),
        )
        for column, value in enumerate(response.span)
    )
    middle = f"as it is: {before.score[index]:.2f}", png(evidence.picture(index))
    title = f"score {change[index]:+.2f} from low to high {response.name}"
    return Example(evidence.records[index].id, title, [low, middle, high])
