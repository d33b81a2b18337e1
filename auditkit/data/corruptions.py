"""Pictures stored, sent, taken or marked in another way: `auditkit.spec.corruptions` done to arrays."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from auditkit.data.dataset import Picture
from auditkit.spec.corruptions import Blur, Corruption, Jpeg, Mark, Noise, Resize


def corrupted(picture: Picture, corruption: Corruption, seed: int) -> Picture:
    """A picture as it would be, had it been stored, sent, taken or marked in another way.

    Args:
        picture: sRGB uint8 (H, W, 3).
        corruption: what is done to it.
        seed: of what is random in it: noise alone.

    Returns:
        sRGB uint8 (H, W, 3), of the same size.
    """
    return _WAYS[type(corruption)](picture, corruption, seed)


def _jpeg(picture: Picture, given: Jpeg, _seed: int) -> Picture:
    kept = io.BytesIO()
    Image.fromarray(picture).save(kept, "JPEG", quality=given.quality, subsampling="4:2:0")
    with Image.open(kept) as read:
        return np.asarray(read.convert("RGB"))


def _resize(picture: Picture, given: Resize, _seed: int) -> Picture:
    whole = Image.fromarray(picture)
    width, height = (max(1, round(given.scale * edge)) for edge in whole.size)
    small = whole.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(small.resize(whole.size, Image.Resampling.BICUBIC))


def _blur(picture: Picture, given: Blur, _seed: int) -> Picture:
    radius = given.sigma * min(picture.shape[:2])
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def _noise(picture: Picture, given: Noise, seed: int) -> Picture:
    drawn = np.random.default_rng(seed).standard_normal(picture.shape, dtype=np.float32)
    noisy = np.rint(picture + np.float32(255 * given.sigma) * drawn)
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


def _mark(picture: Picture, given: Mark, _seed: int) -> Picture:
    rows, columns = mark_place(picture.shape[0], picture.shape[1], given)
    marked = picture.copy()
    marked[rows, columns] = given.colour
    return marked


def mark_place(height: int, width: int, given: Mark) -> tuple[slice, slice]:
    """Rows and columns of a mark in a picture of some size."""
    edge = max(1, round(given.size * min(height, width)))
    away = edge // 3
    vertical, horizontal = given.corner.split("-")
    top = away if vertical == "top" else height - away - edge
    left = away if horizontal == "left" else width - away - edge
    return slice(top, top + edge), slice(left, left + edge)


_WAYS: Mapping[type[Corruption], Callable[[Picture, Any, int], Picture]] = {
    Jpeg: _jpeg,
    Resize: _resize,
    Blur: _blur,
    Noise: _noise,
    Mark: _mark,
}
