"""The papers' quantities as plain functions on arrays."""

from auditkit.metrics.agreement import (
    importance_auroc,
    importance_correlation,
    standardised_weights,
    top_k_agreement,
)
from auditkit.metrics.artifact_score import artifact_scores
from auditkit.metrics.attribute_agreement import (
    attribute_agreement,
    attribute_codes,
    equal_attributes,
)
from auditkit.metrics.attribute_estimates import attribute_estimates
from auditkit.metrics.attribute_scores import assessed_pairs, attribute_scores
from auditkit.metrics.auroc_curve import auroc_aupc_estimate, auroc_delta_aupc_estimate
from auditkit.metrics.bottleneck import bottleneck_importance
from auditkit.metrics.cases import shared_interest_cases
from auditkit.metrics.clinical_xai_2022 import (
    published_map,
    published_rank_map,
    published_thresholds,
    published_unimportant,
)
from auditkit.metrics.cohen_kappa import cohen_kappa, cohen_kappa_estimate, pooled_kappa
from auditkit.metrics.coverage import (
    explanation_coverage,
    explanation_region,
    ground_truth_coverage,
    iou,
    relevance_mass,
    top_fraction_mask,
    truth_of,
)
from auditkit.metrics.expert_agreement import (
    choice_alpha,
    experts_kappa,
    repeat_agreement,
    unable_share,
)
from auditkit.metrics.faithfulness import infidelity, sensitivity_n
from auditkit.metrics.kernel_distance import kernel_distance, kernel_distance_margin
from auditkit.metrics.map_similarity import map_similarity
from auditkit.metrics.modalities import mi_correlation, modality_shapley, modality_sums
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.permutation_importance import (
    Block,
    Importances,
    effect,
    importances,
    permutation_importance,
)
from auditkit.metrics.permuted import expected_accuracy, expected_auroc, unseen_share
from auditkit.metrics.perturbation_curve import (
    aupc_estimate,
    delta_aupc,
    delta_aupc_estimate,
    perturbation_curve_area,
)
from auditkit.metrics.plausibility import feature_portion, modality_portions, modality_weights, msfi
from auditkit.metrics.postprocess import postprocessed, resampled
from auditkit.metrics.quadrants import score_bands
from auditkit.metrics.rank_sum import attribute_ranks, global_order, model_order, top_shares
from auditkit.metrics.rater_agreement import (
    alpha_estimate,
    fleiss_kappa,
    kappa_estimate,
    krippendorff_alpha,
)
from auditkit.metrics.removal import (
    cell_units,
    grid_shape,
    random_order,
    removal_order,
    removal_rank_map,
    removal_steps,
    removed_mask,
    removed_shares,
    segment_rank_map,
    segment_units,
)
from auditkit.metrics.sampled_permutations import (
    drop_curve,
    sampled_importance,
    sampled_permutation,
)

__all__ = [
    "Block",
    "Importances",
    "NotEvaluable",
    "alpha_estimate",
    "artifact_scores",
    "assessed_pairs",
    "attribute_agreement",
    "attribute_codes",
    "attribute_estimates",
    "attribute_ranks",
    "attribute_scores",
    "aupc_estimate",
    "auroc_aupc_estimate",
    "auroc_delta_aupc_estimate",
    "bottleneck_importance",
    "cell_units",
    "choice_alpha",
    "cohen_kappa",
    "cohen_kappa_estimate",
    "delta_aupc",
    "delta_aupc_estimate",
    "drop_curve",
    "effect",
    "equal_attributes",
    "expected_accuracy",
    "expected_auroc",
    "experts_kappa",
    "explanation_coverage",
    "explanation_region",
    "feature_portion",
    "fleiss_kappa",
    "global_order",
    "grid_shape",
    "ground_truth_coverage",
    "importance_auroc",
    "importance_correlation",
    "importances",
    "infidelity",
    "iou",
    "kappa_estimate",
    "kernel_distance",
    "kernel_distance_margin",
    "krippendorff_alpha",
    "map_similarity",
    "mi_correlation",
    "modality_portions",
    "modality_shapley",
    "modality_sums",
    "modality_weights",
    "model_order",
    "msfi",
    "permutation_importance",
    "perturbation_curve_area",
    "pooled_kappa",
    "postprocessed",
    "published_map",
    "published_rank_map",
    "published_thresholds",
    "published_unimportant",
    "random_order",
    "relevance_mass",
    "removal_order",
    "removal_rank_map",
    "removal_steps",
    "removed_mask",
    "removed_shares",
    "repeat_agreement",
    "resampled",
    "sampled_importance",
    "sampled_permutation",
    "score_bands",
    "segment_rank_map",
    "segment_units",
    "sensitivity_n",
    "shared_interest_cases",
    "standardised_weights",
    "top_fraction_mask",
    "top_k_agreement",
    "top_shares",
    "truth_of",
    "unable_share",
    "unseen_share",
]
