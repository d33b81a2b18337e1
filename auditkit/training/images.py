"""Pictures of a data set as the trainer wants them, prepared by threads ahead of the loop."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from auditkit.data.dataset import Dataset, Picture

KEPT_BYTES = 2**30
"""Data sets up to this size (uint8, resized) stay in memory once they were read."""

Key = TypeVar("Key")
Value = TypeVar("Value")


def fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    """The picture resized to cover ``size`` (height, width), and cut about its centre."""
    if picture.shape[:2] == size:
        return picture
    height, width = size
    image = ImageOps.fit(Image.fromarray(picture), (width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.uint8)


class Images:
    """All pictures of a data set at one size; kept if they fit in memory.

    Safe to call from threads: two that prepare one picture write the same bytes.
    """

    def __init__(
        self, dataset: Dataset, size: tuple[int, int], kept_bytes: int = KEPT_BYTES
    ) -> None:
        self._dataset, self._size = dataset, size
        count = len(dataset.records)
        fits = count * size[0] * size[1] * 3 <= kept_bytes
        self._kept = np.empty((count if fits else 0, *size, 3), dtype=np.uint8)
        self._known = np.zeros(count if fits else 0, dtype=bool)

    def rows(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """The pictures, uint8 (N, height, width, 3)."""
        if not len(self._kept):
            return np.stack([self._prepared(int(index)) for index in indices])
        for index in indices[~self._known[indices]]:
            self._kept[index] = self._prepared(int(index))
            self._known[index] = True
        return self._kept[indices]

    def _prepared(self, index: int) -> Picture:
        return fitted(self._dataset.image(index), self._size)


def ahead(function: Callable[[Key], Value], keys: Iterable[Key], workers: int) -> Iterator[Value]:
    """``function`` of every key, in order, computed by threads; at most ``workers`` results wait."""
    waiting: deque[Future[Value]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="images") as pool:
        try:
            for key in keys:
                waiting.append(pool.submit(function, key))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
