"""Shapley values from the answers for pairs of a coalition and its complement."""

from functools import lru_cache

import torch

from auditkit.evidence.heatmaps.perturbation.budget import Answers
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign, chunks, pairs_of
from auditkit.evidence.heatmaps.perturbation.strata import stratified_total
from auditkit.evidence.heatmaps.perturbation.surrogates import Additive, Interactions, Surrogate


def shapley_rates(players: int) -> tuple[float, ...]:
    """As many pairs of every size: the leverage scores (Musco and Witter, arXiv:2410.01917, lemma 3.2).

    Two halves are one size, where other pairs are two.
    """
    return tuple(0.5 if 2 * size == players else 1.0 for size in range(1, players // 2 + 1))


class ShapleyEstimator:
    """Shapley values of games that were answered on a design.

    With y(S) = (v(S) - v(N without S)) / 2 - (|S| / P - 1/2) (v(N) - v(nobody)), z(S) in {0, 1}^P centred to
    sum zero and the Shapley kernel w(S) = 2 P / (C(P, |S|) |S| (P - |S|)),

        phi = (v(N) - v(nobody)) / P + G^-1 sum over pairs of w(S) z(S) y(S),   G = sum of w(S) z(S) z(S)',

    is the solution of Kernel SHAP's least squares with its constraint (Lundberg and Lee, arXiv:1705.07874;
    Covert and Lee, arXiv:2012.01536, equation 7). Over all pairs G is the identity (on vectors that sum to
    zero). Of a sample, w(S) is divided by the share of S's stratum that was drawn, and y(S) is what a
    surrogate leaves unexplained, whose own Shapley values are added. Standard errors are those of the
    last sum; without a regression that adapts to the pairs, times pairs / (pairs - P + 1) in variance.

    Args:
        design: the pairs.
        sampled_gram: G of the sampled pairs, as in Kernel SHAP's regression; else the one over all
            pairs, as in sampling without regression.
    """

    def __init__(self, design: PairDesign, sampled_gram: bool) -> None:
        self._design = design
        self._complete = len(design) == pairs_of(design.players)
        self._weight = _weights(design)
        self._inverse: torch.Tensor | None = None
        self._surrogate: Surrogate | None = None
        self._inflation = 1.0
        if self._complete:
            return
        fits = Interactions.suits(design.players)
        if sampled_gram or not fits:
            self._inverse = torch.linalg.inv(self._gram())
        else:
            self._inflation = len(design) / (len(design) - design.players + 1)
        self._surrogate = Interactions(design) if fits else Additive(design, self._coefficients)

    def __call__(self, answers: Answers) -> tuple[torch.Tensor, torch.Tensor]:
        """Shapley values and standard errors, float64 (I, P) each; they sum to v(N) - v(nobody)."""
        design = self._design
        change = answers.ends[:, 1] - answers.ends[:, 0]
        odd = (answers.pairs[:, 0] - answers.pairs[:, 1]) / 2
        odd = odd - change[:, None] * (design.sizes.double() / design.players - 0.5)
        fitted = change[:, None] / design.players
        if self._surrogate is not None:
            explained, odd = self._surrogate.fit(odd)
            fitted = fitted + explained
        rest, variance = stratified_total(design, self._coefficients, odd[:, None], design.players)
        values = fitted + rest
        return values + (change - values.sum(dim=1))[:, None] / design.players, (
            variance * self._inflation
        ).sqrt()

    def _coefficients(self, part: slice) -> torch.Tensor:
        weighted = self._design.part(part).centred * self._weight[part, None]
        return (weighted if self._inverse is None else weighted @ self._inverse)[None]

    def _gram(self) -> torch.Tensor:
        """G, and 1 in the direction that no vector that sums to zero sees."""
        players = self._design.players
        found = torch.full((players, players), 1 / players, dtype=torch.float64)
        for part in chunks(len(self._design)):
            centred = self._design.part(part).centred
            found += (centred * self._weight[part, None]).T @ centred
        return found


def _weights(design: PairDesign) -> torch.Tensor:
    """2 P / (|S| (P - |S|)) / pairs of that size that were drawn; half of it for two halves."""
    size, players = design.sizes.double(), design.players
    halves = torch.where(2 * size == players, 0.5, 1.0)
    return halves * 2 * players / (size * (players - size)) / design.taken[design.stratum]


@lru_cache(maxsize=16)
def shapley_estimator(design: PairDesign, pairs: int, sampled_gram: bool) -> ShapleyEstimator:
    """The estimator on the first pairs of a design; one factorisation for all images of a run."""
    return ShapleyEstimator(design.beginning(pairs), sampled_gram)
