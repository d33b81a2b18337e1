"""Asking a model about images while parts of them are removed: one row per image, order and step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Settings
from auditkit.evidence.stages import batcher_for, inputs_of, scored, table_of
from auditkit.evidence.store import Arrays
from auditkit.metrics.coverage import NO_POSITIVE, Mask
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.removal import NO_SUPPORT, Units

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model

Counts = npt.NDArray[np.int64]

REASONS = (
    "",
    "all-zero heatmap",
    "constant heatmap",
    "heatmap with NaN or infinite values",
    NO_POSITIVE,
    NO_SUPPORT,
)


@dataclass(frozen=True)
class Removal:
    """One order of one image.

    Attributes:
        ranks: int32 (M, *space), ``ranks < count`` being what is gone.
        counts: (steps + 1,) ranks that are gone at each step, not falling.
        fraction: (steps + 1,) the share that this is said to be.
        asked: the steps whose answers are nobody else's.
        filling: what replaces removed voxels at a step, (C, *space).
    """

    ranks: Units
    counts: Counts
    fraction: npt.NDArray[np.float64]
    asked: Sequence[int]
    filling: "Callable[[int], torch.Tensor]"

    def rows(self, image: "torch.Tensor") -> "Iterator[tuple[int, torch.Tensor]]":
        """Each step that is asked, with the image (C, *space) at it."""
        import torch

        ranks = torch.from_numpy(self.ranks).to(image.device)
        for step in self.asked:
            # One modality of several channels is broadcast over them.
            gone = ranks < int(self.counts[step])
            yield step, torch.where(gone, self.filling(step), image)


Orders = Callable[[int, "torch.Tensor"], Iterator[Removal]]


@dataclass
class Asker:
    """Asks a thread's model about images while parts of them are removed."""

    evidence: "Evidence"
    model: "Model"
    settings: Settings
    groups: Sequence[Sequence[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.batcher = batcher_for(self.settings)
        several = [(m,) for m in range(len(self.evidence.modalities))]
        self.groups = [(0, 1, 2)] if self.evidence.card.volume is None else several

    def compute(self, steps: int, repeats: int, orders: Orders) -> Compute:
        """The function from indices to answers (n, repeats, steps + 1), -1 where nobody was asked."""

        def compute(indices: Sequence[int]) -> Arrays:
            # An image's rows have the same places in their batches, whatever the shard.
            size = self.settings.batch
            groups = [indices[start : start + size] for start in range(0, len(indices), size)]
            parts = [
                self._group(group, (len(group), repeats, steps + 1), orders) for group in groups
            ]
            return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

        return compute

    def _group(self, group: Sequence[int], shape: tuple[int, int, int], orders: Orders) -> Arrays:
        arrays: Arrays = {
            "decision": np.full(shape, -1, dtype=np.int64),
            "score": np.zeros(shape),
            "fraction": np.broadcast_to(np.linspace(0, 1, shape[2]), shape).copy(),
            "reason": np.zeros(shape[0], dtype=np.int64),
        }
        places: list[tuple[int, int, int]] = []

        def rows() -> "Iterator[tuple[int, torch.Tensor]]":
            for row, index in enumerate(group):
                image = inputs_of(self.evidence, self.model, [index])[0][0]
                try:
                    for number, order in enumerate(orders(index, image)):
                        arrays["fraction"][row, number] = order.fraction
                        for step, removed in order.rows(image):
                            places.append((row, number, step))
                            yield index, removed
                except NotEvaluable as error:
                    arrays["reason"][row] = REASONS.index(error.reason)

        found = self.answers(rows())
        if places:
            where = tuple(np.array(places).T)
            arrays["decision"][where], arrays["score"][where] = found["decision"], found["score"]
        _carry_over(arrays)
        return arrays

    def answers(self, rows: "Iterator[tuple[int, torch.Tensor]]") -> Arrays:
        """Score and decision of each row, an image of which parts are removed, with its index."""
        import torch

        asked: list[int] = []
        parts = []
        with torch.no_grad():
            while chunk := list(islice(rows, self.settings.batch)):
                indices = [index for index, _ in chunk]
                images = torch.stack([image for _, image in chunk])
                table = table_of(self.evidence, self.model, indices)
                parts.append(self.batcher.map(self.model.probabilities, images, table))
                asked += indices
        if not parts:
            return {"score": np.zeros(0), "decision": np.zeros(0, dtype=np.int64)}
        return scored(self.evidence, self.model, torch.cat(parts), asked)


def _carry_over(arrays: Arrays) -> None:
    """A step that removes no more than the one before has its answer."""
    same = np.diff(arrays["fraction"], axis=-1) == 0
    for name in ("decision", "score"):
        for step in range(same.shape[-1]):
            known = arrays[name][..., step]
            later = arrays[name][..., step + 1]
            arrays[name][..., step + 1] = np.where(same[..., step], known, later)


def whole_fill(image: "torch.Tensor", kind: str, support: Mask) -> "torch.Tensor":
    """What every voxel would be replaced by, see `auditkit.evidence.fills.filling`."""
    import torch

    from auditkit.evidence.fills import filling

    return filling(image, kind, torch.from_numpy(support).to(image.device).expand(image.shape))


def alone(compute: Compute) -> Compute:
    """Arrays without the axis of repeats."""

    def squeezed(indices: Sequence[int]) -> Arrays:
        found = compute(indices)
        return {name: array[:, 0] if array.ndim == 3 else array for name, array in found.items()}

    return squeezed
