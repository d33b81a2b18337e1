"""One number per image and heatmap method, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import metrics
from auditkit.checks.coverages import Annotations, coverages
from auditkit.checks.plausible import Score, importance_of, plausible
from auditkit.evidence import Evidence
from auditkit.evidence.removal import RemovalPlan
from auditkit.spec.declarations.compare_methods import PLAUSIBLE, REMOVAL, CompareMethods
from auditkit.spec.methods import Method

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """One method's numbers.

    Attributes:
        values: (n,), NaN where there is a reason.
        reasons: (n,) why an image could not be evaluated; empty where it could.
    """

    values: Floats
    reasons: Sequence[str]


def scores_of(
    evidence: Evidence, methods: Sequence[Method], parameters: CompareMethods
) -> list[Scores]:
    """The metric of every image's heatmap, for each method.

    Raises:
        AuditError: the data have no annotations and the metric needs them.
    """
    if parameters.metric in REMOVAL:
        return [_removal(evidence, method, parameters) for method in methods]
    if parameters.metric in PLAUSIBLE:
        return _plausibility(evidence, methods, parameters)
    annotations = Annotations(evidence)
    name = parameters.metric.replace("-", "_")
    found = [coverages(evidence, method, parameters, annotations) for method in methods]
    return [Scores(one.values[name], one.reasons) for one in found]


def _plausibility(
    evidence: Evidence, methods: Sequence[Method], parameters: CompareMethods
) -> list[Scores]:
    """FP or MSFI, the weights being those of all images."""
    score: Score = "msfi" if parameters.metric == "msfi" else "fp"
    importance = importance_of(evidence, parameters, score)
    found = plausible(evidence, methods, parameters, importance)
    return [Scores(one.values(score), one.reasons(score)) for one in found]


def _removal(evidence: Evidence, method: Method, parameters: CompareMethods) -> Scores:
    """AUPC of single images: the area under 'right or wrong' while cells are removed.

    delta-AUPC is the mean such area under random removal minus that of the heatmap.
    """
    plan = RemovalPlan(parameters.fill, parameters.steps, parameters.repeats)
    found = evidence.removal(method, plan)
    areas = metrics.perturbation_curve_area(found.fraction, evidence.right(found.decision))
    if parameters.metric == "delta-aupc":
        random = evidence.random_removal(method, plan)
        right = evidence.right(random.decision)
        areas = metrics.perturbation_curve_area(random.fraction, right).mean(axis=1) - areas
    return Scores(np.where(found.evaluable, areas, np.nan), found.reasons.tolist())
