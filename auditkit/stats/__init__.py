"""Estimates with intervals: images of one patient count as one cluster throughout."""

from auditkit.stats.average_precision import average_precision, precision_recall_curve
from auditkit.stats.calibration import calibration_error, calibration_intercept, calibration_slope
from auditkit.stats.correlation import pearson_r
from auditkit.stats.detectable import design_effect, detectable_auroc, detectable_proportion
from auditkit.stats.estimate import Estimate
from auditkit.stats.gaps import Gaps, Pair, compare_groups, replicate_groups
from auditkit.stats.means import brier, mean
from auditkit.stats.multiplicity import holm
from auditkit.stats.proportions import proportion
from auditkit.stats.recalls import balanced_accuracy
from auditkit.stats.reliability import brier_parts, reliability_bins
from auditkit.stats.resampling import bootstrap
from auditkit.stats.roc import auroc, auroc_point, roc_curve
from auditkit.stats.sample_size import required_n_auroc, required_n_mean, required_n_proportion

__all__ = [
    "Estimate",
    "Gaps",
    "Pair",
    "auroc",
    "auroc_point",
    "average_precision",
    "balanced_accuracy",
    "bootstrap",
    "brier",
    "brier_parts",
    "calibration_error",
    "calibration_intercept",
    "calibration_slope",
    "compare_groups",
    "design_effect",
    "detectable_auroc",
    "detectable_proportion",
    "holm",
    "mean",
    "pearson_r",
    "precision_recall_curve",
    "proportion",
    "reliability_bins",
    "replicate_groups",
    "required_n_auroc",
    "required_n_mean",
    "required_n_proportion",
    "roc_curve",
]
