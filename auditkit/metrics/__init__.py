"""The papers' quantities as plain functions on arrays."""

from auditkit.metrics.coverage import (
    explanation_coverage,
    ground_truth_coverage,
    iou,
    top_fraction_mask,
)
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.perturbation_curve import (
    aupc_estimate,
    delta_aupc,
    delta_aupc_estimate,
    perturbation_curve_area,
)
from auditkit.metrics.removal import (
    grid_shape,
    random_order,
    removal_order,
    removal_rank_map,
    removal_steps,
    removed_mask,
)

__all__ = [
    "NotEvaluable",
    "aupc_estimate",
    "delta_aupc",
    "delta_aupc_estimate",
    "explanation_coverage",
    "grid_shape",
    "ground_truth_coverage",
    "iou",
    "perturbation_curve_area",
    "random_order",
    "removal_order",
    "removal_rank_map",
    "removal_steps",
    "removed_mask",
    "top_fraction_mask",
]
