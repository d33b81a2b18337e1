"""The papers' quantities as plain functions on arrays."""

from auditkit.metrics.cases import shared_interest_cases
from auditkit.metrics.coverage import (
    explanation_coverage,
    explanation_region,
    ground_truth_coverage,
    iou,
    relevance_mass,
    top_fraction_mask,
    truth_of,
)
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.perturbation_curve import (
    aupc_estimate,
    delta_aupc,
    delta_aupc_estimate,
    perturbation_curve_area,
)
from auditkit.metrics.postprocess import postprocessed, resampled
from auditkit.metrics.quadrants import score_bands
from auditkit.metrics.removal import (
    grid_shape,
    random_order,
    removal_order,
    removal_rank_map,
    removal_steps,
    removed_mask,
    segment_order,
    segment_rank_map,
)

__all__ = [
    "NotEvaluable",
    "aupc_estimate",
    "delta_aupc",
    "delta_aupc_estimate",
    "explanation_coverage",
    "explanation_region",
    "grid_shape",
    "ground_truth_coverage",
    "iou",
    "perturbation_curve_area",
    "postprocessed",
    "random_order",
    "relevance_mass",
    "removal_order",
    "removal_rank_map",
    "removal_steps",
    "removed_mask",
    "resampled",
    "score_bands",
    "segment_order",
    "segment_rank_map",
    "shared_interest_cases",
    "top_fraction_mask",
    "truth_of",
]
