"""The workers that remove cells or superpixels of images: by a heatmap's order, at random, all of them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence.engine import Compute
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Heatmaps, Settings
from auditkit.evidence.removing import Asker, Counts, Removal, alone, whole_fill
from auditkit.evidence.stages import MakeModel, inputs_of
from auditkit.metrics.coverage import Mask
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.removal import (
    NO_SUPPORT,
    Units,
    cell_units,
    random_order,
    removal_order,
    removal_rank_map,
    removal_steps,
    removed_shares,
    segment_rank_map,
    segment_units,
)

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence

Seeded = tuple[npt.NDArray[np.int64], int]
"""An order of units, and the seed of what fills them."""


class _Units:
    """The orders of one stage: which units there are, and what fills them."""

    def __init__(self, asker: Asker, parameters: dict[str, Any], heat: Heatmaps) -> None:
        self.asker, self.heat = asker, heat
        self.fill, self.steps = parameters["fill"], parameters["steps"]
        self.support_kind = parameters["support"]
        self.space = asker.evidence.space

    def support(self, image: "torch.Tensor") -> Mask:
        from auditkit.evidence.fills import support_of

        found = support_of(image, self.asker.groups, self.support_kind)
        if not found.any():
            raise NotEvaluable(NO_SUPPORT)
        return found

    def units(self, index: int, support: Mask) -> Units:
        if self.heat.segments is None:
            return cell_units(support.shape, self.heat.cell, support)
        return segment_units(self.heat.segments[index].reshape(support.shape), support)

    def removals(
        self, image: "torch.Tensor", support: Mask, units: Units, orders: Iterator[Seeded]
    ) -> Iterator[Removal]:
        """The removal of each order of an image's units."""
        whole = None if self.fill == "noise" else whole_fill(image, self.fill, support)
        voxels = int(support.sum())
        for order, noise_seed in orders:
            own = self.heat.segments is not None
            ranks = (segment_rank_map if own else removal_rank_map)(units, order)
            counts, _ = removal_steps(voxels if own else order.size, self.steps)
            filled = self._noise(image, support, ranks, noise_seed) if whole is None else whole
            asked = _asked(counts, last=whole is None)
            fraction = removed_shares(ranks, counts, voxels)
            yield Removal(ranks, counts, fraction, asked, _always(filled))

    def _noise(
        self, image: "torch.Tensor", support: Mask, ranks: Units, seed: int
    ) -> "torch.Tensor":
        from auditkit.evidence.fills import noise

        return noise(image, self.asker.groups, support, ranks, np.random.default_rng(seed))


def _always(filled: "torch.Tensor") -> "Callable[[int], torch.Tensor]":
    return lambda _step: filled


def _asked(counts: Counts, *, last: bool) -> list[int]:
    """The steps that remove more than the one before; everything only if ``last``."""
    rising = np.flatnonzero(np.diff(counts) > 0) + 1
    return [int(step) for step in rising if last or counts[step] < counts[-1]]


def ordered_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
) -> Compute:
    """Answers while the hottest units are removed."""
    asker = Asker(evidence, make(), settings)
    stage = _Units(asker, parameters, heat)

    def orders(index: int, image: "torch.Tensor") -> Iterator[Removal]:
        support = stage.support(image)
        units = stage.units(index, support)
        what = (parameters["method"], evidence.records[index].digest)
        ties = np.random.default_rng(seed_of("ties", *what))
        order = removal_order(heat.by_modality(index, stage.space), units, ties)
        yield from stage.removals(image, support, units, iter([(order, seed_of("fill", *what))]))

    return alone(asker.compute(parameters["steps"], 1, orders))


def random_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
) -> Compute:
    """Answers while units are removed in random order."""
    asker = Asker(evidence, make(), settings)
    stage = _Units(asker, parameters, heat)
    repeats, cell = parameters["repeats"], parameters.get("cell", 0)

    def orders(index: int, image: "torch.Tensor") -> Iterator[Removal]:
        support = stage.support(image)
        units = stage.units(index, support)
        count = int(units.max()) + 1
        digest = evidence.records[index].digest

        def drawn() -> Iterator[Seeded]:
            for repeat in range(repeats):
                what = (cell, digest, repeat)
                generator = np.random.default_rng(seed_of("random removal", *what))
                yield random_order(count, generator), seed_of("random fill", *what)

        yield from stage.removals(image, support, units, drawn())

    return asker.compute(parameters["steps"], repeats, orders)


def everything_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Answers when the whole support is gone: the end of every order."""
    import torch

    from auditkit.evidence.fills import support_of

    asker = Asker(evidence, make(), settings)

    def emptied(index: int) -> "torch.Tensor":
        image = inputs_of(evidence, asker.model, [index])[0][0]
        support = support_of(image, asker.groups, parameters["support"])
        gone = torch.from_numpy(support).to(image.device)
        return torch.where(gone, whole_fill(image, parameters["fill"], support), image)

    return lambda indices: asker.answers((index, emptied(index)) for index in indices)
