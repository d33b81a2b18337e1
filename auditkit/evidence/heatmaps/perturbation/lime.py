"""LIME: coefficients of a local linear model."""

from typing import ClassVar

import torch

from auditkit.evidence.heatmaps.perturbation.budget import Estimator
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign
from auditkit.evidence.heatmaps.perturbation.regression import lime_estimator, lime_rates
from auditkit.evidence.heatmaps.perturbation.sampled import SampledExplainer
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.methods import Lime


class LimeExplainer(SampledExplainer):
    """Coefficients of a linear model over superpixels, by proximity (Ribeiro et al., arXiv:1602.04938).

    Equation 1 with the squared loss, the exponential kernel on the cosine distance of who is present, and all
    superpixels in the model: see `regression.LimeEstimator`. What is estimated is the solution over all 2^P
    coalitions. Coalitions come in pairs with their complements, sizes in proportion to their number and
    weight, none twice. Exact, with standard error 0, where 2^P <= samples.

    Deviates: Ribeiro et al. draw coalitions uniformly and then weight them, so that most of the draws weigh
    little; ridge or no penalty instead of K-LASSO, whose choice of superpixels is a matter of display.
    """

    efficient: ClassVar[bool] = False

    def __init__(self, subject: Subject, method: Lime, background: torch.Tensor | None) -> None:
        super().__init__(subject, method, background)
        self._width = float(method.width)
        self._ridge = float(method.ridge)

    def rates(self, players: int) -> tuple[float, ...]:
        """Number times weight."""
        return lime_rates(players, self._width)

    def estimator(self, design: PairDesign, pairs: int) -> Estimator:
        """Weighted least squares."""
        return lime_estimator(design, pairs, self._width, self._ridge)
