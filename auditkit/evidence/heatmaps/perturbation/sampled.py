"""What Kernel SHAP, Shapley value sampling and LIME share: players, budget, rounds, maps."""

from abc import abstractmethod
from typing import ClassVar

import torch

from auditkit.evidence.heatmaps.explainer import (
    Batch,
    Explained,
    Fitness,
    completeness,
)
from auditkit.evidence.heatmaps.perturbation.budget import (
    Estimates,
    Estimator,
    estimate,
    pairs_within,
)
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign, paired_design
from auditkit.evidence.heatmaps.perturbation.game import Game
from auditkit.evidence.heatmaps.perturbation.superpixel_explainer import SuperpixelExplainer
from auditkit.evidence.identity import seed_of
from auditkit.spec.methods import Sampled


class SampledExplainer(SuperpixelExplainer):
    """A method that estimates one number per player from the values of coalitions.

    Images with equally many players share the coalitions, whose seed follows from the method and that
    number. All coalitions are asked for, and the standard error is 0, where ``samples`` pay for them.
    ``samples`` are inputs shown to the network: with B images as baseline, a coalition costs B of them.

    Args:
        subject: what is explained.
        method: superpixels, baseline, samples and error.
        background: float (B, C, *space), for ``baseline: data``.

    Raises:
        AuditError: the grid is finer than the input, or (from `explain`) there are fewer samples than
            four for each superpixel and two more.
    """

    efficient: ClassVar[bool]
    _method: Sampled

    @abstractmethod
    def rates(self, players: int) -> tuple[float, ...]:
        """Which share of the pairs each size gets."""

    @abstractmethod
    def estimator(self, design: PairDesign, pairs: int) -> Estimator:
        """The estimator on the first pairs."""

    def fitness(self) -> Fitness:
        """Answers are enough: any model can be asked. Notes how much of a grid's game is asked for."""
        superpixels = self._method.superpixels
        if superpixels.kind == "slic":
            return Fitness()
        layers = 1 if superpixels.shared else len(self._subject.modalities)
        count = layers * superpixels.side ** len(self._subject.space)
        coalitions = self._method.samples // self._baselines()
        exact = count <= coalitions.bit_length() and 2**count <= coalitions
        share = f"all {2**count} coalitions" if exact else f"{coalitions} coalitions at most"
        return Fitness(notes=[f"{count} superpixels, {share}"])

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Values (N, M, *grid) with their standard errors; those of shared superpixels in every modality."""
        game = self._game(batch, rows, self._method.baseline)
        players = game.players
        values: dict[int, torch.Tensor] = {}
        errors: dict[int, torch.Tensor] = {}
        evaluations = torch.zeros(len(batch), dtype=torch.long)
        residual = torch.zeros(len(batch))
        for images in players.groups():
            found = self._estimates(game, images)
            values.update(zip(images, found.values, strict=True))
            errors.update(zip(images, found.standard_error, strict=True))
            evaluations[images] = found.coalitions * game.baselines
            residual[images] = completeness(found.values, found.change)
        every = range(len(batch))
        return Explained(
            players.maps([values[image] for image in every]),
            standard_error=players.maps([errors[image] for image in every]),
            residual=residual if self.efficient else None,
            evaluations=evaluations,
            segments=players.segments,
        )

    def _baselines(self) -> int:
        """How many images one coalition is answered on."""
        if self._method.baseline != "data" or self._background is None:
            return 1
        return max(1, len(self._background))

    def _estimates(self, game: Game, images: list[int]) -> Estimates:
        count = game.players.counts[images[0]]
        pairs = pairs_within(count, self._method.samples // game.baselines)
        seed = seed_of(self._method.identity, count)
        design = paired_design(count, pairs, self.rates(count), seed)
        return estimate(
            game.values,
            images,
            design,
            lambda pairs: self.estimator(design, pairs),
            self._method.error,
        )
