"""Who watches what networks are asked: passes are counted here, and networks are left as they are.

Nobody watches usually; `auditkit plan` does, while it tries a few images.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch


class Watcher(Protocol):
    """Is told what every network of this process is asked."""

    def asked(self, inputs: torch.Tensor, answer: torch.Tensor | None) -> None:
        """A network was given inputs (N, ...); its answer has a gradient where one may be asked for."""
        ...

    def drawing(self, rows: int) -> None:
        """A generator is about to draw so many pictures."""
        ...


_watchers: list[Watcher] = []


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell a watcher, until the end of the block."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def asked(inputs: torch.Tensor, answer: torch.Tensor | None = None) -> None:
    """Tell whoever watches that a network, or its runtime, was asked."""
    for watcher in _watchers:
        watcher.asked(inputs, answer)


def drawing(rows: int) -> None:
    """Tell whoever watches that so many pictures are about to be drawn."""
    for watcher in _watchers:
        watcher.drawing(rows)
