"""Estimates with intervals: images of one patient count as one cluster throughout."""

from auditkit.stats.calibration import calibration_error, calibration_intercept, calibration_slope
from auditkit.stats.correlation import pearson_r
from auditkit.stats.estimate import Estimate
from auditkit.stats.means import brier, mean
from auditkit.stats.multiplicity import holm
from auditkit.stats.proportions import proportion
from auditkit.stats.resampling import bootstrap
from auditkit.stats.roc import auroc, auroc_point, roc_curve
from auditkit.stats.sample_size import required_n_auroc, required_n_mean, required_n_proportion

__all__ = [
    "Estimate",
    "auroc",
    "auroc_point",
    "bootstrap",
    "brier",
    "calibration_error",
    "calibration_intercept",
    "calibration_slope",
    "holm",
    "mean",
    "pearson_r",
    "proportion",
    "required_n_auroc",
    "required_n_mean",
    "required_n_proportion",
    "roc_curve",
]
