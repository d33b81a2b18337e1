"""The images of a run: to learn from, to evaluate on, and to take norms from."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from auditkit.evidence.identity import seed_of
from auditkit.models.model import Model
from auditkit.training.counterfactual.batches import Source, enlarged, is_varied
from auditkit.training.counterfactual.evaluation import IMAGES, HeldOut
from auditkit.training.counterfactual.images import Pictures, as_input, prepared, scores
from auditkit.training.counterfactual.learner import Batch
from auditkit.training.counterfactual.task import Task

_SCORED_AT_ONCE = 32


@dataclass(frozen=True)
class Material:
    """Images of a task as a model sees them.

    Attributes:
        task: says which.
        model: the audited model.
        folder: of the run, where they are kept meanwhile.
    """

    task: Task
    model: Model
    folder: Path

    def source(self) -> Source:
        """What is learned from."""
        recipe, size = self.task.recipe, self.task.model.input.size
        pictures = self._pictures(self.task.training, enlarged(recipe, size))
        known = None if is_varied(recipe) else self._scores(pictures)
        if known is not None:
            self._warn_of_one_side(known)
        return Source(recipe, pictures, size, known)

    def held_out(self) -> HeldOut:
        """What is evaluated on."""
        assert self.task.model.threshold is not None
        pictures = self._some(self.task.held_out)
        return HeldOut(
            pictures,
            self._scores(pictures),
            lambda images: self.model.probabilities(images)[:, 1],
            float(self.task.model.threshold),
            self.model.device,
        )

    @cached_property
    def calibration(self) -> Batch:
        """Training images as audits would see them, from which norms are taken."""
        pictures = self._some(self.task.training)
        return Batch(as_input(pictures), self._scores(pictures))

    def _some(self, rows: Sequence[int]) -> Pictures:
        """Some of the pictures, whatever the order of the data set."""
        records = self.task.data.records
        mixed = sorted(rows, key=lambda row: seed_of("evaluated", records[row].digest))
        return self._pictures(mixed[:IMAGES], self.task.model.input.size)

    def _pictures(self, rows: Sequence[int], side: int) -> Pictures:
        given = self.task.model.input.model_copy(update={"size": side})
        return prepared(self.task.data, rows, given, self.folder, self.task.recipe.workers)

    def _scores(self, pictures: Pictures) -> torch.Tensor:
        return scores(self.model, pictures, _SCORED_AT_ONCE)

    def _warn_of_one_side(self, known: torch.Tensor) -> None:
        threshold = float(self.task.model.threshold or 0)
        positive = int((known.double() >= threshold).sum())
        if 0 < positive < len(known):
            return
        side = "below" if positive == 0 else "at or above"
        sys.stderr.write(
            f"warning: '{self.task.model.model}' scores all {len(known)} images {side} its threshold of "
            f"{threshold:g}: what lies on the other side is learned from its gradients alone\n"
        )
