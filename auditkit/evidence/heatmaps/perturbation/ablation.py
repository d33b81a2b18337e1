"""Change of the answer when one region is covered: windows, superpixels, superpixels of another image."""

from math import prod

import torch

from auditkit.evidence.heatmaps.baselines import baselines
from auditkit.evidence.heatmaps.explainer import Batch, Explained, Explainer, Fitness
from auditkit.evidence.heatmaps.perturbation.game import Covering, Game
from auditkit.evidence.heatmaps.perturbation.superpixel_explainer import SuperpixelExplainer
from auditkit.evidence.heatmaps.perturbation.windows import Windows, axes_of
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.methods import FeatureAblation, FeaturePermutation, Occlusion

# Players that are covered by one call: bounds the coalitions held, P x P where a player is a pixel.
_AT_ONCE = 1024


class OcclusionExplainer(Explainer):
    """Drop of the answer when a window is covered (Zeiler and Fergus, arXiv:1311.2901, section 4.1).

    Of each pixel, the mean drop over the windows that cover it, as in captum's Occlusion; then the mean
    over each cell of about stride by stride pixels, because the map holds no more than that (an axis has
    as many equal cells as strides, rounded up). A window covers one modality at a time. As many inputs per
    image and baseline as there are windows, and one more.

    Window and stride are fractions of each axis, at least a pixel.

    Args:
        subject: what is explained.
        method: window, stride and baseline.
        background: float (B, C, *space), for ``baseline: data``.
    """

    def __init__(
        self, subject: Subject, method: Occlusion, background: torch.Tensor | None
    ) -> None:
        self._subject = subject
        self._method = method
        self._background = background
        self._axes = axes_of(method, subject.space)
        pairs = zip(subject.space, self._axes, strict=True)
        self.cell = max(-(-size // axis.shares.shape[1]) for size, axis in pairs)

    def fitness(self) -> Fitness:
        """Answers are enough: any model can be asked."""
        return Fitness()

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Mean drops (N, M, *cells)."""
        shape = (len(self._subject.modalities), *(len(axis.covers) for axis in self._axes))
        windows = prod(shape)
        filling = baselines(batch.inputs, self._method.baseline, self._background)
        covering = Covering(self._subject, batch, filling, rows)
        covers = Windows([axis.covers for axis in self._axes], self._subject, batch.inputs)
        answers = covering.answers(range(len(batch)), windows + 1, covers).mean(dim=1)
        drops = (answers[:, :1] - answers[:, 1:]).view(len(batch), *shape)
        for axis in self._axes:
            # The axis that was mixed comes last: after all of them they are in order again.
            drops = torch.tensordot(drops, axis.shares, dims=([2], [0]))
        shown = torch.full((len(batch),), (windows + 1) * covering.baselines)
        return Explained(drops.float(), evaluations=shown)


class FeatureAblationExplainer(SuperpixelExplainer):
    """Drop of the answer when one superpixel is covered.

    a_p = v(all) - v(all without p), with v(S) the answer when the players outside S are covered, the mean
    over the baselines. Equals captum's FeatureAblation with the superpixels as feature mask. P + 1 inputs per
    image and baseline.

    Args:
        subject: what is explained.
        method: superpixels and baseline.
        background: float (B, C, *space), for ``baseline: data``.

    Raises:
        AuditError: the grid is finer than the input.
    """

    _method: FeatureAblation

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Drops (N, M, *grid); those of shared superpixels are the same in every modality."""
        game = self._game(batch, rows, self._method.baseline)
        players = game.players
        drops = [drop.mean(dim=0) for drop in _drops(game)]
        return Explained(
            players.maps(drops), evaluations=_evaluations(game), segments=players.segments
        )


class FeaturePermutationExplainer(SuperpixelExplainer):
    """Mean drop of the answer when one superpixel comes from another image.

    a_p = 1/D sum_d [f(x) - f(x with p taken from donor d)], the permutation importance of Fisher et al.
    (arXiv:1801.01489) for one image; its standard error is that of the mean over the D donors (none for one
    donor). (P + 1) D inputs per image.

    Deviates: captum's FeaturePermutation takes regions from the other images of the batch, so that a heatmap
    depends on its batch and a batch of one gives zeros. Here the donors are images of the data set, the
    same for every image; one that is among them meets itself once, with a drop of 0.

    Args:
        subject: what is explained.
        method: superpixels and number of donors.
        background: float (D, C, *space), the donors.

    Raises:
        AuditError: the grid is finer than the input, or (from `explain`) there are no donors.
    """

    _method: FeaturePermutation

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Mean drops (N, M, *grid) and their standard errors over donors."""
        game = self._game(batch, rows, "data")
        players, drops = game.players, _drops(game)
        several = game.baselines > 1
        error = [drop.std(dim=0) / game.baselines**0.5 for drop in drops if several]
        return Explained(
            players.maps([drop.mean(dim=0) for drop in drops]),
            standard_error=players.maps(error) if several else None,
            evaluations=_evaluations(game),
            segments=players.segments,
        )


def _drops(game: Game) -> list[torch.Tensor]:
    """For each image, float64 (B, P): the drop when each player is covered by each baseline."""
    found: dict[int, torch.Tensor] = {}
    for images in game.players.groups():
        count = game.players.counts[images[0]]
        parts = [
            game.answers(images, _without(first, min(first + _AT_ONCE, count), count))
            for first in range(0, count, _AT_ONCE)
        ]
        whole = parts[0][..., :1]
        alone = torch.cat([parts[0][..., 1:], *parts[1:]], dim=-1)
        found.update(zip(images, whole - alone, strict=True))
    return [found[image] for image in range(len(found))]


def _without(first: int, stop: int, count: int) -> torch.Tensor:
    """Coalitions in which one of the players ``first`` to ``stop`` is absent; before the first: nobody."""
    players = torch.arange(first, stop)
    present = torch.ones(len(players), count, dtype=torch.bool)
    present[torch.arange(len(players)), players] = False
    return torch.cat([torch.ones(1 if first == 0 else 0, count, dtype=torch.bool), present])


def _evaluations(game: Game) -> torch.Tensor:
    return (torch.tensor(game.players.counts) + 1) * game.baselines
