"""Does a predicted probability mean what it says?"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import (
    Clusters,
    Floats,
    Integers,
    at_least_two_clusters,
    binary_vector,
    cluster_images,
    half_alpha,
    same_length,
    unit_vector,
)
from auditkit.stats.resampling import REPLICATES, Statistic, bootstrap
from auditkit.stats.tails import StudentTail, TwoTails

SATURATION = 1e-7  # about one float32 rounding below 1: a softmax that prints 1.0 means "at least"


def calibration_error(
    labels: ArrayLike,
    probabilities: ArrayLike,
    bins: int = 10,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    r"""Expected calibration error (ECE) with equal-mass bins, in [0, 1].

    ECE = sum_k n_k / n |mean(y in bin k) - mean(p in bin k)|  (Naeini, Cooper & Hauskrecht 2015;
    equal-mass bins: Nguyen & O'Connor 2015, arXiv 1508.05154). Equal probabilities share a bin.

    The absolute value makes noise look like miscalibration: the ECE of a perfectly calibrated
    model is above 0, by about sqrt(bins / n) / 3, and resampling adds the same again. The upper
    limit is therefore a percentile of the resampled ECE, which errs upward, and the lower limit
    rests on the triangle inequality: with e_k the error of bin k and * a resample of patients,

        ECE >= ECE_observed - N,   N estimated by sum_k |e_k* - e_k|.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n,) predicted probability of class 1.
        bins: number of bins.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.
        seed: seed of the bootstrap.
        replicates: number of bootstrap replicates.

    Returns:
        The plug-in ECE (the bias is left in the value, as everyone reports it).

    Raises:
        AuditError: labels not 0 or 1, probabilities outside [0, 1], or one patient only.

    Example:
        >>> round(calibration_error([0, 1, 1, 1], [0.2, 0.4, 0.8, 0.8], bins=2).value, 6)
        0.2
    """
    y, p = _labels_and_probabilities(labels, probabilities)
    if bins < 1:
        raise AuditError(f"bins is {bins}; expected at least one bin.")
    groups = cluster_images(clusters, y.size)
    # Sorted first, so that the draws of independent images do not depend on their order.
    order = np.lexsort((y, p))
    owners = None if groups.independent else groups.index[order]
    errors = _bin_errors(y[order], p[order], bins)
    observed = errors(np.ones((1, y.size)))

    def resampled(weights: Floats) -> Floats:
        return _total(errors(weights))

    def without_noise(weights: Floats) -> Floats:
        return _total(observed) - _total(errors(weights) - observed)

    def limits(statistic: Statistic) -> Estimate:
        return bootstrap(
            statistic,
            owners,
            y.size,
            seed=seed,
            replicates=replicates,
            level=level,
            bounds=(0.0, 1.0),
        )

    lower, upper = limits(without_noise), limits(resampled)
    tail = TwoTails(lower.tail, upper.tail)
    return replace(upper, low=lower.low, tail=tail)


def calibration_slope(
    labels: ArrayLike,
    probabilities: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> Estimate:
    r"""Calibration slope b of logit P(y = 1) = a + b logit(p); 1 is ideal, below 1 overconfident.

    Cox 1958, doi:10.1093/biomet/45.3-4.562. Maximum likelihood (Newton), cluster-robust sandwich
    variance with factor G / (G - 1), Wald interval with t quantiles of G - 1 degrees.

    Deviates: probabilities are kept within [1e-7, 1 - 1e-7], where a float32 softmax saturates.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n,) predicted probability of class 1.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.

    Returns:
        The slope.

    Raises:
        AuditError: one class or one patient only, constant probabilities, or labels that the
            probabilities separate completely (the slope is then infinite).

    Example:
        >>> y = [1] * 2 + [0] * 8 + [1] * 8 + [0] * 2  # observed: 20 % and 80 %
        >>> round(calibration_slope(y, [0.2] * 10 + [0.8] * 10).value, 6)
        1.0
    """
    y, p = _labels_and_probabilities(labels, probabilities)
    _both_classes(y)
    predictor = _logits(p)
    _overlapping(y, predictor)
    design = np.stack([np.ones_like(predictor), predictor], axis=1)
    return _wald(_Fit.of(design, y, np.zeros_like(y)), 1, clusters, level)


def calibration_intercept(
    labels: ArrayLike,
    probabilities: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> Estimate:
    r"""Calibration-in-the-large: a of logit P(y = 1) = a + logit(p); 0 is ideal.

    Above 0 the probabilities are too low on average. The slope is held at 1 (Cox 1958,
    doi:10.1093/biomet/45.3-4.562; Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7).
    Variance, interval and saturation as in ``calibration_slope``.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n,) predicted probability of class 1.
        clusters: (n,) patient ids; None for independent images.
        level: two-sided confidence level.

    Returns:
        The intercept, in log odds.

    Raises:
        AuditError: one class or one patient only.

    Example:
        >>> round(calibration_intercept([1, 1, 1, 0], [0.5] * 4).value, 4)  # log 3
        1.0986
    """
    y, p = _labels_and_probabilities(labels, probabilities)
    _both_classes(y)
    return _wald(_Fit.of(np.ones((y.size, 1)), y, _logits(p)), 0, clusters, level)


def _labels_and_probabilities(labels: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    y, p = binary_vector("labels", labels), unit_vector("probabilities", values)
    same_length(labels=y, probabilities=p)
    return y, p


def _bin_errors(y: Floats, p: Floats, bins: int) -> Statistic:
    """Signed error of each bin times its share of the weight, (B, bins), for weights (B, n)."""
    excess = np.zeros((y.size, bins))
    excess[np.arange(y.size), equal_mass_bins(p, bins)] = y - p

    def errors(weights: Floats) -> Floats:
        shares: Floats = (weights @ excess) / weights.sum(axis=1, keepdims=True)
        return shares

    return errors


def _total(errors: Floats) -> Floats:
    total: Floats = np.abs(errors).sum(axis=1)
    return total


def equal_mass_bins(p: Floats, bins: int) -> Integers:
    """Bin of each probability, (n,) in 0 ... bins - 1; equal ones share a bin, bins may be empty."""
    _, group, counts = np.unique(p, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / p.size
    index: Integers = np.minimum((middle * bins).astype(np.int64), bins - 1)[group]
    return index


def _logits(p: Floats) -> Floats:
    kept = np.clip(p, SATURATION, 1 - SATURATION)
    logits: Floats = np.log(kept) - np.log1p(-kept)
    return logits


def _both_classes(y: Floats) -> None:
    if y.min() == y.max():
        raise AuditError(
            f"labels: all {y.size} images are of class {int(y[0])}; recalibration needs both."
        )


def _overlapping(y: Floats, predictor: Floats) -> None:
    positive, negative = predictor[y == 1], predictor[y == 0]
    if predictor.min() == predictor.max():
        raise AuditError("probabilities are all equal; a calibration slope needs at least two.")
    if positive.min() >= negative.max() or positive.max() <= negative.min():
        raise AuditError(
            "the probabilities separate the classes completely, so the calibration slope is "
            "infinite; report the AUROC and use more images."
        )


@dataclass(frozen=True)
class _Fit:
    """A logistic regression: coefficients (k,), inverse information (k, k), score rows (n, k)."""

    coefficients: Floats
    inverse_information: Floats
    scores: Floats

    @staticmethod
    def of(design: Floats, y: Floats, offset: Floats) -> "_Fit":
        beta = np.zeros(design.shape[1])

        def objective(candidate: Floats) -> float:
            return _log_likelihood(design @ candidate + offset, y)

        likelihood = objective(beta)
        for _ in range(100):
            rows, information = _derivatives(design, y, design @ beta + offset)
            step = np.linalg.solve(information, rows.sum(axis=0))
            beta, likelihood, moved = _line_search(beta, step, likelihood, objective)
            if moved < 1e-10:
                rows, information = _derivatives(design, y, design @ beta + offset)
                return _Fit(beta, np.asarray(np.linalg.inv(information), np.float64), rows)
        raise AuditError(
            "the logistic recalibration did not converge; the classes hardly overlap in "
            "probability. Use more images."
        )


def _line_search(
    beta: Floats, step: Floats, likelihood: float, objective: Callable[[Floats], float]
) -> tuple[Floats, float, float]:
    for _ in range(40):
        reached = objective(beta + step)
        # Near the maximum the likelihood changes less than its own rounding.
        if reached >= likelihood - 1e-12 * abs(likelihood):
            return beta + step, reached, float(np.abs(step).max())
        step = step / 2
    return beta, likelihood, 0.0  # no step improves: the maximum to rounding


def _derivatives(design: Floats, y: Floats, logits: Floats) -> tuple[Floats, Floats]:
    probability = 1 / (1 + np.exp(-logits))
    rows = design * (y - probability)[:, np.newaxis]
    information = (design * (probability * (1 - probability))[:, np.newaxis]).T @ design
    return rows, information


def _log_likelihood(logits: Floats, y: Floats) -> float:
    return float((y * logits - np.logaddexp(0.0, logits)).sum())


def _wald(fit: _Fit, which: int, clusters: ArrayLike | None, level: float) -> Estimate:
    groups = cluster_images(clusters, fit.scores.shape[0])
    at_least_two_clusters(groups, "calibration")
    error = math.sqrt(_sandwich(fit, groups)[which, which])
    value, half = float(fit.coefficients[which]), half_alpha(level)
    if error <= 0:
        raise AuditError("the recalibration fits every patient exactly; use more images.")
    tail = StudentTail(value, error, groups.count - 1)
    low, high = tail.interval(half)
    method = f"logistic recalibration, Wald t with sandwich variance ({groups.count} clusters)"
    return Estimate(value, low, high, level, groups.index.size, groups.count, method, tail)


def _sandwich(fit: _Fit, groups: Clusters) -> Floats:
    sums = np.stack([groups.sums(column) for column in fit.scores.T], axis=1)
    meat = groups.count / (groups.count - 1) * sums.T @ sums
    covariance: Floats = fit.inverse_information @ meat @ fit.inverse_information
    return covariance
