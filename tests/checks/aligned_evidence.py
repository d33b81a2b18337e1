"""Planted heatmaps, annotations and decisions for the check `alignment`."""

from dataclasses import dataclass, field

import numpy as np

from .planted import Planted

SIDE = 16


@dataclass
class Aligning(Planted):
    """`Planted` with pictures of its own."""

    pictures: list = field(default_factory=list)

    def picture(self, index):
        return self.pictures[index] if self.pictures else super().picture(index)


def square(row, column, side=4):
    """A mask with one square."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[row : row + side, column : column + side] = True
    return mask


def heat_on(mask, seed=0):
    """A map that is positive on a mask only, without ties."""
    noise = np.random.default_rng(seed).random(mask.shape)
    return (mask * (1 + noise)).astype(np.float32)


def planted(kinds, right, **more):
    """One image per kind, under `gradient`: the explanation inside, beside, around, half, equal, zero.

    The annotation is a square of 4 by 4; the region is all that is not zero.
    """
    truth = square(6, 6)
    where = {
        "inside": square(7, 7, 2),
        "beside": square(0, 0),
        "around": square(3, 3, 10),
        "half": square(6, 8),
        "equal": truth,
        "zero": np.zeros_like(truth),
    }
    maps = np.stack([heat_on(where[kind], index) for index, kind in enumerate(kinds)])
    labels = np.arange(len(kinds)) % 2
    decided = np.where(right, labels, 1 - labels)
    masks = [truth.copy() for _ in kinds]
    maps = {"gradient": maps} | more.pop("maps", {})
    return Aligning(labels, 0.2 + 0.6 * decided, maps=maps, masks=masks, **more)
