"""Learning rate by step, and everything that is drawn at random by step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from auditkit.evidence.identity import seed_of
from auditkit.spec.training import ConceptTraining


def rate(recipe: ConceptTraining, step: int) -> float:
    """The learning rate of a step (from 0).

    With warm-up w, T steps and base rate r: r (step + 1) / (w + 1) while step < w; then r, or for the
    cosine r (1 + cos(pi (step - w) / (T - w))) / 2.
    """
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / (recipe.warmup + 1)
    if recipe.decay == "constant":
        return recipe.learning_rate
    share = (step - recipe.warmup) / (recipe.steps - recipe.warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


@lru_cache(maxsize=2)
def _epoch(seed: int, count: int, epoch: int) -> npt.NDArray[np.int64]:
    generator = np.random.default_rng(seed_of("order of training images", seed, count, epoch))
    return generator.permutation(count)


def order(seed: int, count: int, start: int, wanted: int) -> npt.NDArray[np.int64]:
    """Which images stand at positions start..start + wanted of the endless order.

    Every epoch is a permutation of all ``count`` images, a function of the seed and the epoch.
    """
    positions = np.arange(start, start + wanted)
    epochs, places = positions // count, positions % count
    chosen = np.empty(wanted, dtype=np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        chosen[here] = _epoch(seed, count, int(epoch))[places[here]]
    return chosen


@dataclass(frozen=True)
class Draws:
    """What is drawn for one step.

    Attributes:
        timesteps: (N,) integers from 0 to T - 1.
        noise: (N, C, h, w) that is added to the latents.
        posterior: (N, C, h, w) noise of the posterior of a VAE.
        null: (N,) whether the caption is left empty.
    """

    timesteps: torch.Tensor
    noise: torch.Tensor
    posterior: torch.Tensor
    null: torch.Tensor


def draws(recipe: ConceptTraining, step: int, latent_shape: Sequence[int], timesteps: int) -> Draws:
    """The draws of a step: a function of (seed, step) alone, so that a resumed run sees the same."""
    count = recipe.images_per_step
    generator = torch.Generator().manual_seed(seed_of("training step", recipe.seed, step))
    uniform = torch.rand(count, generator=generator, dtype=torch.float64)
    if recipe.stratified_timesteps:
        uniform = (torch.arange(count) + uniform) / count
    null = torch.rand(count, generator=generator) < recipe.null_captions
    return Draws(
        (uniform * timesteps).long().clamp_(max=timesteps - 1),
        torch.randn((count, *latent_shape), generator=generator),
        torch.randn((count, *latent_shape), generator=generator),
        null,
    )
