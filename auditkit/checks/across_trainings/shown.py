"""delta-AUPC by method and training, as the paper's Table 2 has it, and as a forest."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from auditkit.checks.across_trainings.trained import Trained
from auditkit.checks.measuring import decimals, worded
from auditkit.errors import AuditError
from auditkit.findings import Figure, Findings, Series, Table
from auditkit.stats import Estimate

_SPREAD = 0.3  # of a row of the forest, over which its trainings lie


def table(methods: Sequence[Trained], fill: str, findings: Findings) -> Table:
    """A row per method, a column per training."""
    names = methods[0].names if methods else []
    rows = []
    for one in methods:
        at, label = {"fill": fill}, one.method.label
        mean = findings.find(f"{label}.mean_delta_aupc", at)
        deviation = findings.find(f"{label}.sd_delta_aupc", at)
        cells = [_cell(found) for found in _each(one)] or ["not evaluable"] * len(names)
        count, lost = int(one.kept.sum()), len(one.skipped)
        rows.append([label, *cells, worded(mean), worded(deviation), str(count), str(lost)])
    return Table(
        f"delta_aupc_{fill}",
        f"ΔAUPC by method and training, filled with {fill}",
        ["method", *names, "mean", "standard deviation", "n", "not evaluable"],
        rows,
        "Intervals: of a training over patients, of the mean over trainings and patients, of the standard "
        "deviation over trainings.",
    )


def figure(methods: Sequence[Trained], fill: str) -> Figure:
    """All trainings of a method in one row."""
    found = [(place, _each(one)) for place, one in enumerate(methods)]
    names = methods[0].names if methods else []
    series = []
    for k, name in enumerate(names):
        shift = _SPREAD * (k / (len(names) - 1) - 0.5)
        own = [(place + shift, each[k]) for place, each in found if each]
        if own:
            series.append(
                Series(
                    name,
                    [place for place, _ in own],
                    [one.value for _, one in own],
                    [one.low for _, one in own],
                    [one.high for _, one in own],
                )
            )
    return Figure(
        f"across_trainings_{fill}",
        f"ΔAUPC of every training, filled with {fill}",
        "forest",
        "method",
        "ΔAUPC",
        series,
        "Lines are 95 % intervals over patients, the same for all trainings.",
        zero=True,
        labels=[one.method.label for one in methods],
    )


def notes(methods: Sequence[Trained]) -> Iterator[str]:
    """Which training is the worst for whom, and trainings that may be one network."""
    values = [one.values() for one in methods if _each(one)]
    known = [one for one in methods if _each(one)]
    for one, own in zip(known, values, strict=True):
        if own.min() <= 0 < own.mean():
            yield (
                f"{one.method.label}: ΔAUPC is above 0 on average over trainings and filled with {one.fill}, "
                f"but not for '{one.names[int(own.argmin())]}'."
            )
    if not values:
        return
    together = np.stack(values)
    for k, j in combinations(range(together.shape[1]), 2):
        if (together[:, k] == together[:, j]).all():
            first, second = methods[0].names[k], methods[0].names[j]
            yield (
                f"'{first}' and '{second}' have the same ΔAUPC throughout: are they one network? Intervals "
                "hold for different trainings only."
            )


def _each(one: Trained) -> list[Estimate]:
    """Estimates of all trainings; none where there are none."""
    try:
        return one.each
    except AuditError:  # the measurements say why
        return []


def _cell(found: Estimate) -> str:
    return f"{decimals(found.value)} [{decimals(found.low)}, {decimals(found.high)}]"
