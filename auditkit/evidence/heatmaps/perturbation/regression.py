"""LIME's weighted least squares from the answers for pairs of a coalition and its complement."""

from functools import lru_cache
from math import exp, lgamma, log

import torch

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.perturbation.budget import Answers
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign, chunks
from auditkit.evidence.heatmaps.perturbation.strata import rows_times, stratified_total

# Strata of less weight than this share of the heaviest come last, and only where all are enumerated.
_LEAST_RATE = 1e-9
_MOST_CONDITION = 1e12
_EYE = torch.eye(2, dtype=torch.float64)
# Where a pair determines a coefficient alone, leaving it out leaves nothing.
_TINY = 1e-9


def log_proximity(present: int, players: int, width: float) -> float:
    """Log of a coalition's weight: -d^2 / (2 width^2), d its cosine distance to everybody.

    d = 1 - sqrt(present / players), and 1 for nobody. The kernel of Ribeiro et al.'s image code,
    sqrt(exp(-d^2 / width^2)).
    """
    distance: float = 1 - (present / players) ** 0.5
    return -(distance**2) / (2 * width**2)


def lime_rates(players: int, width: float) -> tuple[float, ...]:
    """Pairs of a size in proportion to their number and weight: what the least squares see of them."""
    logs = []
    for size in range(1, players // 2 + 1):
        count = _log_share(size, players)
        weights = (log_proximity(k, players, width) for k in (size, players - size))
        logs.append(count + max(weights))
    return tuple(max(exp(value - max(logs)), _LEAST_RATE) for value in logs)


def _log_share(size: int, players: int) -> float:
    """Log of the share of all coalitions that the smaller ones of the pairs of a size are."""
    log_count = lgamma(players + 1) - lgamma(size + 1) - lgamma(players - size + 1)
    return log_count - players * log(2) - (log(2) if 2 * size == players else 0)


class LimeEstimator:
    """Coefficients of LIME's linear model of games that were answered on a design.

    The b that, with an intercept a, minimises

        sum over S of k(S) (v(S) - a - z(S)'b)^2 + ridge (sum of k) |b|^2

    over all 2^P coalitions, z in {0, 1}^P for who is present, log k see `log_proximity`. Of a sample, k is
    divided by the share of S's stratum that was drawn. Standard errors are the sandwich of the least
    squares, a pair being one draw whose residuals are those of the fit without it.

    Args:
        design: the pairs.
        width: of the kernel.
        ridge: penalty as a share of the total weight.

    Raises:
        AuditError: the kernel is so narrow that the coefficients are not determined.
    """

    def __init__(self, design: PairDesign, width: float, ridge: float) -> None:
        self._design = design
        self._weights, self._end_weights = _weights(design, width)
        gram = self._gram()
        penalty = torch.full((len(gram),), ridge * float(gram[0, 0]), dtype=torch.float64)
        penalty[0] = 0
        gram += torch.diag(penalty)
        _check_condition(gram, width)
        self._inverse = torch.linalg.inv(gram)

    def __call__(self, answers: Answers) -> tuple[torch.Tensor, torch.Tensor]:
        """Coefficients and standard errors, float64 (I, P) each."""
        design, quantities = self._design, self._design.players + 1
        origin = answers.ends[:, :1]
        pairs, ends = answers.pairs - origin[..., None], answers.ends - origin
        right, _ = stratified_total(design, self._coefficients, pairs, quantities)
        found = right + rows_times(ends * self._end_weights, _ends(design.players) @ self._inverse)
        residuals = self._left_out(pairs - self._fitted(found))
        _, variance = stratified_total(design, self._coefficients, residuals, quantities)
        return found[:, 1:], variance[:, 1:].sqrt()

    def _coefficients(self, part: slice) -> torch.Tensor:
        rows = _both(self._design.part(part))
        found: torch.Tensor = (rows * self._weights[:, part, None]) @ self._inverse
        return found

    def _fitted(self, coefficients: torch.Tensor) -> torch.Tensor:
        """The linear models on the pairs, (I, 2, pairs)."""
        found = [
            torch.stack(
                [rows_times(coefficients, rows.T) for rows in _both(self._design.part(part))], dim=1
            )
            for part in chunks(len(self._design))
        ]
        return torch.cat([coefficients.new_zeros(len(coefficients), 2, 0), *found], dim=2)

    def _left_out(self, residuals: torch.Tensor) -> torch.Tensor:
        """What the residuals would be if the fit had not seen the pair, (I, 2, pairs).

        (1 - H)^-1 e, H the (2, 2) leverages of the pair.
        """
        found = [residuals[..., :0]]
        for part in chunks(len(self._design)):
            rows = _both(self._design.part(part))
            leverage = torch.einsum("hjq,kjq->jhk", rows @ self._inverse, rows)
            kept = _EYE - leverage * self._weights[:, part].T[:, None]
            inverse = torch.linalg.inv(kept + _TINY * _EYE)
            found.append(torch.einsum("jhk,ikj->ihj", inverse, residuals[..., part]))
        return torch.cat(found, dim=2)

    def _gram(self) -> torch.Tensor:
        ends = _ends(self._design.players)
        found = (ends * self._end_weights[:, None]).T @ ends
        for part in chunks(len(self._design)):
            for rows, weight in zip(
                _both(self._design.part(part)), self._weights[:, part], strict=True
            ):
                found += (rows * weight[:, None]).T @ rows
        return found


def _both(design: PairDesign) -> torch.Tensor:
    """float64 (2, pairs, 1 + P): rows of the regression, of the smaller coalitions and the complements."""
    members = torch.stack([design.members, ~design.members]).double()
    return torch.cat([torch.ones_like(members[..., :1]), members], dim=-1)


def _ends(players: int) -> torch.Tensor:
    """The rows of nobody and of everybody."""
    found = torch.ones(2, 1 + players, dtype=torch.float64)
    found[0, 1:] = 0
    return found


def _weights(design: PairDesign, width: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the pairs, float64 (2, pairs), and of nobody and everybody, (2,).

    Relative to the heaviest pair: shares of 2^P coalitions would underflow.
    """
    players = design.players
    sizes = range(1, players // 2 + 1)
    kernels = [[log_proximity(k, players, width) for k in (s, players - s)] for s in sizes]
    shares = torch.tensor([_log_share(size, players) for size in sizes], dtype=torch.float64)
    logs = torch.tensor(kernels, dtype=torch.float64).view(-1, 2) + shares[:, None]
    logs -= design.taken.clamp(min=1).log()[:, None]
    ends = torch.tensor([log_proximity(k, players, width) for k in (0, players)]).double()
    ends -= players * log(2)
    drawn = logs[design.taken > 0]
    top = torch.cat([drawn.flatten(), ends]).max()
    return (logs - top).exp().T[:, design.stratum], (ends - top).exp()


def _check_condition(gram: torch.Tensor, width: float) -> None:
    condition = float(torch.linalg.cond(gram))
    if not condition < _MOST_CONDITION:
        raise AuditError(
            f"lime: with width {width:g} the kernel leaves weight on too few of the coalitions of "
            f"{len(gram) - 1} superpixels to tell them apart; a larger width was expected"
        )


@lru_cache(maxsize=16)
def lime_estimator(design: PairDesign, pairs: int, width: float, ridge: float) -> LimeEstimator:
    """The estimator on the first pairs of a design; one factorisation for all images of a run."""
    return LimeEstimator(design.beginning(pairs), width, ridge)
