"""Shapley value sampling: random orders in which players join."""

from typing import ClassVar

from auditkit.evidence.heatmaps.perturbation.budget import Estimator
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign
from auditkit.evidence.heatmaps.perturbation.sampled import SampledExplainer
from auditkit.evidence.heatmaps.perturbation.shapley import shapley_estimator, shapley_rates


class ShapleySamplingExplainer(SampledExplainer):
    """Shapley values of superpixels from random orders (Castro et al., doi:10.1016/j.cor.2008.04.004).

    phi_i is the mean over orders of v(those before i, and i) - v(those before i). For each length s the first
    s players of a random order are a random coalition of s players, so that

        phi_i = 1/P sum over s of (mean of v over coalitions of s players with i - mean over those of s - 1
        without i)

    and one coalition tells of every player, not only of two (Kolpaczki et al., arXiv:2302.00736). So each
    random order is asked about at one length only, together with the same order reversed (antithetic:
    Mitchell et al., JMLR 23:43, 2022), whose beginning is the complement; lengths are equally frequent, and
    no coalition is asked for twice. A surrogate with interactions of three and five players, fitted to the
    same answers, is the control variate (Witter, Liu and Musco, arXiv:2506.11849): see
    `shapley.ShapleyEstimator`. Sums to v(everybody) - v(nobody); exact, with standard error 0, where
    2^P <= samples.

    Deviates: from Castro et al., who go through each order to its end. Coalitions of one order are alike,
    and at equal evaluations that estimate has several times the squared error. Beyond 512 players the
    surrogate is additive, which is the regression of Kernel SHAP.
    """

    efficient: ClassVar[bool] = True

    def rates(self, players: int) -> tuple[float, ...]:
        """Every length as often."""
        return shapley_rates(players)

    def estimator(self, design: PairDesign, pairs: int) -> Estimator:
        """Means of what the surrogate leaves, by stratum."""
        return shapley_estimator(design, pairs, sampled_gram=False)
