"""What classifiers are trained on: batches of images, or of what another network made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from auditkit.data.dataset import Dataset, Picture
from auditkit.models.geometry import to_input
from auditkit.spec.model_card import Input
from auditkit.spec.training_classifier import Augmentation
from auditkit.training.augmentation import augmented
from auditkit.training.images import KEPT_BYTES, ahead

Indices = npt.NDArray[np.int64]


class Inputs(Protocol):
    """A source of inputs by index, safe to call from threads."""

    def __len__(self) -> int:
        """Number of images."""
        ...

    def batch(self, indices: Indices, seed: int | None) -> torch.Tensor:
        """Inputs on the CPU, (N, ...).

        Args:
            indices: which.
            seed: of the augmentation; None for the inputs as audits see them.
        """
        ...


@dataclass(frozen=True)
class Part:
    """Images to train or to validate on, and what should be said of them.

    Attributes:
        inputs: n of them.
        targets: float32 (n, K), 0 or 1, NaN where unknown.
    """

    inputs: Inputs
    targets: torch.Tensor


class ImageInputs:
    """Pictures of a data set as a model's inputs, float32 (N, 3, size, size) in [0, 1].

    Pictures stay in memory once they were read, as long as they fit.
    """

    def __init__(
        self, data: Dataset, rows: Sequence[int], given: Input, how: Augmentation | None = None
    ) -> None:
        self._data, self._rows, self._given = data, list(rows), given
        self._how = how or Augmentation()
        self._kept: dict[int, Picture] = {}
        self._free = KEPT_BYTES

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, indices: Indices, seed: int | None) -> torch.Tensor:
        """Inputs, augmented unless ``seed`` is None."""
        pictures = [self._picture(self._rows[int(index)]) for index in indices]
        if seed is None:
            return torch.stack([to_input(picture, self._given) for picture in pictures])
        generator = torch.Generator().manual_seed(seed)
        if self._how.crop == "random":
            places = torch.rand(len(pictures), generator=generator).tolist()
            pictures = [_square(*both) for both in zip(pictures, places, strict=True)]
        inputs = torch.stack([to_input(picture, self._given) for picture in pictures])
        return augmented(inputs, self._how, generator)

    def _picture(self, row: int) -> Picture:
        found = self._kept.get(row)
        if found is None:
            found = self._data.image(row)
            # Threads may count one picture twice, which frees memory earlier and changes no number.
            if found.nbytes <= self._free:
                self._free -= found.nbytes
                self._kept[row] = found
        return found


@dataclass(frozen=True)
class FixedInputs:
    """Inputs that are all there, (n, ...)."""

    values: torch.Tensor

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, indices: Indices, _seed: int | None) -> torch.Tensor:
        """The inputs as they are."""
        return self.values[torch.from_numpy(indices)]


def in_order(inputs: Inputs, batch: int, workers: int) -> Iterator[torch.Tensor]:
    """All inputs as audits see them, in batches, prepared by threads."""
    every = np.arange(len(inputs), dtype=np.int64)
    parts = [every[start : start + batch] for start in range(0, len(inputs), batch)]
    return ahead(lambda part: inputs.batch(part, None), parts, workers)


def _square(picture: Picture, place: float) -> Picture:
    """A square along the longer side, ``place`` in [0, 1) from its start to its end."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (int(place * (length - side + 1)) for length in (height, width))
    return picture[top : top + side, left : left + side]
