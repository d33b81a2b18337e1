"""The kinds of evidence as checks see them, and how it is computed. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from auditkit.evidence.kept_rows import KeptRows
from auditkit.evidence.stage import Stage

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Tolerance(NamedTuple):
    """How far values may be apart between two ways of computing them.

    Attributes:
        score: of scores and decision probabilities, absolute.
        share: of an estimate, as a share of half the width of its interval.
    """

    score: float
    share: float


# Of fast mode, against the usual one with the same precision; verdicts are the same.
FAST_TOLERANCE = Tolerance(score=1e-3, share=0.1)


@dataclass(frozen=True)
class Settings:
    """How evidence is computed; none of it changes a verdict.

    Usually evidence is the same to the last bit on one kind of device, whatever the shards, the engine and
    the number of workers: every batch has the same size and every image the same place in its batch, with
    one thread per operation. With batches of one image, shards may be of any size.

    Attributes:
        device: auto, cpu, cuda or mps.
        precision: of float networks.
        batch_size: inputs per forward pass; None chooses.
        batches: batches per shard. Shards hold whole batches, so that an image has the same place in
            its batch whatever the shards: a matrix product's last bit can depend on the row.
        fast: batches as large as memory allows, and whatever else is faster; the last digits may then
            depend on the machine and its load.
    """

    device: str = "auto"
    precision: str = "float32"
    batch_size: int | None = None
    batches: int = 1
    fast: bool = False

    @classmethod
    def asked(
        cls,
        device: str = "auto",
        precision: str = "float32",
        batch_size: int | None = None,
        *,
        shard: int | None = None,
        fast: bool = False,
    ) -> "Settings":
        """Settings with about ``shard`` images per shard: whole batches, at least one."""
        usual = cls(device, precision, batch_size, fast=fast)
        return replace(usual, batches=max(1, -(-(shard or 0) // usual.batch)))

    @property
    def shard(self) -> int:
        """Images per shard."""
        return self.batch * self.batches

    @property
    def arithmetic(self) -> dict[str, str]:
        """What of these settings may change an array's last digits: a part of its identity."""
        return {"precision": self.precision, "rows": "fast" if self.fast else str(self.batch)}

    @property
    def batch(self) -> int:
        """Inputs per forward pass.

        On a CPU, larger batches leave the cache and spend their time on page faults (measured on
        EfficientNet-Lite0 at 224 pixels and the stand-ins at 128).
        """
        return self.batch_size or (64 if self.device == "cuda" else 16)


@dataclass(frozen=True)
class Scores:
    """Answers to images: probability of the score's class (or of the label), and the decision."""

    score: Floats
    decision: Integers


@dataclass(frozen=True)
class Fitness:
    """Whether a heatmap method can be asked of a model, found by looking at the model.

    Attributes:
        reason: why not; empty if it can.
        notes: what was repaired or chosen, for the report: the layer of Grad-CAM, functional ReLUs.
    """

    reason: str = ""
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Heatmaps:
    """Heatmaps at their own granularity.

    Attributes:
        maps: float (n, h, w), or (n, M, *grid) of volumes with one map per modality; positive where
            evidence for the decided class is.
        cell: side in input pixels of one value of a map, rounded up.
        standard_error: of every value of ``maps``, where the method estimates it.
        residual: (n,) completeness residual, as a share of what is explained, where there is one.
        evaluations: (n,) images that the model was shown for one heatmap, where it was counted.
        segments: int (n, h, w) or (n, M, *space), the superpixel of each pixel, where they are not a
            grid.
        kept: the stage that they were read from, all of it in the store.
    """

    maps: npt.NDArray[np.float32]
    cell: int
    standard_error: npt.NDArray[np.float32] | None = None
    residual: Floats | None = None
    evaluations: Floats | None = None
    segments: npt.NDArray[np.int32] | None = None
    kept: Stage | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to a worker, kept heatmaps are where they are: it reads those of the images in its hands."""
        if self.kept is None:
            return Heatmaps, tuple(getattr(self, part.name) for part in fields(self))
        own = None if self.segments is None else KeptRows(self.kept, "segments")
        return Heatmaps, (KeptRows(self.kept, "map"), self.cell, None, None, None, own)

    @classmethod
    def read(cls, arrays: dict[str, npt.NDArray[Any]]) -> "Heatmaps":
        """From the arrays of a stage."""
        extra = ("standard_error", "residual", "evaluations", "segments")
        given: dict[str, Any] = {name: arrays[name] for name in extra if name in arrays}
        return cls(arrays["map"], int(arrays["cell"][0]), **given)

    def full(self, index: int, space: Sequence[int]) -> npt.NDArray[np.float32]:
        """One image's map at the input's size, nearest neighbour: (*space), or (M, *space) of volumes."""
        grown: npt.NDArray[np.float32] = self.maps[index]
        for axis, size in enumerate(space, start=grown.ndim - len(space)):
            # The cell in which a pixel's centre lies.
            places = (2 * np.arange(size) + 1) * grown.shape[axis] // (2 * size)
            grown = grown.take(places, axis=axis)
        return grown

    def by_modality(self, index: int, space: Sequence[int]) -> npt.NDArray[np.float32]:
        """As `full`, always with an axis of modalities: (M, *space)."""
        found = self.full(index, space)
        return found if found.ndim > len(space) else found[None]
