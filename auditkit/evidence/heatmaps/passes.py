"""Passes of at most so many rows through a network, fewer when memory runs out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch


@dataclass
class Passes:
    """Cuts work into passes of at most ``rows`` rows; out of memory halves them and goes on.

    Attributes:
        rows: most rows of one pass.
    """

    rows: int

    def over(
        self, total: int, work: Callable[[int, int], torch.Tensor]
    ) -> Iterator[tuple[int, int, torch.Tensor]]:
        """``work(start, stop)`` for consecutive ranges of at most ``rows``, with their ends."""
        start = 0
        while start < total:
            stop = min(start + self.rows, total)
            try:
                found = work(start, stop)
            except torch.OutOfMemoryError:
                if self.rows == 1:
                    raise
                self.rows = max(1, self.rows // 2)
                torch.cuda.empty_cache()
                continue
            yield start, stop, found
            start = stop
