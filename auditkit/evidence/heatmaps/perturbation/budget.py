"""Rounds of evaluations until the standard error is small enough or the budget is spent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign, pairs_of

# (positions of images, bool (K, P)) to float64 (I, K).
Values = Callable[[Sequence[int], torch.Tensor], torch.Tensor]

_LEAST_PAIRS = 32
_GROWTH = 1.5
_SMALL = 0.25


@dataclass(frozen=True)
class Answers:
    """The values of coalitions.

    Attributes:
        ends: float64 (I, 2), of nobody and of everybody.
        pairs: float64 (I, 2, pairs), of the smaller coalition of each pair and of its complement.
    """

    ends: torch.Tensor
    pairs: torch.Tensor

    def of(self, images: torch.Tensor) -> "Answers":
        """Those of some of the images, a boolean or integer index."""
        return Answers(self.ends[images], self.pairs[images])

    def and_pairs(self, more: torch.Tensor) -> "Answers":
        """With the answers for further pairs, float64 (I, 2, pairs)."""
        return Answers(self.ends, torch.cat([self.pairs, more], dim=2))

    @property
    def spread(self) -> torch.Tensor:
        """float64 (I,), the standard deviation over all coalitions asked for."""
        return torch.cat([self.ends, self.pairs.flatten(1)], dim=1).std(dim=1, correction=0)


Estimator = Callable[[Answers], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Estimates:
    """What is known of images with equally many players.

    Attributes:
        values: float64 (I, P).
        standard_error: float64 (I, P), 0 where all coalitions were asked for.
        change: float64 (I,), v(everybody) - v(nobody).
        coalitions: int64 (I,), how many were asked for.
    """

    values: torch.Tensor
    standard_error: torch.Tensor
    change: torch.Tensor
    coalitions: torch.Tensor


def least_coalitions(players: int) -> int:
    """Coalitions without which there is no sound estimate: two pairs per player, or all there are."""
    return 2 + 2 * min(2 * players, pairs_of(players))


def pairs_within(players: int, coalitions: int) -> int:
    """How many pairs a budget pays beside nobody and everybody.

    Raises:
        AuditError: fewer than `least_coalitions`.
    """
    least = least_coalitions(players)
    if coalitions < least:
        raise AuditError(
            f"samples: {coalitions} coalitions of {players} superpixels are too few to tell them "
            f"apart; at least {least} were expected (4 per superpixel and 2; times the images of the "
            "baseline): raise 'samples', or use fewer superpixels"
        )
    return min((coalitions - 2) // 2, pairs_of(players))


def rounds(players: int, most: int, error: float | None) -> list[int]:
    """Pairs after each round; the last is ``most``. One round where no error is asked for."""
    if error is None:
        return [most]
    found = [min(max(2 * players, _LEAST_PAIRS), most)]
    while found[-1] < most:
        found.append(min(int(_GROWTH * found[-1]) + 1, most))
    return found


def estimate(
    values: Values,
    images: Sequence[int],
    design: PairDesign,
    estimator: Callable[[int], Estimator],
    error: float | None,
) -> Estimates:
    """Estimates of images with equally many players; each stops by itself.

    An image stops when |standard error| <= error max(|values|, spread / 2), norms over players and the spread
    the standard deviation of the answers: an additive game of that spread over random coalitions has
    values of norm twice the spread, and where the values are less than a quarter of that, mostly
    because they are zero, the quarter is the measure. Not finite answers stop it too; its values are NaN.

    Args:
        values: the game.
        images: their positions.
        design: the longest that may be asked for.
        estimator: that on the first so many pairs.
        error: None asks for the whole design.
    """
    everybody = torch.ones(2, design.players, dtype=torch.bool)
    everybody[0] = False
    ends = values(images, everybody)
    answers = Answers(ends, ends.new_zeros(len(images), 2, 0))
    found = Estimates(
        ends.new_zeros(len(images), design.players),
        ends.new_zeros(len(images), design.players),
        ends[:, 1] - ends[:, 0],
        torch.zeros(len(images), dtype=torch.long),
    )
    active = torch.arange(len(images))
    for pairs in rounds(design.players, len(design), error):
        asked = design.coalitions(slice(answers.pairs.shape[2], pairs))
        if len(asked):
            new = values([images[place] for place in active.tolist()], asked)
            answers = answers.and_pairs(new.view(len(active), 2, -1))
        estimates, errors = _finite(answers, *estimator(pairs)(answers))
        found.values[active], found.standard_error[active] = estimates, errors
        found.coalitions[active] = 2 + 2 * pairs
        going = _too_uncertain(answers, estimates, errors, error)
        active, answers = active[going], answers.of(going)
        if len(active) == 0:
            break
    return found


def _finite(
    answers: Answers, estimates: torch.Tensor, errors: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    bad = ~answers.spread.isfinite()[:, None]
    return estimates.masked_fill(bad, torch.nan), errors.masked_fill(bad, torch.nan)


def _too_uncertain(
    answers: Answers, estimates: torch.Tensor, errors: torch.Tensor, error: float | None
) -> torch.Tensor:
    """Bool (I,); False where anything is NaN, which more answers do not mend."""
    if error is None:
        return torch.zeros(len(estimates), dtype=torch.bool)
    size = torch.maximum(estimates.norm(dim=1), 2 * _SMALL * answers.spread)
    return torch.gt(errors.norm(dim=1), error * size)
