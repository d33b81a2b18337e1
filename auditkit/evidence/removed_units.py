"""One image of which units are removed, and a model's answers to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from auditkit.evidence.kinds import Floats, Heatmaps, Settings
from auditkit.evidence.removing import whole_fill
from auditkit.evidence.stages import batcher_for, inputs_of
from auditkit.metrics.coverage import Mask
from auditkit.metrics.faithfulness import places_of
from auditkit.metrics.removal import Units, cell_units, segment_units

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model


@dataclass(frozen=True)
class View:
    """One image (1, C, *space), what stands for removed voxels, and what is removed together."""

    image: "torch.Tensor"
    table: "torch.Tensor | None"
    filling: "torch.Tensor"
    target: "torch.Tensor"
    units: Units

    @property
    def count(self) -> int:
        """Number of units."""
        return int(self.units.max()) + 1


class UnitRemover:
    """Asks a model about an image of which units are removed."""

    def __init__(
        self,
        evidence: "Evidence",
        model: "Model",
        settings: Settings,
        fill: str,
        decided: npt.NDArray[np.int64],
    ) -> None:
        self.evidence, self.model, self.fill, self.decided = evidence, model, fill, decided
        self.batcher = batcher_for(settings)
        self.rows = settings.batch

    def view(self, index: int, heat: Heatmaps) -> View:
        """An image with the units that its heatmap tells apart."""
        import torch

        image, table = inputs_of(self.evidence, self.model, [index])
        support = counted(self.evidence, image[0])
        filling = whole_fill(image[0], self.fill, support)[None]
        target = torch.tensor(self.decided[index : index + 1], device=image.device)
        return View(image, table, filling, target, _units(heat, index, support))

    def probabilities(self, view: View, removed: Iterator[Mask]) -> Floats:
        """The decided class' probability, one per set of units removed."""

        def ask(
            inputs: "torch.Tensor", target: "torch.Tensor", table: "torch.Tensor | None"
        ) -> "torch.Tensor":
            return self.model.probabilities(inputs, table).gather(1, target[:, None])[:, 0]

        return self._asked(view, removed, ask)

    def log_odds(self, view: View, removed: Iterator[Mask]) -> Floats:
        """The decided class' log-odds, one per set of units removed."""
        return self._asked(view, removed, self.model.log_odds)

    def _asked(
        self, view: View, removed: Iterator[Mask], ask: "Callable[..., torch.Tensor]"
    ) -> Floats:
        import torch

        def answer(mask: "torch.Tensor") -> "torch.Tensor":
            # One modality of several channels is broadcast over them.
            inputs = torch.where(mask, view.filling, view.image)
            table = None if view.table is None else view.table.expand(len(mask), -1)
            return ask(inputs, view.target.expand(len(mask)), table)

        found = []
        while chosen := list(islice(removed, self.rows)):
            places = places_of(np.stack(chosen), view.units)
            mask = torch.from_numpy(places).to(view.image.device)
            with torch.no_grad():
                found.append(self.batcher.map(answer, mask).double().numpy())
        return np.concatenate(found)


def counted(evidence: "Evidence", image: "torch.Tensor") -> Mask:
    """What of an image (C, *space) counts, bool (M, *space): all of a picture, a volume's foreground."""
    from auditkit.evidence.fills import support_of

    if evidence.card.volume is None:
        return support_of(image, [tuple(range(len(image)))], "image")
    return support_of(image, [(m,) for m in range(len(image))], "foreground")


def _units(heat: Heatmaps, index: int, support: Mask) -> Units:
    """What an image's heatmap tells apart, int32 (M, *space)."""
    if heat.segments is None:
        return cell_units(support.shape, heat.cell, support)
    return segment_units(heat.segments[index].reshape(support.shape), support)
