"""What a game is mostly like: fitted to the answers so far, so that only the rest is left to chance."""

from functools import lru_cache
from typing import Protocol

import torch

from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign, chunks
from auditkit.evidence.heatmaps.perturbation.strata import Coefficients, rows_times

# Pairs that the interactions are fitted to: the cost grows with their third power.
_MOST = 1024
# Of the kernel, which is 1.3 at 1: errors are flat from 0.003 to 0.3.
_NUGGET = 0.1


class Surrogate(Protocol):
    """A fitted game whose Shapley values are known."""

    def fit(self, odd: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Its Shapley values, and what it leaves unexplained.

        Args:
            odd: float64 (I, pairs), see `Interactions`.

        Returns:
            float64 (I, P), summing to zero; and the residuals (I, pairs).
        """


class Interactions:
    """An additive game plus a Gaussian process of odd interactions.

    Shapley values see a game only through y(S) = (v(S) - v(N without S)) / 2, which is odd: y(N without S) =
    -y(S), so that interactions of even order, pairs above all, have cancelled. With x in {-1, 1}^P for who
    is present and t = x.x'/P, the prior covariance of y is that of an arbitrary additive game plus
    t^3 + 0.3 t^5: interactions of three and of five players.

    Residuals are those of the fit without the pair itself (leave-one-out), which makes the fit a control
    variate that is nearly independent of what it controls; in strata that are enumerated nothing is left to
    chance, and the residual is that of the fit itself. Regression-adjusted Monte Carlo: Witter, Liu and
    Musco, arXiv:2506.11849.

    Args:
        design: the pairs that were asked for. More than 1024: the fit sees the first 1024.
    """

    def __init__(self, design: PairDesign) -> None:
        own = design.beginning(_MOST)
        self._design = design
        self._signs = _signs(own.members)
        self._enumerated = design.enumerated[own.stratum]
        centred = own.centred
        kernel = _kernel(self._signs @ self._signs.T / own.players)
        kernel.diagonal().add_(_NUGGET)
        precision = torch.cholesky_inverse(torch.linalg.cholesky(kernel))
        weighted = precision @ centred
        gram = (
            centred.T @ weighted + 1
        )  # The constant direction has no data: this makes it harmless.
        self._additive = torch.linalg.solve(gram, weighted.T)
        self._dual = precision - weighted @ self._additive
        self._left_out = self._dual.diagonal().clamp(min=1e-12)
        table = _shapley_of_kernel(own.players)
        self._shapley = table[own.sizes[:, None], own.members.long()]

    @staticmethod
    def suits(players: int) -> bool:
        """Whether there are enough pairs for every player, at least two each."""
        return 2 * players <= _MOST

    def fit(self, odd: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Surrogate`."""
        own = odd[:, : len(self._signs)].contiguous()
        additive = rows_times(own, self._additive.T)
        dual = rows_times(own, self._dual)
        left = torch.where(self._enumerated, _NUGGET * dual, dual / self._left_out)
        values = additive + rows_times(dual, self._shapley)
        residuals = torch.cat([left, self._beyond(odd, additive, dual)], dim=1)
        return values, residuals

    def _beyond(
        self, odd: torch.Tensor, additive: torch.Tensor, dual: torch.Tensor
    ) -> torch.Tensor:
        """Residuals of the pairs that the fit has not seen."""
        found = [odd[:, :0]]
        for part in chunks(len(self._design), len(self._signs)):
            pairs = self._design.part(part)
            kernel = _kernel(_signs(pairs.members) @ self._signs.T / pairs.players)
            fitted = rows_times(additive, pairs.centred.T) + rows_times(dual, kernel.T)
            found.append(odd[:, part] - fitted)
        return torch.cat(found, dim=1)


class Additive:
    """An additive game by weighted least squares, where there are too many players for interactions.

    Residuals are larger by the degrees of freedom that the fit has used, so that their squares are right on
    average; they sum to zero with its own weights, so that the values do not change.

    Args:
        design: the pairs that were asked for.
        coefficients: which combination of y each player's value is.
    """

    def __init__(self, design: PairDesign, coefficients: Coefficients) -> None:
        self._design = design
        self._coefficients = coefficients

    def fit(self, odd: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Surrogate`."""
        values = odd.new_zeros(len(odd), self._design.players)
        for part in chunks(len(self._design)):
            values += rows_times(odd[:, part], self._coefficients(part)[0])
        left = [
            odd[:, part] - rows_times(values, self._design.part(part).centred.T)
            for part in chunks(len(self._design))
        ]
        pairs, players = len(self._design), self._design.players
        return values, torch.cat(left, dim=1) * (pairs / (pairs - players + 1)) ** 0.5


def _signs(members: torch.Tensor) -> torch.Tensor:
    return members.double() * 2 - 1


def _kernel(likeness: torch.Tensor) -> torch.Tensor:
    return likeness**3 * (1 + 0.3 * likeness**2)


@lru_cache(maxsize=64)
def _shapley_of_kernel(players: int) -> torch.Tensor:
    """Shapley value of player i in the game k(., x'), by size of x' up to P/2 and whether i is in it.

    2/P sum over s = 1..P-1 of the mean of k over coalitions of size s with i: the overlap of the other
    s - 1 with the rest of x' is hypergeometric. Without the part of everybody, to whom the games here give 0.

    Returns:
        float64 (P // 2 + 1, 2).
    """
    found = torch.zeros(players // 2 + 1, 2, dtype=torch.float64)
    size = torch.arange(1, players)[:, None]
    overlap = torch.arange(players)[None]
    for own in range(1, players // 2 + 1):
        for inside in (0, 1):
            chance = _hypergeometric(overlap, players - 1, own - inside, size - 1)
            likeness = (players - 2 * (size + own - 2 * (overlap + inside))).double() / players
            found[own, inside] = 2 / players * (chance * _kernel(likeness)).sum()
    return found


def _hypergeometric(
    overlap: torch.Tensor, others: int, marked: int, drawn: torch.Tensor
) -> torch.Tensor:
    """Chance of so many marked among the drawn."""
    log = torch.lgamma(torch.arange(1, others + 2, dtype=torch.float64))
    rest = drawn - overlap
    possible = (overlap <= marked) & (rest >= 0) & (rest <= others - marked)

    def choose(count: int, taken: torch.Tensor) -> torch.Tensor:
        taken = taken.clamp(0, count)
        return log[count] - log[taken] - log[count - taken]

    chance = choose(marked, overlap) + choose(others - marked, rest) - choose(others, drawn)
    return torch.where(possible, chance.exp(), 0)
