"""Decisions while parts of an image are removed: by a heatmap's order, and at random.

Only forward passes are here; the order, the steps and the areas are `auditkit.metrics`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence.engine import Compute
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Heatmaps, Integers, Settings
from auditkit.evidence.stages import MakeModel, batcher_for, inputs_of
from auditkit.evidence.store import Arrays
from auditkit.metrics import (
    NotEvaluable,
    grid_shape,
    random_order,
    removal_order,
    removal_rank_map,
    removal_steps,
    segment_order,
    segment_rank_map,
)

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence

Order = npt.NDArray[np.int64]


class _Remover:
    """Removes pixels step by step and asks the model for its decisions.

    Pixels go in the order of cells of one size or, where heatmaps have superpixels of their own, of
    these: superpixels differ in size, so that the last one of a step may be gone in part only.

    Attributes:
        counts: pixels' ranks below which they are gone at each step, from none to all.
        fractions: the same as shares of the image.
    """

    def __init__(
        self,
        evidence: "Evidence",
        make: MakeModel,
        settings: Settings,
        parameters: dict[str, Any],
        grain: "_Cells | _Superpixels",
    ) -> None:
        self.evidence, self.fill = evidence, parameters["fill"]
        self.model = make()
        self.batcher = batcher_for(settings)
        self.counts, self.fractions = removal_steps(grain.ranks, parameters["steps"])

    def decisions(self, index: int, rank_maps: Sequence[Order]) -> Integers:
        """Decisions (orders, steps + 1) for one image.

        Nothing removed and everything removed are the same for every order, and are computed once.
        """
        import torch

        from auditkit.evidence.heatmaps.baselines import baseline

        image, features = inputs_of(self.evidence, self.model, [index])
        filling = baseline(image, self.fill)
        ranks = torch.from_numpy(np.stack(rank_maps)).to(self.model.device)
        inner = torch.from_numpy(self.counts[1:-1]).to(self.model.device)
        between = (ranks[:, None] < inner[:, None, None]).flatten(0, 1)
        ends = torch.zeros_like(ranks[:1], dtype=torch.bool)
        masks = torch.cat([ends, ~ends, between])

        def decided(mask: torch.Tensor) -> torch.Tensor:
            removed = torch.where(mask[:, None], filling, image)
            rows = None if features is None else features.expand(len(removed), -1)
            return self.model.decide(self.model.probabilities(removed, rows))

        with torch.no_grad():
            found = self.batcher.map(decided, masks).numpy()
        table = np.empty((len(rank_maps), len(self.counts)), dtype=np.int64)
        table[:, 0], table[:, -1] = found[0], found[1]
        table[:, 1:-1] = found[2:].reshape(len(rank_maps), -1)
        return table


class _Cells:
    """Squares of one size: the same for every image."""

    def __init__(self, evidence: "Evidence", cell: int) -> None:
        self.evidence, self.cell = evidence, cell
        self.shape = (evidence.size, evidence.size)
        rows, columns = grid_shape(self.shape, cell)
        self.ranks = rows * columns

    def by_heat(self, index: int, heat: Heatmaps, ties: np.random.Generator) -> Order:
        order = removal_order(heat.full(index, self.shape), self.cell, ties)
        return removal_rank_map(order, self.cell, self.shape)

    def at_random(self, _index: int, generator: np.random.Generator) -> Order:
        return removal_rank_map(random_order(self.ranks, generator), self.cell, self.shape)


class _Superpixels:
    """Superpixels of a method's own: others for every image."""

    def __init__(self, evidence: "Evidence", segments: npt.NDArray[np.int32]) -> None:
        self.segments = segments
        self.ranks = evidence.size**2

    def by_heat(self, index: int, heat: Heatmaps, ties: np.random.Generator) -> Order:
        own = self.segments[index]
        return segment_rank_map(own, segment_order(heat.maps[index], own, ties))

    def at_random(self, index: int, generator: np.random.Generator) -> Order:
        own = self.segments[index]
        return segment_rank_map(own, random_order(int(own.max()) + 1, generator))


def removal_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
) -> Compute:
    """Decisions while the hottest cells are removed; -1 where a heatmap has no order."""
    grain = _grain(evidence, heat)
    remover = _Remover(evidence, make, settings, parameters, grain)

    def compute(indices: Sequence[int]) -> Arrays:
        decisions = np.full((len(indices), len(remover.counts)), -1, dtype=np.int64)
        for row, index in enumerate(indices):
            seed = seed_of("ties", parameters["method"], evidence.records[index].digest)
            try:
                ranks = grain.by_heat(index, heat, np.random.default_rng(seed))
            except NotEvaluable:
                continue
            decisions[row] = remover.decisions(index, [ranks])[0]
        return {"decision": decisions, "fraction": np.tile(remover.fractions, (len(indices), 1))}

    return compute


def random_removal_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps | None = None,
) -> Compute:
    """Decisions while cells, or the superpixels of a method, are removed in random order."""
    cell = parameters.get("cell", 0)
    grain = _Cells(evidence, cell) if heat is None else _grain(evidence, heat)
    remover = _Remover(evidence, make, settings, parameters, grain)

    def compute(indices: Sequence[int]) -> Arrays:
        rows = []
        for index in indices:
            digest = evidence.records[index].digest
            seeds = [
                seed_of("random removal", cell, digest, r) for r in range(parameters["repeats"])
            ]
            ranks = [grain.at_random(index, np.random.default_rng(seed)) for seed in seeds]
            rows.append(remover.decisions(index, ranks))
        return {"decision": np.stack(rows)}

    return compute


def _grain(evidence: "Evidence", heat: Heatmaps) -> _Cells | _Superpixels:
    if heat.segments is None:
        return _Cells(evidence, heat.cell)
    return _Superpixels(evidence, heat.segments)
