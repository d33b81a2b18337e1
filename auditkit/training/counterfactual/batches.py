"""What each step of the training learns from: a function of the recipe, the pictures and the step."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from auditkit.evidence.identity import seed_of
from auditkit.spec.training_counterfactual import CounterfactualTraining
from auditkit.training.counterfactual.images import Pictures, as_input
from auditkit.training.counterfactual.learner import Batch
from auditkit.training.schedule import order


def steps_of(recipe: CounterfactualTraining, images: int) -> int:
    """Steps of the generator, at most: stated, or epochs x images / (batch x discriminator_steps).

    Deviates: the paper's code drops what is left of an epoch after whole batches; here, epochs follow
    each other without a gap.
    """
    if recipe.epochs is None:
        return recipe.steps
    return math.ceil(recipe.epochs * images / images_per_step(recipe))


def images_per_step(recipe: CounterfactualTraining) -> int:
    """How many images the discriminator sees per step of the generator."""
    return recipe.batch * recipe.discriminator_steps


def enlarged(recipe: CounterfactualTraining, size: int) -> int:
    """Side of the pictures that squares of ``size`` are cut from."""
    return int(float(recipe.augment.scale) * size)


def is_varied(recipe: CounterfactualTraining) -> bool:
    """Whether training images vary, so that their scores cannot be known beforehand."""
    return recipe.augment.scale > 1 or recipe.augment.brightness > 0


@dataclass(frozen=True)
class Source:
    """Batches by step, safe to call from threads.

    Attributes:
        recipe: how training images vary, and in which order they come.
        pictures: uint8 (n, side, side, 3), to train on.
        size: side of the model's input.
        scores: (n,) the model's score of each picture; None where they vary.
    """

    recipe: CounterfactualTraining
    pictures: Pictures
    size: int
    scores: torch.Tensor | None

    def step(self, step: int) -> list[Batch]:
        """The discriminator's batches of a step (from 0); the last one is the generator's, too."""
        recipe, wanted = self.recipe, images_per_step(self.recipe)
        chosen = order(recipe.seed, len(self.pictures), step * wanted, wanted)
        parts = np.split(chosen, recipe.discriminator_steps)
        return [self._batch(part, step, place) for place, part in enumerate(parts)]

    def _batch(self, chosen: np.ndarray, step: int, place: int) -> Batch:
        if not is_varied(self.recipe):
            known = None if self.scores is None else self.scores[torch.from_numpy(chosen)]
            return Batch(as_input(self.pictures[chosen]), known)
        seed = seed_of("augmentation", self.recipe.seed, step, place)
        return Batch(self._varied(self.pictures[chosen], np.random.default_rng(seed)), None)

    def _varied(self, pictures: Pictures, generator: np.random.Generator) -> torch.Tensor:
        """A square of each at random, and its values times a factor at random."""
        spread, room = float(self.recipe.augment.brightness), pictures.shape[1] - self.size
        places = generator.integers(room + 1, size=(len(pictures), 2))
        factors = torch.from_numpy(generator.uniform(1 - spread, 1 + spread, len(pictures)))
        cut = [
            picture[top : top + self.size, left : left + self.size]
            for picture, (top, left) in zip(pictures, places, strict=True)
        ]
        return (as_input(np.stack(cut)) * factors.float().view(-1, 1, 1, 1)).clamp(0, 1)
