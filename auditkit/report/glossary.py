"""The field's terms that a report uses, for readers of other fields."""

from collections.abc import Mapping
from typing import Final

from auditkit.results import Results

_ALWAYS: Final = (
    "advisory",
    "audit",
    "baseline",
    "blocking",
    "cluster",
    "equivalence",
    "evidence",
    "expectation",
    "fault",
    "holm",
    "intersection-union",
    "interval",
    "not-evaluable",
    "operating-point",
    "p-value",
    "sha256",
    "stand-in",
    "waiver",
)
_OF_CHECKS: Final[Mapping[str, tuple[str, ...]]] = {
    "annotation": ("alignment", "plausibility", "informative-plausibility", "counterfactual"),
    "auroc": ("performance", "depict", "effective-generation", "informative-plausibility"),
    "calibration": ("performance",),
    "cielab": ("colour-shift", "counterfactual-attributes", "counterfactual-stability"),
    "concept": ("depict", "permutable-concepts", "effective-generation", "independent-permutation"),
    "counterfactual": (
        "counterfactual",
        "counterfactual-attributes",
        "counterfactual-control",
        "counterfactual-screening",
        "counterfactual-stability",
        "expert-study",
    ),
    "generator": (
        "depict",
        "effective-generation",
        "independent-permutation",
        "counterfactual",
        "counterfactual-control",
    ),
    "heatmap": (
        "across-trainings",
        "alignment",
        "compare-methods",
        "efficiency",
        "faithfulness",
        "informative-plausibility",
        "modality-importance",
        "plausibility",
        "randomisation",
        "ratings",
        "truthfulness",
    ),
    "modality": ("modality-importance", "plausibility"),
    "removal-curve": ("truthfulness", "across-trainings", "compare-methods"),
    "runtime": ("reproduction",),
    "sensitivity": ("performance",),
    "shapley": ("modality-importance", "plausibility", "ratings"),
}


def terms(results: Results) -> list[str]:
    """Names of the terms that this run's page uses."""
    checks = {audit.check for audit in results.audits}
    used = [term for term, of in _OF_CHECKS.items() if checks & set(of)]
    return [*_ALWAYS, *used]
