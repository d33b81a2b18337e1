"""Pictures that are copies of each other: recompressed, resized, brightened, mirrored or turned."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from auditkit.data.dataset import Picture

SIDE = 32
# Measured on 100 images of synthetic dermoscopy and 25 photographs. Found are all copies by JPEG (quality 30,
# 75), half size, brightness and contrast +-20 %, warmer light, mirroring and JPEG 60, turning and half size;
# 123 of 125 at a third of the size with JPEG 60; 108 of 125 with 1 % cropped off each side, 24 with 3 %, none
# with 5 %. Of 4.5 million pairs of different synthetic lesions (36 million in eight orientations) none.
MAX_BITS, MIN_CORRELATION, MIN_CORRELATION_TURNED = 8, 0.96, 0.98
# Grey levels: below this a thumbnail has no structure that could be compared.
_FLAT = 2.0
_BLOCK, _PAIRS = 256, 20_000

Thumbnail: TypeAlias = npt.NDArray[np.uint8]


def thumbnail(picture: Picture) -> Thumbnail:
    """The picture in grey at 32 x 32 pixels, uint8."""
    small = Image.fromarray(picture).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.uint8)


def perceptual_hashes(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """64 bits per thumbnail: which of its 8 x 8 lowest cosine coefficients exceed their median.

    The constant coefficient does not count into the median.

    Args:
        thumbnails: (n, 32, 32) uint8.

    Returns:
        Bits (n, 64).
    """
    positions, frequencies = np.arange(SIDE) + 0.5, np.arange(8)
    basis = np.cos(np.pi * frequencies[:, None] * positions[None, :] / SIDE)
    low = (basis @ thumbnails.astype(np.float64) @ basis.T).reshape(-1, 64)
    return np.asarray(low > np.median(low[:, 1:], axis=1, keepdims=True))


def similar_groups(thumbnails: Sequence[Thumbnail]) -> list[list[int]]:
    """Groups of pictures that are connected by being copies, in any of a square's eight orientations.

    Two pictures are copies if their hashes differ in at most `MAX_BITS` bits and their thumbnails correlate
    by at least `MIN_CORRELATION` (turned or mirrored: `MIN_CORRELATION_TURNED`). Flat thumbnails are not
    compared.

    Args:
        thumbnails: from `thumbnail`.

    Returns:
        Indices, each group sorted, groups of two or more, by their first index.
    """
    every = np.asarray(thumbnails, dtype=np.uint8).reshape(-1, SIDE, SIDE)
    where = np.flatnonzero(every.std(axis=(1, 2)) >= _FLAT)
    images = every[where]
    leader = np.arange(len(images))
    # As +1 and -1, so that a scalar product is 64 - 2 x (number of bits that differ): BLAS counts bits.
    signs = _signs(images)
    for turned, enough in _orientations(images):
        turned_signs = _signs(turned)
        for first, second in _candidates(signs, turned_signs):
            close = _correlation(images[first], turned[second]) >= enough
            for a, b in zip(first[close], second[close], strict=True):
                _join(leader, int(a), int(b))
    return _groups([_leader(leader, index) for index in range(len(images))], where)


def _signs(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return np.where(perceptual_hashes(thumbnails), 1.0, -1.0).astype(np.float32)


def _orientations(
    images: npt.NDArray[np.uint8],
) -> Iterator[tuple[npt.NDArray[np.uint8], float]]:
    """The images in each orientation, with the correlation that makes a copy there."""
    for turns in range(4):
        turned = np.rot90(images, turns, axes=(1, 2))
        yield turned, MIN_CORRELATION_TURNED if turns else MIN_CORRELATION
        yield turned[:, ::-1], MIN_CORRELATION_TURNED


def _candidates(
    signs: npt.NDArray[np.float32], turned: npt.NDArray[np.float32]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Pairs whose hashes are close, in bounded batches."""
    for start in range(0, len(signs), _BLOCK):
        products = signs[start : start + _BLOCK] @ turned[start:].T
        first, second = np.nonzero(products >= 64 - 2 * MAX_BITS)
        later = second > first
        first, second = first[later] + start, second[later] + start
        for batch in range(0, len(first), _PAIRS):
            yield first[batch : batch + _PAIRS], second[batch : batch + _PAIRS]


def _correlation(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Pearson's correlation of thumbnails, pair by pair."""
    x, y = (part.reshape(len(part), -1).astype(np.float64) for part in (a, b))
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return np.asarray((x * y).sum(axis=1) / scale)


def _leader(leader: npt.NDArray[np.int64], index: int) -> int:
    while leader[index] != index:
        leader[index] = leader[leader[index]]
        index = int(leader[index])
    return index


def _join(leader: npt.NDArray[np.int64], a: int, b: int) -> None:
    a, b = sorted((_leader(leader, a), _leader(leader, b)))
    leader[b] = a


def _groups(leaders: Sequence[int], where: npt.NDArray[np.int64]) -> list[list[int]]:
    found: dict[int, list[int]] = {}
    for index, first in enumerate(leaders):
        found.setdefault(first, []).append(int(where[index]))
    return [group for group in found.values() if len(group) > 1]
