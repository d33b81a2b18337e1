"""Estimates with intervals: images of one patient count as one cluster throughout."""

from auditkit.stats.association import association
from auditkit.stats.average_precision import average_precision, precision_recall_curve
from auditkit.stats.calibration import calibration_error, calibration_intercept, calibration_slope
from auditkit.stats.choice import Choice
from auditkit.stats.concordance import concordance
from auditkit.stats.correlation import pearson_r
from auditkit.stats.detectable import design_effect, detectable_auroc, detectable_proportion
from auditkit.stats.differences import ScorePair, auroc_difference, auroc_differences
from auditkit.stats.estimate import Estimate
from auditkit.stats.extremes import extreme, replicates_for
from auditkit.stats.friedman import (
    Friedman,
    block_means,
    block_ranks,
    critical_difference,
    friedman,
)
from auditkit.stats.gaps import Gaps, Pair, compare_groups, replicate_groups
from auditkit.stats.means import brier, mean
from auditkit.stats.medians import median
from auditkit.stats.multiplicity import holm
from auditkit.stats.paired_ranks import SignedRanks, signed_ranks, superiority
from auditkit.stats.proportions import proportion
from auditkit.stats.rank_agreement import kendall_tau_b, rank_agreement
from auditkit.stats.recalls import balanced_accuracy
from auditkit.stats.reliability import brier_parts, reliability_bins
from auditkit.stats.resampling import bootstrap
from auditkit.stats.roc import auroc, auroc_point, roc_curve
from auditkit.stats.sample import Sample
from auditkit.stats.sample_size import required_n_auroc, required_n_mean, required_n_proportion

__all__ = [
    "Choice",
    "Estimate",
    "Friedman",
    "Gaps",
    "Pair",
    "Sample",
    "ScorePair",
    "SignedRanks",
    "association",
    "auroc",
    "auroc_difference",
    "auroc_differences",
    "auroc_point",
    "average_precision",
    "balanced_accuracy",
    "block_means",
    "block_ranks",
    "bootstrap",
    "brier",
    "brier_parts",
    "calibration_error",
    "calibration_intercept",
    "calibration_slope",
    "compare_groups",
    "concordance",
    "critical_difference",
    "design_effect",
    "detectable_auroc",
    "detectable_proportion",
    "extreme",
    "friedman",
    "holm",
    "kendall_tau_b",
    "mean",
    "median",
    "pearson_r",
    "precision_recall_curve",
    "proportion",
    "rank_agreement",
    "reliability_bins",
    "replicate_groups",
    "replicates_for",
    "required_n_auroc",
    "required_n_mean",
    "required_n_proportion",
    "roc_curve",
    "signed_ranks",
    "superiority",
]
