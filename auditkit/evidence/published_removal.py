"""The workers that remove as the published code of Jin et al. does, see `metrics.clinical_xai_2022`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence.engine import Compute
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Heatmaps, Settings
from auditkit.evidence.removing import Asker, Removal, alone, whole_fill
from auditkit.evidence.stages import MakeModel
from auditkit.metrics.clinical_xai_2022 import (
    published_map,
    published_rank_map,
    published_thresholds,
    published_unimportant,
)

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence


def published_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
) -> Compute:
    """Answers while a heatmap is removed as the published code of Jin et al. does."""
    asker = Asker(evidence, make(), settings)

    def orders(index: int, image: "torch.Tensor") -> Iterator[Removal]:
        positive = published_map(heat.by_modality(index, evidence.space))
        seed = seed_of("fill", parameters["method"], evidence.records[index].digest)
        generator = np.random.default_rng(seed)
        yield _published(image, positive, positive, parameters, generator)

    return alone(asker.compute(parameters["steps"], 1, orders))


def published_random_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
) -> Compute:
    """The same for permutations of the whole heatmap, with the heatmap's own thresholds."""
    asker = Asker(evidence, make(), settings)
    repeats = parameters["repeats"]

    def orders(index: int, image: "torch.Tensor") -> Iterator[Removal]:
        positive = published_map(heat.by_modality(index, evidence.space))
        digest = evidence.records[index].digest
        for repeat in range(repeats):
            seed = seed_of("permutation", parameters["method"], digest, repeat)
            generator = np.random.default_rng(seed)
            permuted = generator.permutation(positive.reshape(-1)).reshape(positive.shape)
            yield _published(image, positive, permuted, parameters, generator)

    return asker.compute(parameters["steps"], repeats, orders)


def _published(
    image: "torch.Tensor",
    positive: npt.NDArray[np.float64],
    used: npt.NDArray[np.float64],
    parameters: dict[str, Any],
    generator: np.random.Generator,
) -> Removal:
    """One removal as published: ``used`` is the map or a permutation of it."""
    import torch

    steps, fill = parameters["steps"], parameters["fill"]
    ranks = published_rank_map(used, published_thresholds(positive, steps))
    counts = np.arange(steps + 1, dtype=np.int64)
    whole = None if fill == "noise" else whole_fill(image, fill, np.ones(used.shape, dtype=bool))

    def filling(_step: int) -> torch.Tensor:
        drawn = _unimportant_values(image, used, generator) if whole is None else whole
        return torch.where(image == 0, 0.0, drawn)  # background stays what it is

    return Removal(ranks, counts, counts / steps, range(1, steps + 1), filling)


def _unimportant_values(
    image: "torch.Tensor", used: npt.NDArray[np.float64], generator: np.random.Generator
) -> "torch.Tensor":
    """Values drawn anew from all voxels of low heat, modalities mixed, (C, *space)."""
    import torch

    low = torch.from_numpy(published_unimportant(used)).to(image.device).expand(image.shape)
    drawn = generator.choice(image[low].cpu().numpy(), tuple(image.shape))
    return torch.from_numpy(drawn).to(image)
