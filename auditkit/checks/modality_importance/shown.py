"""Importances and what heatmaps say of them, as a figure and tables."""

from collections.abc import Sequence
from math import factorial

from auditkit.checks.measuring import decimals, worded
from auditkit.checks.modality_importance.heat import Heat
from auditkit.checks.modality_importance.importance import Importance
from auditkit.findings import Figure, Findings, Series, Table
from auditkit.metrics.answered import UNITS
from auditkit.metrics.modalities import subset_members
from auditkit.stats import Estimate

SIGNIFICANT = 0.05


def forest(importance: Importance) -> Figure:
    """Shapley values with intervals, the largest first."""
    names, series = importance.names, []
    if importance.found is not None:
        found = [importance.found.estimates[name] for name in names]
        series.append(
            Series(
                importance.evidence.card.model,
                [float(i) for i in range(len(names))],
                [one.value for one in found],
                [one.low for one in found],
                [one.high for one in found],
            )
        )
    unit = UNITS[importance.answered.performance]
    return Figure(
        "modality_importance",
        "Importance of modalities",
        "forest",
        "modality",
        f"Shapley value, {unit}",
        series,
        f"A modality is taken away by {importance.ablation.wording}. Lines are 95 % intervals over patients.",
        zero=True,
        labels=names,
    )


def subsets_table(importance: Importance) -> Table:
    """The performance with every subset of the modalities, none first."""
    unit = UNITS[importance.answered.performance]
    rows = []
    if importance.found is not None:
        modalities = importance.found.modalities
        order = range(len(importance.found.subsets))
        for subset in sorted(order, key=lambda c: (c.bit_count(), c)):
            names = [modalities[m] for m in subset_members(subset, len(modalities))]
            one = importance.found.subsets[subset]
            rows.append([" + ".join(names) or "none", _cell(one), str(one.n)])
    caption = (
        f"All others are taken away by {importance.ablation.wording}. Shapley values add up to the last row "
        "minus the first."
    )
    return Table(
        "subsets", "Performance by subset of modalities", ["modalities", unit, "n"], rows, caption
    )


def heat_tables(heats: Sequence[Heat], findings: Findings) -> list[Table]:
    """Correlations, and where the positive heat lies."""
    if not heats:
        return []
    names = heats[0].importance.names
    order = list(heats[0].importance.evidence.modalities)
    correlations, shares = [], []
    for heat in heats:
        own = findings[f"{heat.label}.mi_correlation"]
        mean = findings[f"{heat.label}.mean_mi_correlation"]
        lost = sum(own.not_evaluable.values())
        count = str(own.planned - lost)
        correlations.append([heat.label, worded(own), worded(mean), count, str(lost)])
        cells = [decimals(heat.means[order.index(name)]) for name in names]
        where = cells if heat.there.any() else ["not evaluable"] * len(names)
        shares.append([heat.label, *where, str(int(heat.there.sum()))])
    columns = ["method", "mean over cases", "of the mean map", "n", "not evaluable"]
    caption = "Kendall's tau-b between modality sums of positive heat and Shapley values."
    return [
        Table("mi_correlation", "MI correlation by method", columns, correlations, caption),
        Table(
            "heat_by_modality",
            "Share of the positive heat by modality",
            ["method", *names, "n"],
            shares,
            "Mean over cases; modalities from the most to the least important.",
        ),
    ]


def notes(importance: Importance, heats: Sequence[Heat]) -> list[str]:
    """What a reader must know."""
    count = len(importance.evidence.modalities)
    smallest = 2 / factorial(count)
    if not heats or smallest <= SIGNIFICANT:
        return []
    text = (
        f"With {count} modalities the exact two-sided p-value of Kendall's tau is never below "
        f"{min(smallest, 1.0):.2g}: no single case's correlation can be significant, only their mean."
    )
    return [text]


def _cell(found: Estimate) -> str:
    return f"{decimals(found.value)} [{decimals(found.low)}, {decimals(found.high)}]"
