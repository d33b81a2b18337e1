"""The tables of a benchmark: correlations, and tables 2 and 3 of the supplement of arXiv:2407.14509."""

from collections.abc import Sequence

from auditkit.benchmarking.agreements import agreement
from auditkit.benchmarking.importance import Ranked
from auditkit.benchmarking.result import (
    AgreementResult,
    ConceptResult,
    EffectiveResult,
    Quantity,
    TargetResult,
)
from auditkit.findings import Table


def correlations(found: Sequence[AgreementResult]) -> Table:
    """Pearson's correlation of every method with every oracle."""
    oracles = list(dict.fromkeys(one.oracle for one in found))
    methods = list(dict.fromkeys(one.method for one in found))
    known = {(one.method, one.oracle): one for one in found}
    rows = [
        [
            method,
            *(known[method, oracle].pearson.wording for oracle in oracles),
            str(known[method, oracles[0]].points),
        ]
        for method in methods
    ]
    return Table(
        "correlations",
        "Correlation with what is known of the targets",
        ["method", *oracles, "points"],
        rows,
        "Pearson over all targets and concepts; 95 % interval over targets, each drawn with all its "
        "concepts. The true renderer is the ceiling: DEPICT with images that the data set draws itself.",
    )


def gradcam_layers(oracles: Sequence[Ranked], layers: Sequence[Ranked], seed: int) -> Table:
    """Correlation of Grad-CAM at other layers than the one that was chosen beforehand."""
    rows = [
        [layer.name, *(agreement(oracle, layer, seed).pearson.wording for oracle in oracles)]
        for layer in layers
    ]
    return Table(
        "gradcam layers",
        "Grad-CAM at other layers",
        ["at the last convolution of every resolution", *(oracle.name for oracle in oracles)],
        rows,
        "For the record only: the layer of the comparison was chosen beforehand. Pearson as above.",
    )


def effective_generation(found: EffectiveResult, targets: Sequence[TargetResult]) -> Table:
    """AUROC of targets on real and on generated images (table 2)."""
    rows = [
        ["real images, median", found.real_median.wording, _quartiles(found.real_quartiles)],
        [
            "generated images, median",
            found.generated_median.wording,
            _quartiles(found.generated_quartiles),
        ],
        ["real minus generated, mean", found.mean_gap.wording, ""],
        ["real minus generated, largest", found.largest_gap.wording, _largest(targets)],
    ]
    return Table(
        "effective generation",
        f"Effective generation: {len(targets)} targets",
        ["AUROC", "value [95 % interval]", "quartiles, or which target"],
        rows,
        "Intervals over patients. Of the largest difference, the upper limit is the largest of the single "
        "ones; the lower limit is corrected for their number (Bonferroni).",
    )


def concept_classifier(found: Sequence[ConceptResult]) -> Table:
    """AUROC of the concept classifier on real and on generated images (table 3)."""
    rows = [
        [
            one.concept,
            str(one.present),
            one.auroc_real.wording,
            one.auroc_generated.wording,
            one.gap.wording,
        ]
        for one in found
    ]
    return Table(
        "concept classifier",
        "Effective generation: the concept classifier",
        ["concept", "images that show it", "real", "generated", "difference"],
        rows,
        "AUROC with 95 % interval over patients.",
    )


def _quartiles(found: Sequence[float | None]) -> str:
    ends = ["not evaluable" if end is None else f"{end:.3f}" for end in found]
    return " to ".join(ends)


def _largest(targets: Sequence[TargetResult]) -> str:
    def gap(one: TargetResult) -> float:
        return _value(one.gap)

    return max(targets, key=gap).name


def _value(found: Quantity) -> float:
    return float("-inf") if found.value is None else found.value
