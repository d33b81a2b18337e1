"""Check `ratings`: do physicians agree about heatmaps, and do FP and MSFI stand for their judgement?

Jin et al. (arXiv:2202.10553), section 5.3.1: Krippendorff's alpha and Fleiss' kappa between physicians, and
Pearson's correlation of their mean rating of a heatmap with its FP and its MSFI.

Deviates: everything has an interval over patients (the paper has none for agreement, and counts the
heatmaps of one patient as independent); gaps are allowed, and what could not be used is counted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring, worded
from auditkit.checks.plausible import how_scored
from auditkit.checks.rated import NO_RECORD, NOT_RATED, Rated, rated
from auditkit.checks.rated_scores import Scored, scored
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import Figure, Findings, Measurement, Series, Table
from auditkit.metrics.rater_agreement import RELIABLE, TENTATIVE, alpha_estimate, kappa_estimate
from auditkit.spec.declarations.ratings import RATINGS, Ratings
from auditkit.spec.ratings_card import RatingsCard

Floats = npt.NDArray[np.float64]


def ratings(evidence: Evidence, parameters: Ratings) -> Findings:
    """Agreement between raters, and what their mean rating has in common with FP and MSFI.

    Raises:
        Unavailable: the table is about other data or another model.
        AuditError: the table is not what its card says, or does not fit the data set.
    """
    card = evidence.ratings(parameters.ratings)
    table = rated(evidence, parameters, card)
    measurer = _Measurer(Measuring.of(RATINGS, parameters, table.planned))
    scores = scored(evidence, parameters, table)
    findings = Findings(list(_agreement(evidence, parameters, table, measurer)))
    findings.measurements += [_correlation(one, measurer) for one in scores]
    findings.tables += [
        _agreement_table(findings, table),
        _correlation_table(findings, parameters),
        _method_table(parameters, scores, card),
    ]
    findings.figures.append(_figure(scores[0], card))
    findings.notes += [*_notes(card, table), *fitness_notes(evidence, parameters.methods)]
    return findings


@dataclass(frozen=True)
class _Measurer:
    """Makes measurements that are no averages over heatmaps."""

    measuring: Measuring

    def __call__(
        self, name: str, estimate: Callable[[], stats.Estimate], skipped: Iterable[str]
    ) -> Measurement:
        """A measurement; nothing bounds what one heatmap that is missing would do to it."""
        reasons = list(skipped)
        found = self.measuring(name, estimate, skipped=reasons)
        return replace(found, affected=1.0 if reasons else 0.0)


def _agreement(
    evidence: Evidence, parameters: Ratings, table: Rated, measurer: _Measurer
) -> Iterator[Measurement]:
    patients = evidence.patients[table.images]
    alpha = partial(alpha_estimate, table.values, parameters.level, patients)
    yield measurer("alpha", alpha, _too_few(table, 2, "rated by one person only"))
    kappa = partial(kappa_estimate, table.values, patients)
    everybody = max(2, len(table.raters))
    yield measurer("kappa", kappa, _too_few(table, everybody, "not rated by everybody"))


def _too_few(table: Rated, needed: int, reason: str) -> Iterator[str]:
    yield from [NO_RECORD] * table.unknown
    for count in table.counts.tolist():
        if count < needed:
            yield reason if count else NOT_RATED


def _correlation(one: Scored, measurer: _Measurer) -> Measurement:
    name = f"{one.score}_correlation"
    if not one.found:
        reason = "none of the methods can be asked of the model"
        return measurer.measuring.inapplicable(name, reason)
    skipped = [NO_RECORD] * one.table.unknown + [reason for reason in one.reasons if reason]
    found = measurer(name, one.correlation, [*skipped, *one.unseen])
    return replace(found, planned=found.planned + len(one.unseen))


def _agreement_table(findings: Findings, table: Rated) -> Table:
    rows = []
    for name, title in (("alpha", "Krippendorff's alpha"), ("kappa", "Fleiss' kappa")):
        found = findings[name]
        used = found.estimate.n if found.estimate else 0
        unused = str(sum(found.not_evaluable.values()))
        reading = _reading(found) if name == "alpha" else ""
        rows.append([title, worded(found), str(len(table.raters)), str(used), unused, reading])
    columns = ["", "agreement", "raters", "heatmaps", "not evaluable", "reading"]
    caption = (
        "1 is perfect agreement, 0 that of chance; 95 % intervals over patients, by these raters. "
        f"Krippendorff's cut-offs: from {RELIABLE:g} ratings can be relied on, from {TENTATIVE:g} they allow "
        "tentative conclusions, below that none. Kappa takes ratings as names: neighbours on the scale "
        "count as disagreement."
    )
    return Table("agreement", "Agreement between raters", columns, rows, caption)


def _reading(found: Measurement) -> str:
    if found.estimate is None:
        return found.reason
    low, high = found.estimate.low, found.estimate.high
    if low >= RELIABLE:
        return "reliable"
    if high < TENTATIVE:
        return "not reliable"
    return "tentative" if low >= TENTATIVE else "undecided"


def _correlation_table(findings: Findings, parameters: Ratings) -> Table:
    rows = []
    for score in ("msfi", "fp"):
        found = findings[f"{score}_correlation"]
        used = found.estimate.n if found.estimate else 0
        unused = str(sum(found.not_evaluable.values()))
        rows.append([score.upper(), worded(found), str(used), unused, found.reason])
    columns = ["mean rating with", "Pearson's r", "heatmaps", "not evaluable", "why not"]
    caption = (
        "Over the heatmaps of all methods; the heatmaps of one patient are a cluster. "
        f"{how_scored(parameters)}"
    )
    return Table("correlation", "Ratings and plausibility", columns, rows, caption)


def _method_table(parameters: Ratings, scores: Sequence[Scored], card: RatingsCard) -> Table:
    rows = []
    for method in parameters.methods:
        bounds = card.scale.low, card.scale.high
        means = scores[0].table.means
        cells = [_mean(scores[0], means, method.label, bounds)]
        cells += [_mean(one, _values(one), method.label, (0.0, 1.0)) for one in scores]
        count = sum(label == method.label for label in scores[0].table.methods)
        rows.append([method.label, str(count), *cells])
    columns = ["method", "heatmaps", "mean rating", *(one.score.upper() for one in scores)]
    caption = f"Scale of the ratings: {card.scale.wording}. 95 % intervals over patients."
    return Table("methods", "Ratings by method", columns, rows, caption)


def _mean(one: Scored, values: Floats, method: str, bounds: tuple[float, float]) -> str:
    rows = np.isfinite(values) & (np.array(one.table.methods) == method)
    if not rows.any():
        return "not evaluable"
    try:
        found = stats.mean(values[rows], one.patients[rows], bounds=bounds)
    except AuditError:
        return f"{values[rows].mean():.3f} (one patient)"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _values(one: Scored) -> Floats:
    try:
        return one.values()
    except AuditError:
        return np.full(len(one.reasons), np.nan)


def _figure(one: Scored, card: RatingsCard) -> Figure:
    values, means = _values(one), one.table.means
    labels = np.array(one.table.methods)
    series = []
    for label in dict.fromkeys(one.table.methods):
        rows = np.isfinite(values) & (labels == label)
        if rows.any():
            series.append(Series(label, values[rows].tolist(), means[rows].tolist()))
    return Figure(
        "ratings",
        "Ratings against plausibility",
        "points",
        "MSFI",
        f"mean rating ({card.scale.wording})",
        series,
        "One point per heatmap: the mean over its raters.",
    )


def _notes(card: RatingsCard, table: Rated) -> Iterator[str]:
    if card.stand_in:
        yield f"Not ratings by physicians: {card.stand_in}"
    if card.description:
        yield card.description.strip()
    for why, count in sorted(table.others.items()):
        yield f"Left out: {count} rating{'s' if count != 1 else ''} {why}."
