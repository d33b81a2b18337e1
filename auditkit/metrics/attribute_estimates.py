"""Scores of noted attributes with intervals over patients, and directions that cannot be excluded."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.attribute_scores import (
    FACTOR,
    SIDES,
    Bools,
    Side,
    benign_side,
    checked,
    displayed_size,
    malignant_side,
    predominant,
)
from auditkit.stats import Choice, Estimate, proportion
from auditkit.stats.inputs import half_alpha

Owners = npt.NDArray[np.generic]

ON_DIRECTION = 0.1
"""Share of the error of a displayed size's interval that is spent on excluding directions."""

_MOSTLY = FACTOR / (FACTOR + 1)


@dataclass(frozen=True)
class AttributeEstimates:
    """One attribute in the pairs of one model.

    Attributes:
        score: the displayed size.
        benign: share with more of it in the benign picture.
        malignant: share with more of it in the malignant picture.
        noted: share with any direction.
        direction: where it predominates, and what else the data leave possible.
    """

    score: Estimate
    benign: Estimate
    malignant: Estimate
    noted: Estimate
    direction: Choice


def attribute_estimates(
    s: ArrayLike,
    assessed: ArrayLike,
    patients: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> tuple[AttributeEstimates, ...]:
    r"""The sides, sizes and directions of `attribute_scores`, each with an interval over patients.

    Experts are fixed: the intervals are about further patients, looked at by these experts. A share is a
    clustered proportion (`auditkit.stats.proportion`: Clopper-Pearson at the effective number), in
    which all that experts answered to pairs of one patient is one cluster. Two experts who note the same are
    thus hardly more than one, and 0 of n has an upper limit above 0 that rests on the patients alone.

    Direction. Among what was noted on a side, q = benign / (benign + malignant) has such an interval too;
    benign predominates where q > 2/3, malignant where q < 1/3, and

        p(benign) = p(H0: q >= 2/3),  p(malignant) = p(H0: q <= 1/3),
        p(neither) = min(p(H0: q <= 2/3), p(H0: q >= 1/3)).

    Displayed size. It jumps where the predominant direction changes (from the score of one side to three
    quarters of it), so that no interval round one of the three quantities is honest. It is t or less only if
    some direction d is the true one and its quantity theta_d is t or less; with both hypotheses tested at
    a part of the error (w = 0.1 for the direction),

        p(H0: size <= t) = max_d min(p(H0: theta_d <= t) / (1 - w), p(d) / w),

    and likewise above: the union of the intervals of all directions that are not excluded at w times the
    error rate. The quantity of "neither" is the share of both sides' entries, taken as single observations.

    Source: DeGrave et al., doi:10.1038/s41551-023-01160-9, who give no intervals.

    Args:
        s: bool (E, I, A, 5), as for `attribute_scores`.
        assessed: bool (E, I).
        patients: (I,) patient of each pair; None if every pair is another patient.
        level: two-sided confidence level.

    Returns:
        One per attribute. ``n`` counts pairs and experts; ``clusters`` patients.

    Raises:
        AuditError: as `attribute_scores`; not one patient for each pair.

    Example:
        >>> s = np.zeros((1, 60, 1, 5), dtype=bool)  # nobody noted anything
        >>> found = attribute_estimates(s, np.ones((1, 60), dtype=bool))[0]
        >>> round(found.benign.high, 4), found.direction.candidates
        (0.0596, ('neither', 'benign', 'malignant'))
    """
    noted, counted = checked(s, assessed)
    owners = _owners(patients, counted)
    entries = noted[counted]
    return tuple(_estimated(entries[:, a], owners, level) for a in range(noted.shape[2]))


def _estimated(entries: Bools, owners: Owners, level: float) -> AttributeEstimates:
    """Of one attribute; entries (N, 5) of pairs and experts that were assessed."""
    benign, malignant = benign_side(entries), malignant_side(entries)
    direction = _direction(benign, malignant, owners, level)
    return AttributeEstimates(
        score=_displayed(benign, malignant, owners, direction, level),
        benign=proportion(benign, owners, level=level),
        malignant=proportion(malignant, owners, level=level),
        noted=proportion(entries.any(axis=1), owners, level=level),
        direction=direction,
    )


def _owners(patients: ArrayLike | None, counted: Bools) -> Owners:
    """The patient of every (expert, pair) that was assessed."""
    pairs = counted.shape[1]
    ids = np.arange(pairs) if patients is None else np.asarray(patients)
    if ids.shape != (pairs,):
        raise AuditError(
            f"patients has shape {ids.shape}; one for each of {pairs} pairs was expected"
        )
    owners: Owners = np.broadcast_to(ids, counted.shape)[counted]
    return owners


def _direction(benign: Bools, malignant: Bools, owners: Owners, level: float) -> Choice:
    value = predominant(benign.sum(), malignant.sum())
    p_values: dict[Side, float] = dict.fromkeys(SIDES, 1.0)
    count = np.unique(owners).size
    method = "nothing was noted on either side"
    if benign.any() or malignant.any():
        # Whoever noted both sides in one pair is counted on both.
        sides = np.repeat([True, False], [benign.sum(), malignant.sum()])
        share = proportion(sides, np.concatenate([owners[benign], owners[malignant]]), level=level)
        p_values = {
            "benign": share.p_below(_MOSTLY),
            "malignant": share.p_above(1 - _MOSTLY),
            "neither": min(share.p_above(_MOSTLY), share.p_below(1 - _MOSTLY)),
        }
        p_values[value] = 1.0
        method = (
            f"share of benign among what was noted on a side, against 1/3 and 2/3: {share.method}"
        )
    named: Mapping[str, float] = {side: p_values[side] for side in SIDES}
    others = [side for side in SIDES if side != value and p_values[side] > half_alpha(level)]
    return Choice(value, (value, *others), named, int(benign.size), int(count), method)


def _displayed(
    benign: Bools, malignant: Bools, owners: Owners, direction: Choice, level: float
) -> Estimate:
    """The displayed size, honest across the switch of direction."""
    sides = {
        "benign": benign,
        "malignant": malignant,
        "neither": np.concatenate([benign, malignant]),
    }
    half = half_alpha(level)
    inner = 1 - 2 * half * (1 - ON_DIRECTION)
    quantities = {
        side: proportion(values, np.resize(owners, values.size), level=inner)
        for side, values in sides.items()
    }
    size = displayed_size(benign.sum(keepdims=True), malignant.sum(keepdims=True))[0] / benign.size
    possible = [
        quantities[side]
        for side, p_value in direction.p_values.items()
        if p_value / ON_DIRECTION > half
    ]
    method = f"union over {len(possible)} of 3 directions, each {possible[0].method}"
    return Estimate(
        float(size),
        min(one.low for one in possible),
        max(one.high for one in possible),
        level,
        int(benign.size),
        direction.clusters,
        method,
        _SwitchingTail(quantities, direction.p_values),
    )


@dataclass(frozen=True)
class _SwitchingTail:
    """A quantity that is one of several, of which it is not known which."""

    quantities: Mapping[str, Estimate]
    p_values: Mapping[str, float]

    def __call__(self, t: float) -> tuple[float, float]:
        """p-values of H0: size <= t and of H0: size >= t."""
        found = [
            np.minimum(
                np.array(one.tail(t)) / (1 - ON_DIRECTION), self.p_values[side] / ON_DIRECTION
            )
            for side, one in self.quantities.items()
        ]
        above, below = np.minimum(np.max(found, axis=0), 1.0)
        return float(above), float(below)
