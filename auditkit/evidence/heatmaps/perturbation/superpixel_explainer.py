"""What all methods have in common that cover superpixels."""

from typing import Any

import torch

from auditkit.evidence.heatmaps.baselines import baselines
from auditkit.evidence.heatmaps.explainer import Batch, Explainer, Fitness
from auditkit.evidence.heatmaps.perturbation.game import Game
from auditkit.evidence.heatmaps.perturbation.players import cell_of, players_of
from auditkit.evidence.heatmaps.subject import Subject


class SuperpixelExplainer(Explainer):
    """A method whose players are superpixels.

    Args:
        subject: what is explained.
        method: with its superpixels.
        background: float (B, C, *space), images of the data set, where the method asks for any.

    Raises:
        AuditError: the grid is finer than the input.
    """

    def __init__(self, subject: Subject, method: Any, background: torch.Tensor | None) -> None:
        self._subject = subject
        self._method = method
        self._background = background
        self.cell = cell_of(subject.space, method.superpixels)

    def fitness(self) -> Fitness:
        """Answers are enough: any model can be asked."""
        return Fitness()

    def _game(self, batch: Batch, rows: int, baseline: str) -> Game:
        """The game of a batch's superpixels, those that are absent being covered by a baseline."""
        players = players_of(batch.inputs, self._method.superpixels, self._subject.modalities)
        filling = baselines(batch.inputs, baseline, self._background)
        return Game(self._subject, batch, players, filling, rows)
