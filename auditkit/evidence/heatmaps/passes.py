"""Passes of at most so many rows through a network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch


@dataclass
class Passes:
    """Cuts work into passes of at most ``rows`` rows.

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
            yield start, stop, work(start, stop)
            start = stop
