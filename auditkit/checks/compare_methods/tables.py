"""The comparison as people read it: the critical-difference diagram and tables."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from auditkit import stats
from auditkit.checks.compare_methods.blocks import Blocks
from auditkit.checks.measuring import worded
from auditkit.checks.plausible import how_scored
from auditkit.errors import AuditError
from auditkit.findings import Figure, Findings, Series, Table
from auditkit.spec.declarations.compare_methods import PLAUSIBLE, REMOVAL, CompareMethods

ALPHA = 0.05
NONE = "not evaluable"


def ranks_figure(blocks: Blocks, parameters: CompareMethods) -> Figure:
    """Mean ranks with Nemenyi's critical difference."""
    series, difference = [], None
    if len(blocks) >= 2:
        means = [blocks.mean_rank(label) for label in blocks.labels]
        series.append(
            Series(
                "mean rank",
                list(map(float, range(len(means)))),
                [mean.value for mean in means],
                [mean.low for mean in means],
                [mean.high for mean in means],
            )
        )
        difference = stats.critical_difference(len(means), len(blocks), alpha=ALPHA)
    return Figure(
        "mean_ranks",
        f"Mean ranks of heatmap methods by {parameters.metric}",
        "ranks",
        "method",
        "mean rank over patients (1 is best)",
        series,
        "Bars join methods whose mean ranks differ by less than the critical difference (CD) of Nemenyi's "
        "test at 5 %. It depends on which methods are compared: for two of them, read the table of pairs.",
        labels=blocks.labels,
        critical_difference=difference,
    )


def ranks_table(blocks: Blocks, findings: Findings, parameters: CompareMethods) -> Table:
    """Methods from the best to the worst mean rank."""
    ranks = blocks.ranks().mean(axis=0) if len(blocks) >= 2 else np.zeros(len(blocks.labels))
    rows = []
    for place in np.argsort(ranks, kind="stable"):
        label = blocks.labels[int(place)]
        mean = f"{blocks.values[:, place].mean():.3f}" if len(blocks) else NONE
        rows.append([label, worded(findings.find(f"{label}.mean_rank", {})), mean])
    better = "largest" if parameters.larger_is_better else "smallest"
    caption = (
        f"Rank 1 has the {better} {parameters.metric}. {len(blocks)} patients with {blocks.images} of "
        f"{blocks.planned} images, those on which every method can be evaluated."
    )
    if parameters.metric in PLAUSIBLE:
        caption += f" {how_scored(parameters)}"
    elif parameters.metric not in REMOVAL:
        caption += f" {parameters.region_wording}"
    columns = ["method", "mean rank", f"mean {parameters.metric}"]
    return Table("ranks", "Methods by mean rank", columns, rows, caption)


def test_table(blocks: Blocks) -> Table:
    """Friedman's test in both forms."""
    rows = [["patients", str(len(blocks)), ""]]
    try:
        found = stats.friedman(blocks.ranks())
    except AuditError as reason:
        rows.append(["Friedman", f"{NONE}: {reason}", ""])
    else:
        k, n = len(blocks.labels), found.blocks
        f = f"{found.f_statistic:.2f}" if math.isfinite(found.f_statistic) else "∞"
        rows += [
            [f"Friedman χ²({k - 1})", f"{found.statistic:.2f}", p_value(found.p_value)],
            [f"Iman–Davenport F({k - 1}, {(k - 1) * (n - 1)})", f, p_value(found.f_p_value)],
            ["Kendall's W", f"{found.kendall_w:.3f}", p_value(found.permutation_p_value)],
            [
                "critical difference at 5 %",
                f"{stats.critical_difference(k, n, alpha=ALPHA):.3f}",
                "",
            ],
        ]
    caption = (
        "Is there any difference between the methods? The p-value beside W comes from permutations within "
        "patients and holds for any number of them; those of χ² and F are approximations."
    )
    return Table("test", "Friedman's test", ["quantity", "value", "p"], rows, caption)


def pairs_table(blocks: Blocks, findings: Findings, parameters: CompareMethods) -> Table:
    """Every pair: effects, and Wilcoxon's p-value before and after Holm's correction."""
    pairs = list(combinations(blocks.labels, 2)) if len(blocks) >= 2 else []
    tests = [stats.signed_ranks(blocks.differences(a, b)) for a, b in pairs]
    adjusted = stats.holm([test.p_value for test in tests])
    rows = []
    for place in np.argsort(adjusted, kind="stable"):
        (a, b), test = pairs[int(place)], tests[int(place)]
        rows.append(
            [
                f"{a}, {b}",
                worded(findings.find(f"{a}.over.{b}", {})),
                worded(findings.find(f"{a}.minus.{b}", {})),
                p_value(test.p_value),
                p_value(float(adjusted[place])),
                test.method,
            ]
        )
    columns = ["pair", "first is better", "mean difference", "p", "p after Holm", "how"]
    caption = (
        "Probability that the first method is better in a patient; mean over patients of first minus "
        f"second {parameters.metric}; two-sided p-value of Wilcoxon's signed ranks over patients, and after "
        f"Holm's correction over all pairs. {len(blocks)} patients."
    )
    return Table("pairs", "Pairs of methods", columns, rows, caption)


def groups_table(
    column: str, values: Sequence[str], findings: Findings, labels: Sequence[str]
) -> Table:
    """Mean ranks within each group, and whether the group ranks as the others do."""
    names = {f"{label}.mean_rank": label for label in labels}
    names["rank_agreement.group"] = "τ_b with all others"
    found = {name: [findings.find(name, {column: value}) for value in values] for name in names}
    rows = [[title, *map(worded, found[name])] for name, title in names.items()]
    ranked = [each.estimate if each else None for each in next(iter(found.values()))]
    counts = [f"{each.clusters} ({each.n})" if each else "too few" for each in ranked]
    rows.insert(0, ["patients (images)", *counts])
    caption = "The last row is Kendall's tau-b between the ranking in the group and that among all others."
    return Table("groups", f"Mean ranks by {column}", ["method", *values], rows, caption)


def p_value(p: float) -> str:
    """With two significant digits, bounded below."""
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.4f}" if p < 0.01 else f"{p:.2f}"
