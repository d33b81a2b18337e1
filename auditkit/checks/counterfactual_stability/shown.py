"""Attributes by training, for people: a table and a forest with a series per training."""

from collections.abc import Iterator, Sequence

import numpy as np

from auditkit.checks.counterfactual_stability.profile import Profile
from auditkit.checks.counterfactual_stability.trained import Retrained
from auditkit.checks.measuring import worded
from auditkit.errors import AuditError
from auditkit.findings import Figure, Findings, Measurement, Series, Table
from auditkit.stats import Estimate

_SPREAD = 0.5  # of a row of the forest, over which its trainings lie


def table(every: Sequence[Retrained], findings: Findings) -> Table:
    """A row per attribute, a column per training."""
    names = every[0].names
    rows = []
    for one in every:
        name, used = one.quantity.name, one.used
        cells = [_estimated(found) for found in _each(one)] or ["not evaluable"] * len(names)
        measured = [
            _signed(findings[f"mean_difference[{name}]"]),
            worded(findings[f"sd_difference[{name}]"], _short),
            _signed(findings[f"smallest_difference[{name}]"]),
        ]
        rows.append([name, one.quantity.unit, *cells, *measured, str(int(used.sum()))])
    return Table(
        "trainings",
        "Malignant minus benign, by attribute and training",
        ["attribute", "unit", *names, "mean", "standard deviation", "smallest", "n"],
        rows,
        "95 % intervals: of a training and of the smallest over patients, of the mean over trainings and "
        "patients, of the standard deviation over trainings. Smallest, in the direction in which it is "
        "larger: above 0, all trainings have one sign.",
    )


def figure(profile: Profile) -> Figure:
    """All trainings of an attribute in one row, the largest mean first."""
    known = profile.known
    means = profile.values.mean(axis=0) if known else np.zeros(0)
    order = np.argsort(-np.abs(means), kind="stable")
    names = known[0].names if known else []
    each = [_scaled(known[i]) for i in order]
    series = [
        Series(
            name,
            [place + _SPREAD * (k / (len(names) - 1) - 0.5) for place in range(len(each))],
            [row[k][0] for row in each],
            [row[k][1] for row in each],
            [row[k][2] for row in each],
        )
        for k, name in enumerate(names)
    ]
    return Figure(
        "trainings",
        "What every training says",
        "forest",
        "attribute",
        "malignant minus benign, in standard deviations between images",
        series,
        "Lines are 95 % intervals of the difference over patients, the same patients for all trainings.",
        zero=True,
        labels=[known[i].quantity.name for i in order],
    )


def notes(profile: Profile) -> Iterator[str]:
    """Attributes that trainings disagree about, and such as are in no profile."""
    for one in profile.known:
        each = _each(one)
        if any(found.low > 0 for found in each) and any(found.high < 0 for found in each):
            above = [n for n, found in zip(one.names, each, strict=True) if found.low > 0]
            below = [n for n, found in zip(one.names, each, strict=True) if found.high < 0]
            yield (
                f"{one.quantity.name}: more in the malignant counterfactual by {', '.join(above)}, "
                f"more in the benign one by {', '.join(below)}."
            )
    left_out = [one.quantity.name for one in profile.every if one not in profile.known]
    if left_out:
        yield (
            f"Not in the profile: {', '.join(left_out)} (not measured in two patients, or equal in all "
            "images)."
        )


def _scaled(one: Retrained) -> list[tuple[float, float, float]]:
    """Estimates and limits of all trainings in standard deviations between images."""
    deviation = float(one.each[0].reference[one.used].std(ddof=1))
    return [
        (found.value / deviation, found.low / deviation, found.high / deviation)
        for found in _each(one)
    ]


def _each(one: Retrained) -> list[Estimate]:
    """Estimates of all trainings; none where there are none."""
    try:
        return one.estimates()
    except AuditError:  # the measurements say why
        return []


def _estimated(found: Estimate) -> str:
    return f"{found.value:+.3g} [{found.low:+.3g}, {found.high:+.3g}]"


def _signed(measurement: Measurement) -> str:
    return "not evaluable" if measurement.estimate is None else _estimated(measurement.estimate)


def _short(value: float) -> str:
    return f"{value:.3g}"
