"""One quantity of two releases, compared on the images that both were asked about."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.errors import AuditError
from auditkit.stats.differences import ReachTail, auroc_difference
from auditkit.stats.estimate import Estimate
from auditkit.stats.few_carriers import for_few_carriers, in_two_classes
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    Integers,
    at_least_two_clusters,
    cluster_images,
    finite_vector,
    half_alpha,
)
from auditkit.stats.means import UNBOUNDED, mean
from auditkit.stats.proportions import proportion
from auditkit.stats.reaches import reaches
from auditkit.stats.roc import auroc_influence, auroc_point
from auditkit.stats.sample import Sample
from auditkit.stats.sources import Source, WiderTail, combined
from auditkit.stats.tails import BoundedTail, Bounds, StudentTail

_UNIT, _SIGNED = (0.0, 1.0), (-1.0, 1.0)
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Paired:
    """What changed from an earlier release to a later one.

    Attributes:
        estimate: new minus old, on the images in both.
        old: the quantity of the earlier release on those images.
        new: the quantity of the later one on the same images.
        pairs: number of images in both.
        only_old: images of the earlier release alone.
        only_new: images of the later one alone.
        affected: share of what is averaged (images, or pairs of a positive and a negative) that the images
            of one release alone could move.
    """

    estimate: Estimate
    old: float
    new: float
    pairs: int
    only_old: int
    only_new: int
    affected: float


def paired_difference(
    old: Sample, new: Sample, *, bounds: Bounds = UNBOUNDED, level: float = 0.95
) -> Paired:
    r"""The later release minus the earlier one, on the same images, with an interval over patients.

    * Shares (all values 0 or 1, as are the bounds). With b images right in the new release alone, c in the
      old one alone, and n images, d = b/n - c/n. Each share has its Clopper-Pearson limits (`proportion`,
      which knows patients); those of the difference follow by MOVER (Zou 2007,
      doi:10.1037/1082-989X.12.4.399), where l and u are distances to a share's limits and rho is the
      correlation of two cells of a multinomial:

          low = d - sqrt(l_b^2 + u_c^2 - 2 rho l_b u_c),  rho = -sqrt(p_b p_c / ((1 - p_b)(1 - p_c))).

      Without a discordant image that is the exact bound of no event. Where 0 to 8 of 60, 200 or 1000 images
      are expected to be discordant in either direction, each limit misses in at most 2.4 % of samples
      (enumerated exactly; Student's t: 15 %, Tango's score interval: 5 %). With several images of a
      patient, the wider of this and the cluster-robust t interval.
    * Other averages. Mean of the differences with the cluster-robust t interval, wider where few patients
      carry the difference (`for_few_carriers`). Where no image differs, the exact bound of no deviating
      patient (see `UnvariedTail`), within the range of the quantity or, if it has none, of the values seen.
    * AUROC. DeLong, DeLong & Clarke-Pearson 1988 (doi:10.2307/2531595) for pairs; several images of a patient
      are summed within patients (Obuchowski 1997, doi:10.2307/2533958), t with Satterthwaite's degrees, wider
      where few patients of a class carry the difference (`in_two_classes`). Where one of the areas is 0 or 1,
      or both releases rank all images alike, `auroc_difference` with its exact bounds.

    Images are paired by their digest. Where one is there several times, the k-th time in one release (with
    the same label) is paired with the k-th time in the other. Patients are those of the later release.

    Args:
        old: of the earlier release.
        new: of the later one.
        bounds: range of the quantity itself, not of its difference.
        level: two-sided confidence level.

    Returns:
        The difference.

    Raises:
        AuditError: the quantities are of different kinds, no image is in both, labels differ or are kept of
            one run alone, one class only, fewer than two patients, or equal values without a range.

    Example:
        >>> images, patients = ["a", "b", "c", "d"], ["1", "2", "3", "4"]
        >>> old = Sample("mean", images, patients, np.array([1.0, 1.0, 0.0, 1.0]))
        >>> new = Sample("mean", images[::-1], patients[::-1], np.array([1.0, 1.0, 0.0, 1.0]))
        >>> found = paired_difference(old, new)  # of c right now, of b wrong now
        >>> found.old, found.new, found.estimate.value
        (0.75, 0.75, 0.0)
    """
    if old.statistic != new.statistic:
        raise AuditError(
            f"the earlier run's quantity is of the kind '{old.statistic}', this one's '{new.statistic}'"
        )
    if (old.labels is None) != (new.labels is None):
        raise AuditError(
            "labels are kept in one of the runs alone, so that nobody sees whether they changed: audit the "
            "earlier release again"
        )
    first, second = _pairs(old, new)
    groups = cluster_images(np.array(new.patients, dtype=np.str_)[second], second.size)
    at_least_two_clusters(groups, "paired difference")
    before, after = (
        finite_vector("values", side.values[rows]) for side, rows in ((old, first), (new, second))
    )
    if new.statistic == "mean" or new.labels is None:
        values = float(before.mean()), float(after.mean())
        estimate = _mean_difference(before, after, groups, bounds, level)
    else:
        labels = new.labels[second].astype(np.float64)
        estimate = _auroc_difference(labels, before, after, groups, level)
        values = auroc_point(labels, before), auroc_point(labels, after)
    only_old, only_new = len(old.images) - first.size, len(new.images) - second.size
    affected = _affected(old, new, first, second)
    return Paired(estimate, *values, first.size, only_old, only_new, affected)


def _pairs(old: Sample, new: Sample) -> tuple[Integers, Integers]:
    """Rows of the images in both, in the order of the later release."""
    rows = {key: row for row, key in enumerate(_keys(old))}
    found = [(rows[key], row) for row, key in enumerate(_keys(new)) if key in rows]
    first, second = np.array(found, dtype=np.int64).reshape(-1, 2).T
    _refuse_relabelled(old, new, first, second)
    if not found:
        raise AuditError(
            f"none of the {len(new.images)} images was among the {len(old.images)} of the earlier run"
        )
    return first, second


def _keys(sample: Sample) -> list[tuple[str, int, int]]:
    """Digest, label, and how often that came before."""
    labels = [0] * len(sample.images) if sample.labels is None else sample.labels.tolist()
    seen: Counter[tuple[str, int]] = Counter()
    keys = []
    for image, label in zip(sample.images, labels, strict=True):
        keys.append((image, label, seen[image, label]))
        seen[image, label] += 1
    return keys


def _refuse_relabelled(old: Sample, new: Sample, first: Integers, second: Integers) -> None:
    left_old, left_new = (
        Counter(np.delete(np.array(side.images, dtype=np.str_), rows).tolist())
        for side, rows in ((old, first), (new, second))
    )
    relabelled = (left_old & left_new).total()
    if relabelled:
        raise AuditError(
            f"{relabelled} images have another label than in the earlier run: audit the earlier release "
            "again on today's labels"
        )


def _affected(old: Sample, new: Sample, first: Integers, second: Integers) -> float:
    """Share of what is averaged over all images that those of one release alone could move."""
    alone = len(old.images) + len(new.images) - 2 * first.size
    if new.statistic == "mean" or old.labels is None or new.labels is None:
        return alone / (first.size + alone)
    common = np.bincount(new.labels[second], minlength=2)
    whole = np.bincount(old.labels, minlength=2) + np.bincount(new.labels, minlength=2) - common
    return float(1 - common.prod() / whole.prod())


def _mean_difference(
    before: Floats, after: Floats, groups: Clusters, bounds: Bounds, level: float
) -> Estimate:
    both = np.concatenate([before, after])
    seen = float(both.min()), float(both.max())
    unbounded = not np.isfinite(bounds).all()
    if np.isin(both, _UNIT).all() and (bounds == _UNIT or (unbounded and seen == _UNIT)):
        return _share_difference(before, after, groups, level)
    change = after - before
    change[np.abs(change) < _ROUNDING * np.abs(both).max()] = 0.0
    unvaried = bool(np.ptp(change) <= _ROUNDING * np.abs(both).max())
    if unvaried:
        change[:] = change[0]
    if unvaried and unbounded:
        bounds = seen
    if bounds[0] == bounds[1]:
        raise AuditError(
            f"all values of both runs are {seen[0]:g}, and the quantity has no range: nothing says by how "
            "much other images could differ"
        )
    span = bounds[1] - bounds[0]
    found = mean(change, groups.index, bounds=(-span, span), level=level)
    influence = (change - change.mean()) / change.size
    return for_few_carriers(found, influence, groups, (-span, span))


def _share_difference(before: Floats, after: Floats, groups: Clusters, level: float) -> Estimate:
    gains, losses = (after > before), (after < before)
    shares = [
        proportion(side, None if groups.independent else groups.index, level=level)
        for side in (gains, losses)
    ]
    value = float((after - before).mean())
    (gain_below, gain_above), (loss_below, loss_above) = (reaches(s, _UNIT) for s in shares)
    rho = _cell_correlation(shares)
    tail: ReachTail | WiderTail = ReachTail(
        value,
        _rising(np.sqrt(gain_below**2 + loss_above**2 - 2 * rho * gain_below * loss_above)),
        _rising(np.sqrt(gain_above**2 + loss_below**2 - 2 * rho * gain_above * loss_below)),
    )
    method = f"MOVER of Clopper-Pearson limits, {gains.sum()} gained and {losses.sum()} lost"
    if not groups.independent:
        robust = mean(after - before, groups.index, bounds=_SIGNED, level=level).tail
        if isinstance(robust, BoundedTail) and isinstance(robust.tail, StudentTail):
            tail = WiderTail(tail, robust.tail)
        method += f", or cluster-robust t if wider ({groups.count} patients)"
    bounded = BoundedTail(tail, _SIGNED)
    low, high = bounded.clip(tail.interval(half_alpha(level)))
    return Estimate(value, low, high, level, before.size, groups.count, method, bounded)


def _cell_correlation(shares: Sequence[Estimate]) -> float:
    """Of two cells of a multinomial distribution."""
    first, second = (share.value for share in shares)
    if first in _UNIT or second in _UNIT:
        return 0.0
    return -float(np.sqrt(first * second / ((1 - first) * (1 - second))))


def _rising(reach: Floats) -> Floats:
    """Rounding in the tables must not make a reach fall where its limits have come to an end."""
    rising: Floats = np.maximum.accumulate(reach)
    return rising


def _auroc_difference(
    labels: Floats, before: Floats, after: Floats, groups: Clusters, level: float
) -> Estimate:
    if labels.min() == labels.max():
        raise AuditError(f"all {labels.size} images in both runs are of class {int(labels[0])}")
    areas = auroc_point(labels, before), auroc_point(labels, after)
    influence = auroc_influence(labels, after) - auroc_influence(labels, before)
    influence[np.abs(influence) < _ROUNDING / labels.size] = 0.0
    if not influence.any() or any(area in _UNIT for area in areas):
        clusters = None if groups.independent else groups.index
        return auroc_difference(labels, after, before, clusters, level=level)
    positive = labels == 1
    sides = [np.where(side, influence, 0.0) for side in (positive, ~positive)]
    members = (positive, ~positive)
    sources = [Source(side, of) for side, of in zip(sides, members, strict=True)]
    error, degrees = combined(sources, groups)
    tail = StudentTail(areas[1] - areas[0], error, degrees)
    bounded = BoundedTail(tail, _SIGNED)
    low, high = bounded.clip(tail.interval(half_alpha(level)))
    name = "DeLong, paired" if groups.independent else "DeLong, paired, summed within patients"
    method = f"{name} ({groups.count} patients, t with {degrees:.3g} degrees)"
    found = Estimate(tail.centre, low, high, level, labels.size, groups.count, method, bounded)
    return in_two_classes(found, influence, positive, groups, _SIGNED)
