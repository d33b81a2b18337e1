"""Proportions of images that come in clusters (patients)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    Integers,
    binary_vector,
    cluster_images,
    half_alpha,
)
from auditkit.stats.tails import BetaTail, student

# Shares of events by kinds of patients that are held at a time, 8 bytes each.
_CELLS = 2**17


def proportion(
    successes: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95
) -> Estimate:
    r"""Proportion with a Clopper-Pearson interval at the effective number of images.

    Korn & Graubard 1998, Survey Methodology 24(2), 193-201: Clopper-Pearson with n* trials and
    p n* successes (both fractional), where, with n images of G patients,

        n* = n / deff * (t_{n-1} / t_{G-1})^2,   deff = max(1, var_CR1 / (p (1 - p) / n)).

    Deviates: n* never exceeds n (a negative intra-patient correlation is not believed), and
    where p is 0 or 1, so that no design effect can be seen, n* is Kish's effective number of
    patients n^2 / sum m_g^2: as if a patient's images were copies of one another. A few events
    in different patients also hide the design effect, and a limit could then fall when an event
    is added. Hence the upper limit is raised to the largest one of any subset of the events (no
    events among them), and the lower limit is the mirror image for the failures: no limit falls
    when a failure turns into a success. Both intervals contain that of Korn & Graubard; each
    limit has its own n*.

    Args:
        successes: (n,) booleans or 0 / 1.
        clusters: (n,) patient ids; None for independent images (n* = n).
        level: two-sided confidence level.

    Returns:
        The proportion, in [0, 1].

    Raises:
        AuditError: empty, or values other than 0 and 1.

    Example:
        >>> round(proportion([False] * 60).high, 4)  # 1 - 0.025 ** (1 / 60)
        0.0596
    """
    hits = binary_vector("successes", successes)
    half, groups = half_alpha(level), cluster_images(clusters, hits.size)
    share = float(hits.mean())
    lower, upper = _effective_trials(hits, groups, half)
    tail = _TwoTails(BetaTail(share * lower, lower), BetaTail(share * upper, upper))
    low, high = tail.interval(half)
    method = "Clopper-Pearson"
    if not groups.independent:
        effective = " and ".join(dict.fromkeys((f"{lower:.4g}", f"{upper:.4g}")))
        method += f", effective n {effective} (Korn-Graubard, {groups.count} patients)"
    return Estimate(share, low, high, level, hits.size, groups.count, method, tail)


@dataclass(frozen=True)
class _TwoTails:
    """The lower limit of one binomial distribution and the upper limit of another."""

    lower: BetaTail
    upper: BetaTail

    def __call__(self, t: float) -> tuple[float, float]:
        return self.lower(t)[0], self.upper(t)[1]

    def interval(self, half: float) -> tuple[float, float]:
        return self.lower.interval(half)[0], self.upper.interval(half)[1]


def _effective_trials(hits: Floats, groups: Clusters, half: float) -> tuple[float, float]:
    """The n* of the lower limit and that of the upper limit."""
    n, share = hits.size, float(hits.mean())
    if groups.independent:
        return float(n), float(n)
    if share in (0.0, 1.0) or groups.count < 2:
        return groups.effective_count, groups.effective_count
    return _upper_trials(1 - hits, groups, half), _upper_trials(hits, groups, half)


def _upper_trials(hits: Floats, groups: Clusters, half: float) -> float:
    """The n* at which the upper limit is the largest of any subset of the events."""
    from scipy import special

    n, count = hits.size, groups.count
    few_patients = (student(half, n - 1) / student(half, count - 1)) ** 2
    events, sizes = groups.sums(hits), groups.sums(np.ones(n))
    shares = np.arange(1, round(float(hits.sum())) + 1) / n
    variances = count / (count - 1) * _largest_squares(events, sizes, shares) / n**2
    trials = n / np.maximum(1.0, variances / (shares * (1 - shares) / n)) * few_patients
    limits = special.betainccinv(shares * trials + 1, (1 - shares) * trials, half)
    without_events = 1 - half ** (1 / groups.effective_count)
    target = max(float(limits.max()), without_events)
    own, share = float(trials[-1]), float(shares[-1])
    return own if limits[-1] >= target else _trials_that_reach(target, share, own, half)


def _largest_squares(events: Floats, sizes: Floats, shares: Floats) -> Floats:
    """Bound of sum_g (b_g - p m_g)^2 over 0 <= b_g <= events, sum_g b_g = p n, for every share p.

    The square is convex in b_g, so that its chord b_g (events_g - 2 p m_g) lies above it; the
    chords are largest where the patients with the steepest ones are filled first. More events
    raise chords and room, so the bound never falls; with all events it is the sum itself.
    """
    kinds, patients = np.unique(np.stack([events, sizes]), axis=1, return_counts=True)
    rows = max(1, _CELLS // kinds.shape[1])
    chords = [
        _chords(kinds, patients, shares[start : start + rows], sizes.sum())
        for start in range(0, shares.size, rows)
    ]
    squares: Floats = np.concatenate(chords) + shares**2 * (sizes**2).sum()
    return squares


def _chords(kinds: Floats, patients: Integers, shares: Floats, n: float) -> Floats:
    """The sum of the chords at each share, (shares,)."""
    most, of = kinds
    slopes = most - 2 * shares[:, None] * of
    order = np.argsort(-slopes, axis=1)
    room = (most * patients)[order]
    before = np.cumsum(room, axis=1) - room
    filled = np.clip(shares[:, None] * n - before, 0, room)
    chords: Floats = (filled * np.take_along_axis(slopes, order, axis=1)).sum(axis=1)
    return chords


def _trials_that_reach(target: float, share: float, most: float, half: float) -> float:
    """The number of trials, at most ``most``, whose upper limit is ``target``."""
    from scipy import optimize, special

    def shortfall(logarithm: float) -> float:
        trials = np.exp(logarithm)
        limit = special.betainccinv(share * trials + 1, (1 - share) * trials, half)
        return float(limit) - target

    upper = float(np.log(most))
    return float(np.exp(optimize.brentq(shortfall, upper - 20, upper, xtol=1e-13, rtol=1e-14)))
