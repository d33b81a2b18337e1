"""The reliability diagram in numbers, and the parts of the Brier score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auditkit.stats.calibration import equal_mass_bins
from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import binary_vector, cluster_images, same_length, unit_vector
from auditkit.stats.proportions import proportion


@dataclass(frozen=True)
class ReliabilityBin:
    """Images with similar probabilities.

    Attributes:
        low: smallest probability in the bin.
        high: largest probability in the bin.
        mean: mean probability.
        observed: share of positives, with the interval of ``proportion``.
    """

    low: float
    high: float
    mean: float
    observed: Estimate


@dataclass(frozen=True)
class BrierParts:
    """The Brier score taken apart: reliability - resolution + uncertainty + within.

    Attributes:
        reliability: sum_k n_k / n (mean p - mean y)^2, >= 0; smaller is better.
        resolution: sum_k n_k / n (mean y - prevalence)^2, >= 0; larger is better.
        uncertainty: prevalence (1 - prevalence), a property of the data.
        within: what remains because probabilities differ within a bin.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def reliability_bins(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10, clusters: ArrayLike | None = None
) -> list[ReliabilityBin]:
    """The bins of ``calibration_error``, by rising probability; empty ones are left out.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n,) predicted probability of class 1.
        bins: number of bins of equal mass.
        clusters: (n,) patient ids; None for independent images.

    Returns:
        At most ``bins`` bins; fewer where equal probabilities share one.

    Raises:
        AuditError: labels not 0 or 1, or probabilities outside [0, 1].

    Example:
        >>> [part.mean for part in reliability_bins([0, 1, 1, 1], [0.25, 0.25, 0.75, 0.75], 2)]
        [0.25, 0.75]
    """
    y, p = binary_vector("labels", labels), unit_vector("probabilities", probabilities)
    same_length(labels=y, probabilities=p)
    groups = cluster_images(clusters, y.size)
    owners = None if groups.independent else groups.index
    index = equal_mass_bins(p, bins)
    found = []
    for k in np.unique(index):
        rows = index == k
        observed = proportion(y[rows], None if owners is None else owners[rows])
        ends = float(p[rows].min()), float(p[rows].max())
        found.append(ReliabilityBin(*ends, float(p[rows].mean()), observed))
    return found


def brier_parts(labels: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> BrierParts:
    """Murphy's decomposition of the Brier score over bins of equal mass.

    Murphy 1973, doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2; the last term
    collects what binning leaves over (Stephenson, Coelho & Jolliffe 2008,
    doi:10.1175/2007WAF2006116.1). No intervals: reliability is biased upwards like the
    calibration error.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n,) predicted probability of class 1.
        bins: number of bins of equal mass.

    Returns:
        The parts, which add up to the Brier score.

    Raises:
        AuditError: labels not 0 or 1, or probabilities outside [0, 1].

    Example:
        >>> parts = brier_parts([0, 1, 1, 1], [0.5, 0.5, 1.0, 1.0], 2)
        >>> (parts.reliability, parts.resolution, parts.uncertainty, parts.within)
        (0.0, 0.0625, 0.1875, 0.0)
    """
    y, p = binary_vector("labels", labels), unit_vector("probabilities", probabilities)
    found = reliability_bins(y, p, bins)
    share = np.array([part.observed.n for part in found]) / y.size
    seen = np.array([part.observed.value for part in found])
    expected = np.array([part.mean for part in found])
    prevalence = float(y.mean())
    reliability = float(share @ (expected - seen) ** 2)
    resolution = float(share @ (seen - prevalence) ** 2)
    uncertainty = prevalence * (1 - prevalence)
    score = float(((p - y) ** 2).mean())
    within = score - (reliability - resolution + uncertainty)
    return BrierParts(reliability, resolution, uncertainty, within)
