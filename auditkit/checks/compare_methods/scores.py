"""One number per image and heatmap method, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import metrics
from auditkit.checks.coverages import Annotations, coverages
from auditkit.checks.truthfulness import NO_ORDER, at_random
from auditkit.evidence import Evidence
from auditkit.spec.declarations.compare_methods import REMOVAL, CompareMethods
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
    annotations = Annotations(evidence)
    name = parameters.metric.replace("-", "_")
    found = [coverages(evidence, method, parameters, annotations) for method in methods]
    return [Scores(one.values[name], one.reasons) for one in found]


def _removal(evidence: Evidence, method: Method, parameters: CompareMethods) -> Scores:
    """AUPC of single images: the area under 'right or wrong' while cells are removed.

    delta-AUPC is the mean such area under random removal minus that of the heatmap.
    """
    fill, steps, repeats = parameters.fill, parameters.steps, parameters.repeats
    decisions, fractions = evidence.removal(method, fill, steps)
    ordered = decisions[:, 0] >= 0
    areas = metrics.perturbation_curve_area(fractions, evidence.right(decisions))
    if parameters.metric == "delta-aupc":
        random = at_random(evidence, method, fill, steps, repeats)
        chance = metrics.perturbation_curve_area(fractions, evidence.right(random)).mean(axis=1)
        areas = chance - areas
    return Scores(np.where(ordered, areas, np.nan), ["" if one else NO_ORDER for one in ordered])
