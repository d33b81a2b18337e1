"""Kernel SHAP: Shapley values by weighted least squares."""

from typing import ClassVar

from auditkit.evidence.heatmaps.perturbation.budget import Estimator
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign
from auditkit.evidence.heatmaps.perturbation.sampled import SampledExplainer
from auditkit.evidence.heatmaps.perturbation.shapley import shapley_estimator, shapley_rates


class KernelShapExplainer(SampledExplainer):
    """Shapley values of superpixels by weighted least squares (Lundberg and Lee, arXiv:1705.07874).

    The values sum to v(everybody) - v(nobody) exactly, as a constraint of the least squares (Covert and Lee,
    arXiv:2012.01536, equation 7). Coalitions come in pairs with their complements, as many of every size
    (leverage scores), none twice (Musco and Witter, arXiv:2410.01917). The regression is that of what a
    surrogate with interactions of three and five players leaves, fitted to the same answers (Witter, Liu and
    Musco, arXiv:2506.11849): see `shapley.ShapleyEstimator`. Exact, with standard error 0, where 2^P <=
    samples.

    Deviates: from Lundberg and Lee in the sampling, which was i.i.d. from the Shapley kernel, and in the
    surrogate; both lower the error and leave what is estimated as it is.
    """

    efficient: ClassVar[bool] = True

    def rates(self, players: int) -> tuple[float, ...]:
        """Leverage scores."""
        return shapley_rates(players)

    def estimator(self, design: PairDesign, pairs: int) -> Estimator:
        """Least squares with the sampled pairs' own matrix."""
        return shapley_estimator(design, pairs, sampled_gram=True)
