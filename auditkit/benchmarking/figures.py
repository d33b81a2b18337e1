"""The figures of a benchmark, as numbers: figures 3, 4, 6, 8, 11 and 12 of arXiv:2407.14509."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from auditkit.benchmarking.agreements import comparable
from auditkit.benchmarking.gathering import Gathered
from auditkit.benchmarking.importance import BOTTLENECK, CEILING, Ranked
from auditkit.benchmarking.result import AgreementResult, ChangeResult, Quantity
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats
from auditkit.findings import Figure, Series

SHOWN: Final = 4
"""Targets with boxplots, chosen at random as in figure 3."""

_FIVE: Final = (
    "lower whisker",
    "lower quartile",
    "median",
    "upper quartile",
    "upper whisker",
)
_REACH: Final = 1.5


def scatter(oracle: Ranked, methods: Sequence[Ranked], found: Sequence[AgreementResult]) -> Figure:
    """Every method's importance over the oracle's, a dot per target and concept."""
    known = {one.method: one for one in found if one.oracle == oracle.name}
    series = []
    for method in methods:
        columns, rows = comparable(oracle.importance, method.importance)
        chosen = np.ix_(rows, columns)
        name = f"{method.name}: r = {known[method.name].pearson.wording}"
        x, y = oracle.importance[chosen].reshape(-1), method.importance[chosen].reshape(-1)
        series.append(Series(name, x.tolist(), y.tolist()))
    return Figure(
        name=f"importance over {oracle.name}",
        title=f"Importance against {oracle.name}",
        kind="points",
        x_label=f"{oracle.name} ({oracle.unit})",
        y_label=", ".join(dict.fromkeys(method.unit for method in methods)),
        series=series,
        caption="A dot is one concept of one target; r is Pearson's correlation over all of them, its "
        "interval over targets.",
    )


def threshold_lines(oracle: str, found: Sequence[AgreementResult]) -> Figure:
    """AUROC of every method for the concepts above a threshold on the oracle."""
    series = []
    for one in _of(oracle, found):
        points = [(cut.threshold, cut.auroc) for cut in one.auroc if cut.auroc.value is not None]
        series.append(_line(one.method, [x for x, _ in points], [y for _, y in points]))
    return Figure(
        name=f"AUROC over thresholds on {oracle}",
        title=f"Telling important concepts, by {oracle}",
        kind="lines",
        x_label=f"threshold on {oracle}",
        y_label="AUROC",
        series=series,
        caption="Important is what exceeds the threshold; 0.5 is chance. Thresholds are quantiles of the "
        "oracle's importances by steps of 5 %.",
    )


def top_k_lines(oracle: str, found: Sequence[AgreementResult], concepts: int) -> Figure:
    """Agreement of every method's k most important concepts with the oracle's."""
    series = [
        _line(one.method, list(range(1, len(one.top_k) + 1)), one.top_k)
        for one in _of(oracle, found)
    ]
    ranks = list(range(1, concepts + 1))
    chance = Series("chance", ranks, [k / concepts for k in ranks], dashed=True)
    return Figure(
        name=f"top k of {oracle}",
        title=f"The k most important concepts, by {oracle}",
        kind="lines",
        x_label="k",
        y_label="share among the method's k",
        series=[*series, chance] if series else [],
    )


def boxes(method: Ranked, oracle: Ranked, found: Gathered, place: int) -> Figure:
    """What the importances of one target are means of, concepts in the order of the oracle."""
    assert method.draws is not None
    order = np.argsort(-oracle.importance[place], kind="stable")
    draws = method.draws(place)
    groups = [draws[np.isfinite(draws[:, d]), d] for d in order]
    summaries = [(row, *five_numbers(group)) for row, group in enumerate(groups) if group.size]
    series = [
        Series(name, [one[0] for one in summaries], [one[1][i] for one in summaries])
        for i, name in enumerate(_FIVE)
    ]
    beyond = [(one[0], value) for one in summaries for value in one[2]]
    if beyond:
        series.append(Series("beyond", [row for row, _ in beyond], [value for _, value in beyond]))
    target = found.targets[place].name
    each = (
        "image that shows the concept" if method.unit.startswith("mean") else "sampled permutation"
    )
    return Figure(
        name=f"{method.name} of {target}",
        title=f"{method.name}, {target}",
        kind="boxes",
        x_label="concept",
        y_label=method.unit,
        series=series,
        labels=[_labelled(found, oracle, place, int(d)) for d in order],
        caption=f"One value per {each}. In brackets, and in this order: {oracle.name}.",
        zero=True,
    )


def _labelled(found: Gathered, oracle: Ranked, place: int, concept: int) -> str:
    return f"{found.concepts[concept]} ({oracle.importance[place, concept]:.3f})"


def five_numbers(values: Floats) -> tuple[list[float], list[float]]:
    """Whisker, quartile, median, quartile, whisker, and what is beyond the whiskers (Tukey 1977).

    Whiskers end at the furthest values within 1.5 interquartile ranges of the quartiles.

    Example:
        >>> five_numbers(np.array([1.0, 2.0, 3.0, 4.0, 20.0]))
        ([1.0, 2.0, 3.0, 4.0, 4.0], [20.0])
    """
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    reach = _REACH * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    outside = np.sort(values[(values < low - reach) | (values > high + reach)])
    return [float(inside.min()), low, middle, high, float(inside.max())], outside.tolist()


def matrix(images: str, changes: Sequence[ChangeResult], concepts: Sequence[str]) -> Figure:
    """How well every concept is recognised when each is permuted."""
    own = {(one.permuted, one.judged): one.change for one in changes if one.images == images}
    series = []
    for judged in concepts:
        cells = [(row, own.get((permuted, judged))) for row, permuted in enumerate(concepts)]
        known = [(row, cell) for row, cell in cells if cell is not None]
        series.append(_line(judged, [row for row, _ in known], [cell for _, cell in known]))
    drawn = "by the true renderer" if images == CEILING else "generated"
    return Figure(
        name=f"independent permutation {images}",
        title=f"Independent permutation, images {drawn}",
        kind="matrix",
        x_label="permuted",
        y_label="AUROC lost, by judged concept",
        series=series,
        labels=list(concepts),
        reach=0.5,
        caption="A permuted concept is no longer recognised (the diagonal); the others still are.",
    )


def shown_targets(count: int, seed: int) -> list[int]:
    """Which targets have boxplots."""
    generator = np.random.default_rng(seed_of("benchmark shown targets", seed))
    chosen = generator.permutation(count)[:SHOWN]
    return sorted(chosen.tolist())


def every(
    found: Gathered,
    oracles: Sequence[Ranked],
    methods: Sequence[Ranked],
    agreements: Sequence[AgreementResult],
    changes: Sequence[ChangeResult],
    seed: int,
) -> list[Figure]:
    """All figures, in the order of the page."""
    # The ceiling would hide DEPICT in a figure; tables have it.
    drawn = [method for method in methods if method.name != CEILING]
    bottleneck = next(one for one in oracles if one.name == BOTTLENECK)
    figures = [scatter(oracle, drawn, agreements) for oracle in oracles]
    for oracle in oracles:
        figures.append(threshold_lines(oracle.name, agreements))
        figures.append(top_k_lines(oracle.name, agreements, len(found.concepts)))
    for place in shown_targets(len(found.targets), seed):
        figures += [boxes(method, bottleneck, found, place) for method in drawn]
    images = dict.fromkeys(one.images for one in changes)
    return figures + [matrix(one, changes, found.concepts) for one in images]


def _of(oracle: str, found: Sequence[AgreementResult]) -> list[AgreementResult]:
    return [one for one in found if one.oracle == oracle and one.top_k]


def _line(name: str, x: Sequence[float], y: Sequence[Quantity]) -> Series:
    values = [np.nan if one.value is None else one.value for one in y]
    low = [np.nan if one.low is None else one.low for one in y]
    high = [np.nan if one.high is None else one.high for one in y]
    return Series(name, list(x), values, low, high)
