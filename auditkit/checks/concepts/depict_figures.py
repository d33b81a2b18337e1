"""Importances as figures: with intervals, over sampled permutations, over the share that is permuted."""

import numpy as np

from auditkit.checks.concepts.importance import Ranked
from auditkit.checks.concepts.target import UNITS
from auditkit.evidence.kinds import Floats
from auditkit.findings import Figure, Series
from auditkit.metrics import drop_curve, sampled_importance
from auditkit.spec.declarations.depict import Depict

SHARES = np.linspace(0, 1, 11)
MOST_CURVES = 6


def forest(ranked: Ranked) -> Figure:
    """Importances with intervals, the largest first."""
    known = ranked.found.estimates if ranked.found else {}
    found = [(float(i), known[name]) for i, name in enumerate(ranked.names) if name in known]
    series = Series(
        ranked.target.evidence.card.model,
        [i for i, _ in found],
        [one.value for _, one in found],
        [one.low for _, one in found],
        [one.high for _, one in found],
    )
    return Figure(
        "importance",
        "Importance of concepts",
        "forest",
        "concept",
        f"{UNITS[ranked.target.metric]} lost when the concept is permuted",
        [series] if found else [],
        "Expected over all permutations; lines are 95 % intervals over patients. Right of zero, the model's "
        "performance on these data rests on the concept.",
        zero=True,
        labels=ranked.names,
    )


def boxplots(ranked: Ranked, parameters: Depict) -> Figure:
    """Importances under sampled permutations, as the paper's Figure 3 shows them."""
    names = [name for name in ranked.names if name in ranked.blocks and ranked.found]
    summaries = [_summary(_sampled(ranked, name, parameters)) for name in names]
    places = [float(i) for i in range(len(names))]
    lines = ["lower whisker", "lower quartile", "median", "upper quartile", "upper whisker"]
    series = [
        Series(line, places, [five[i] for five, _ in summaries]) for i, line in enumerate(lines)
    ]
    beyond = [(place, x) for place, (_, out) in zip(places, summaries, strict=True) for x in out]
    series.append(Series("outliers", [place for place, _ in beyond], [x for _, x in beyond]))
    return Figure(
        "permutations",
        f"Importance under {parameters.permutations} sampled permutations",
        "boxes",
        "concept",
        f"{UNITS[ranked.target.metric]} lost",
        series if names else [],
        "Median, quartiles, whiskers to the last value within 1.5 interquartile ranges. The spread is that "
        "of single permutations of these images: no interval for other images.",
        zero=True,
        labels=names,
    )


def drop_curves(ranked: Ranked) -> Figure:
    """Expected performance while a growing share of the images takes part in the permutation."""
    names = [name for name in ranked.names if name in ranked.blocks and ranked.found]
    target, series = ranked.target, []
    for name in names[:MOST_CURVES]:
        block = ranked.blocks[name]
        curve = drop_curve(target.labels, block.answers, block.own, SHARES, metric=target.metric)
        series.append(Series(name, SHARES.tolist(), curve.tolist()))
    left_out = len(names) - len(series)
    more = f" The {left_out} least important concepts are left out." if left_out else ""
    return Figure(
        "drop",
        "Performance while images are permuted",
        "lines",
        "share of the images that are permuted",
        UNITS[target.metric],
        series,
        f"Expected over all choices of images and all their permutations.{more}",
    )


def _sampled(ranked: Ranked, name: str, parameters: Depict) -> Floats:
    target, block = ranked.target, ranked.blocks[name]
    return sampled_importance(
        target.labels,
        target.plain,
        block.answers,
        block.own,
        parameters.permutations,
        parameters.seed,
        metric=target.metric,
    )


def _summary(values: Floats) -> tuple[list[float], list[float]]:
    """Whisker, quartile, median, quartile, whisker; and what lies beyond the whiskers."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    reach = 1.5 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    beyond = values[(values < low - reach) | (values > high + reach)]
    five = [inside.min(), low, median, high, inside.max()]
    return [float(x) for x in five], sorted(float(x) for x in beyond)
