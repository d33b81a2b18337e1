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
)

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence

Order = npt.NDArray[np.int64]


class _Remover:
    """Removes cells of one size step by step and asks the model for its decisions.

    Attributes:
        counts: cells removed at each step, from none to all.
        fractions: the same as shares of the image.
    """

    def __init__(
        self,
        evidence: "Evidence",
        make: MakeModel,
        settings: Settings,
        cell: int,
        steps: int,
        fill: str,
    ) -> None:
        self.evidence, self.cell, self.fill = evidence, cell, fill
        self.model = make()
        self.batcher = batcher_for(settings)
        self.shape = (evidence.size, evidence.size)
        rows, columns = grid_shape(self.shape, cell)
        self.cells = rows * columns
        self.counts, self.fractions = removal_steps(self.cells, steps)

    def decisions(self, index: int, orders: Sequence[Order]) -> Integers:
        """Decisions (orders, steps + 1) for one image.

        Nothing removed and everything removed are the same for every order, and are computed once.
        """
        import torch

        from auditkit.evidence.heatmaps.baselines import baseline

        image, features = inputs_of(self.evidence, self.model, [index])
        filling = baseline(image, self.fill)
        ranks = torch.from_numpy(
            np.stack([removal_rank_map(order, self.cell, self.shape) for order in orders])
        ).to(self.model.device)
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
        table = np.empty((len(orders), len(self.counts)), dtype=np.int64)
        table[:, 0], table[:, -1] = found[0], found[1]
        table[:, 1:-1] = found[2:].reshape(len(orders), -1)
        return table


def removal_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
) -> Compute:
    """Decisions while the hottest cells are removed; -1 where a heatmap has no order."""
    remover = _Remover(evidence, make, settings, heat.cell, parameters["steps"], parameters["fill"])

    def compute(indices: Sequence[int]) -> Arrays:
        decisions = np.full((len(indices), len(remover.counts)), -1, dtype=np.int64)
        for row, index in enumerate(indices):
            seed = seed_of("ties", parameters["method"], evidence.records[index].digest)
            ties = np.random.default_rng(seed)
            try:
                order = removal_order(heat.full(index, evidence.size), heat.cell, ties)
            except NotEvaluable:
                continue
            decisions[row] = remover.decisions(index, [order])[0]
        return {"decision": decisions, "fraction": np.tile(remover.fractions, (len(indices), 1))}

    return compute


def random_removal_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Decisions while cells are removed in random order."""
    cell = parameters["cell"]
    remover = _Remover(evidence, make, settings, cell, parameters["steps"], parameters["fill"])

    def compute(indices: Sequence[int]) -> Arrays:
        rows = []
        for index in indices:
            digest = evidence.records[index].digest
            seeds = [
                seed_of("random removal", cell, digest, r) for r in range(parameters["repeats"])
            ]
            orders = [random_order(remover.cells, np.random.default_rng(seed)) for seed in seeds]
            rows.append(remover.decisions(index, orders))
        return {"decision": np.stack(rows)}

    return compute
