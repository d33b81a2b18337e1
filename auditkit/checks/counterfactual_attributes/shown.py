"""What counterfactuals change, for people: a table, a forest and pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit import stats
from auditkit.checks.cells import interval_cell
from auditkit.checks.counterfactual.panels import pair_panels, shared_gain
from auditkit.checks.counterfactual_attributes.differences import Attribute
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.findings import Example, Figure, Findings, Measurement, Series, Table
from auditkit.spec.counterfactual_card import CounterfactualCard

SHOWN = 4
RESOLVED = 0.05


@dataclass(frozen=True)
class Read:
    """An attribute beside what was measured of it.

    Attributes:
        attribute: the numbers of its pairs.
        difference: their mean.
        standardised: in standard deviations between images.
        higher: share with more in the malignant one.
        adjusted: p-value of no difference after Holm over all attributes; None without estimate.
    """

    attribute: Attribute
    difference: Measurement
    standardised: Measurement
    higher: Measurement
    adjusted: float | None

    @property
    def size(self) -> float:
        """By which attributes are sorted; -1 without estimate."""
        found = self.standardised.estimate
        return -1.0 if found is None else abs(found.value)

    @property
    def predominant(self) -> str:
        """The counterfactual that has more of it."""
        found = self.difference.estimate
        if found is None or self.adjusted is None or self.adjusted > RESOLVED:
            return "not resolved"
        return "malignant" if found.value > 0 else "benign"


def read(findings: Findings, attributes: Mapping[str, Attribute]) -> list[Read]:
    """All attributes, the most changed first."""
    measured = [findings[f"difference[{name}]"] for name in attributes]
    estimates = [one.estimate for one in measured if one.estimate is not None]
    adjusted = iter(stats.holm([_two_sided(one) for one in estimates]).tolist())
    found = [
        Read(
            attribute,
            one,
            findings[f"standardised[{name}]"],
            findings[f"higher[{name}]"],
            None if one.estimate is None else next(adjusted),
        )
        for (name, attribute), one in zip(attributes.items(), measured, strict=True)
    ]
    return sorted(found, key=lambda one: -one.size)


def forest(rows: Sequence[Read]) -> Figure:
    """Standardised differences, the largest first."""
    known = [
        (one.attribute.quantity.name, one.standardised.estimate)
        for one in rows
        if one.standardised.estimate is not None
    ]
    series = Series(
        "malignant minus benign",
        list(range(len(known))),
        [found.value for _, found in known],
        [found.low for _, found in known],
        [found.high for _, found in known],
    )
    return Figure(
        "attributes",
        "What differs between the counterfactuals",
        "forest",
        "attribute",
        "malignant minus benign, in standard deviations between images",
        [series] if known else [],
        "Lines are 95 % intervals over patients, each by itself; the table says which differences are "
        "resolved when all are read together.",
        zero=True,
        labels=[name for name, _ in known],
    )


def table(rows: Sequence[Read]) -> Table:
    """A row per attribute."""
    count = sum(one.adjusted is not None for one in rows)
    return Table(
        "attributes",
        "Measured attributes",
        [
            "attribute",
            "unit",
            "images",
            "benign",
            "malignant",
            "difference",
            "in standard deviations",
            "malignant has more",
            "n",
            "p (Holm)",
            "more in",
            "more of it means",
        ],
        [_row(one) for one in rows],
        "Images, benign, malignant: means of the pairs in the numbers. Estimates with 95 % intervals over "
        f"patients, each by itself. More in: resolved if p, adjusted by Holm over these {count} "
        f"attributes, is at most {RESOLVED:g}; then the chance of any wrong one among them is that at most.",
    )


def examples(
    evidence: Evidence, card: CounterfactualCard, rows: Sequence[Read]
) -> Sequence[Example]:
    """The pairs that differ most in the most changed attribute, in the direction of its mean."""
    if not rows or rows[0].difference.estimate is None:
        return []
    attribute, towards = rows[0].attribute, np.sign(rows[0].difference.estimate.value)
    changes = attribute.malignant - attribute.benign
    order = np.argsort(np.where(attribute.used, -towards * changes, np.inf), kind="stable")
    most = [int(index) for index in order[:SHOWN] if attribute.used[index]]
    answers, pictures = counterfactuals(evidence, card), pairs(evidence, card)
    gain = shared_gain((pictures[index, 0], pictures[index, 1]) for index in most)
    return [
        Example(
            evidence.records[index].id,
            _title(attribute, index),
            pair_panels(
                evidence.picture(index),
                pictures[index, 0],
                pictures[index, 1],
                scores=(answers.own[index], answers.score[index, 0], answers.score[index, -1]),
                gain=gain,
            ),
        )
        for index in most
    ]


def _two_sided(found: stats.Estimate) -> float:
    return min(1.0, 2 * min(found.p_above(0.0), found.p_below(0.0)))


def _row(one: Read) -> list[str]:
    attribute, used = one.attribute, one.attribute.used
    sides = (attribute.reference, attribute.benign, attribute.malignant)
    means = [f"{side[used].mean():.3g}" if used.any() else "none" for side in sides]
    return [
        attribute.quantity.name,
        attribute.quantity.unit,
        *means,
        interval_cell(one.difference.estimate, "+.3g"),
        interval_cell(one.standardised.estimate, "+.2f"),
        interval_cell(one.higher.estimate, ".2f"),
        str(int(used.sum())),
        "none" if one.adjusted is None else f"{one.adjusted:.2g}",
        one.predominant,
        attribute.quantity.meaning,
    ]


def _title(attribute: Attribute, index: int) -> str:
    name, unit = attribute.quantity.name, attribute.quantity.unit
    benign, malignant = attribute.benign[index], attribute.malignant[index]
    return (
        f"{name}: {benign:.3g} in the benign, {malignant:.3g} in the malignant counterfactual "
        f"({malignant - benign:+.3g}; {unit})"
    )
