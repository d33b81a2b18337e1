"""Counting what networks are asked, and how much of it only fills batches up."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


class TooManyDrawn(Exception):  # noqa: N818 a detour of the calibration, not an error
    """More pictures would be drawn at once than are wanted."""


@dataclass
class Counting:
    """A `Watcher` that counts.

    Attributes:
        most: pictures that may be drawn at once; None: any number.
        forwards: inputs that networks were given.
        backwards: inputs through which a gradient went back.
        drawn: pictures that generators drew.
        passes: how many passes had so many rows, so many of which were not filling.
    """

    most: int | None = None
    forwards: float = 0.0
    backwards: float = 0.0
    drawn: float = 0.0
    passes: Counter[tuple[int, int]] = field(default_factory=Counter)

    def asked(self, inputs: Any, answer: Any) -> None:
        """A network was given inputs."""
        rows = len(inputs)
        self.forwards += rows
        self.passes[rows, _real(inputs)] += 1
        if answer is not None and answer.requires_grad:
            answer.register_hook(lambda _gradient: self._back(rows))

    def drawing(self, rows: int) -> None:
        """A generator is about to draw.

        Raises:
            TooManyDrawn: more than `most`; nothing was drawn.
        """
        if self.most is not None and rows > self.most:
            raise TooManyDrawn
        self.drawn += rows

    def _back(self, rows: int) -> None:
        self.backwards += rows


def _real(inputs: Any) -> int:
    """Rows without those that repeat the last one: batches are filled up with copies of it."""
    rows = len(inputs)
    while rows > 1 and bool((inputs[rows - 2] == inputs[-1]).all()):
        rows -= 1
    return rows
