"""Smallest sets of superpixels that suffice for the decision."""

from collections.abc import Sequence
from math import log

import torch

from auditkit.evidence.heatmaps.explainer import Batch, Explained
from auditkit.evidence.heatmaps.perturbation.game import Game
from auditkit.evidence.heatmaps.perturbation.superpixel_explainer import SuperpixelExplainer
from auditkit.spec.methods import SufficientSubsets

# Answers closer than this share are equal: rounding must not choose between two regions that say nothing.
_TIE = 1e-5


class SufficientSubsetsExplainer(SuperpixelExplainer):
    """Sufficient input subsets: small sets of superpixels that alone reach the decision.

    Carter et al., arXiv:1810.03805, procedures SIScollection, BackSelect and FindSIS, with the criterion
    answer(x_S) >= bound: the logit of ``threshold``, else the answer from which on the target is certainly
    the decision (0 if the subject names none). A superpixel of the k-th subset has the value 1/k, all
    others 0.

    An image that does not reach the bound as a whole has no subset, one that reaches it when everything is
    covered needs none: their maps are zero everywhere. If either answer is NaN, so is the map.

    BackSelect asks of every remaining superpixel what the answer is without it, then drops the one that is
    missed least: P (P + 1) / 2 + 1 inputs per image and baseline for the first subset of P superpixels, for
    each further one the same with the superpixels that are left.

    Deviates: superpixels instead of pixels, because the cost grows with the square of their number; the first
    of several answers that agree to 1e-5 is the best, so that rounding does not decide.

    Args:
        subject: what is explained.
        method: superpixels, baseline, threshold and number of subsets.
        background: float (B, C, *space), for ``baseline: data``.

    Raises:
        AuditError: the grid is finer than the input.
    """

    _method: SufficientSubsets

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Values 1/k (N, M, *grid)."""
        game = self._game(batch, rows, self._method.baseline)
        players = game.players
        bounds = self._bounds(batch.target.cpu())
        values: dict[int, torch.Tensor] = {}
        shown = torch.zeros(len(batch), dtype=torch.long)
        for images in players.groups():
            search = _Search(game, images, bounds[images])
            search.collect(self._method.subsets)
            values.update(zip(images, search.values, strict=True))
            shown[images] = search.shown * game.baselines
        found = [values[image] for image in range(len(batch))]
        return Explained(players.maps(found), evaluations=shown, segments=players.segments)

    def _bounds(self, target: torch.Tensor) -> torch.Tensor:
        if self._method.threshold is not None:
            share = self._method.threshold
            return torch.full((len(target),), log(share / (1 - share)), dtype=torch.float64)
        if not self._subject.boundaries:
            return torch.zeros(len(target), dtype=torch.float64)
        return torch.tensor(self._subject.boundaries, dtype=torch.float64)[target]


class _Search:
    """Subsets of images with equally many players; those with equally many left are searched together.

    Attributes:
        values: float64 (I, P), 1/k for players of the k-th subset.
        shown: int64 (I,), coalitions that were asked for.
    """

    def __init__(self, game: Game, images: Sequence[int], bounds: torch.Tensor) -> None:
        shape = (len(images), game.players.counts[images[0]])
        self.values = torch.zeros(shape, dtype=torch.float64)
        self.shown = torch.zeros(len(images), dtype=torch.long)
        self._game = game
        self._images = list(images)
        self._bounds = bounds
        self._left = torch.ones(shape, dtype=torch.bool)

    def collect(self, subsets: int) -> None:
        """SIScollection, at most so many subsets."""
        everyone = torch.arange(len(self._images))
        whole = self._answers(everyone, self._left[:, None])[:, 0]
        nobody = self._answers(everyone, torch.zeros_like(self._left)[:, None])[:, 0]
        # An image whose answer is no number is not one that has no subset.
        self.values[whole.isnan() | nobody.isnan()] = torch.nan
        active = everyone[(whole >= self._bounds) & (nobody < self._bounds)]
        for number in range(1, subsets + 1):
            sizes = self._left[active].sum(dim=1)
            for size in sorted(set(sizes.tolist())):
                self._take(active[sizes == size], number)
            if number == subsets or len(active) == 0:
                return
            active = active[self._reached(active, self._left[active][:, None])]

    def _take(self, members: torch.Tensor, number: int) -> None:
        """The next subset of images with equally many players left."""
        order, answers = self._back_select(members)
        subset = _find(order, answers, self._bounds[members], self._left.shape[1])
        self.values[members] += subset / number
        self._left[members] &= ~subset

    def _back_select(self, members: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """BackSelect: players in the order in which they go (I, S); answers after each but the last."""
        left = self._left[members]
        order, answers = [], [torch.zeros(len(members), 0, dtype=torch.float64)]
        for size in range(int(left[0].sum()), 1, -1):
            players = left.nonzero()[:, 1].view(len(members), size)
            without = left[:, None].repeat(1, size, 1).scatter_(2, players[..., None], False)
            found = self._answers(members, without)
            best = _first_best(found)
            order.append(players.gather(1, best))
            answers.append(found.gather(1, best))
            left.scatter_(1, order[-1], False)
        order.append(left.nonzero()[:, 1:])
        return torch.cat(order, dim=1), torch.cat(answers, dim=1)

    def _reached(self, members: torch.Tensor, coalitions: torch.Tensor) -> torch.Tensor:
        return self._answers(members, coalitions)[:, 0] >= self._bounds[members]

    def _answers(self, members: torch.Tensor, coalitions: torch.Tensor) -> torch.Tensor:
        """Of coalitions (I, K, P), (I, K)."""
        if len(members) == 0:
            return torch.zeros(0, coalitions.shape[1], dtype=torch.float64)
        self.shown[members] += coalitions.shape[1]
        return self._game.values([self._images[member] for member in members], coalitions)


def _first_best(answers: torch.Tensor) -> torch.Tensor:
    """Position (I, 1) of the highest answer of each row, of equal ones the first."""
    top = answers.max(dim=1, keepdim=True).values
    near = answers >= top - _TIE * top.abs().clamp(min=1)
    return near.int().argmax(dim=1, keepdim=True)


def _find(
    order: torch.Tensor, answers: torch.Tensor, bounds: torch.Tensor, count: int
) -> torch.Tensor:
    """FindSIS: players that went last, as few as reach the bound, bool (I, count).

    The sets that it tries are those that BackSelect went through, so that nothing is asked again.
    """
    whole = torch.ones(len(order), 1, dtype=torch.bool)
    reached = torch.cat([whole, answers >= bounds[:, None]], dim=1)
    steps = torch.arange(order.shape[1])
    begin = torch.where(reached, steps, -1).max(dim=1, keepdim=True).values
    return torch.zeros(len(order), count, dtype=torch.bool).scatter(1, order, steps >= begin)
