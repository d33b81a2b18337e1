"""The batch of a training step: a function of the recipe, the data and the step."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from auditkit.evidence.identity import seed_of
from auditkit.models.diffusion.parts import TextToImage
from auditkit.spec.training import ConceptTraining
from auditkit.training.captioned import Captioned
from auditkit.training.schedule import draws, order


@dataclass(frozen=True)
class Batch:
    """Images of one step, with all that is random about it.

    Attributes:
        images: (N, H, W, 3) uint8.
        rows: (N,) rows of token ids.
        timesteps: (N,).
        noise: (N, C, h, w) added to the latents.
        posterior: (N, C, h, w) of a VAE; None takes its mean.
    """

    images: torch.Tensor
    rows: torch.Tensor
    timesteps: torch.Tensor
    noise: torch.Tensor
    posterior: torch.Tensor | None

    def __len__(self) -> int:
        return len(self.rows)

    def split(self, size: int) -> "Iterator[Batch]":
        """Parts of at most ``size`` images."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield Batch(
                self.images[part],
                self.rows[part],
                self.timesteps[part],
                self.noise[part],
                None if self.posterior is None else self.posterior[part],
            )


def training_batch(
    recipe: ConceptTraining, data: Captioned, parts: TextToImage, timesteps: int, step: int
) -> Batch:
    """What step ``step`` (from 0) is computed on; safe to call from threads."""
    wanted = recipe.images_per_step
    indices = order(recipe.seed, len(data), step * wanted, wanted)
    drawn = draws(recipe, step, parts.latent_shape, timesteps)
    rows = torch.where(drawn.null, data.null, data.rows[torch.from_numpy(indices)])
    images = torch.from_numpy(data.images.rows(indices))
    return Batch(images, rows, drawn.timesteps, drawn.noise, drawn.posterior)


def validation_batches(
    data: Captioned, parts: TextToImage, timesteps: int, seed: int, size: int
) -> Iterator[Batch]:
    """All images of a validation set, ``size`` at once, with noise and timesteps that never change.

    The timesteps are spread evenly over 0..T - 1, in an order drawn from the seed.
    """
    count = len(data)
    places = np.random.default_rng(seed_of("validation", seed)).permutation(count)
    spread = torch.from_numpy(((places + 0.5) / count * timesteps).astype(np.int64))
    for start in range(0, count, size):
        indices = np.arange(start, min(start + size, count))
        seeds = [seed_of("validation", seed, int(index)) for index in indices]
        generators = [torch.Generator().manual_seed(one) for one in seeds]
        noise = torch.stack([torch.randn(parts.latent_shape, generator=one) for one in generators])
        images = torch.from_numpy(data.images.rows(indices))
        yield Batch(images, data.rows[indices], spread[indices], noise, None)
