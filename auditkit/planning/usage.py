"""What computing costs: time, and how often networks and generators are asked."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from auditkit.planning.watching import Counting


@dataclass(frozen=True)
class Usage:
    """What something costs. What fills batches up is counted too: it costs the same.

    Attributes:
        cpu: seconds of processor time of this process.
        wall: seconds by the clock.
        forwards: inputs through a network; each member of an ensemble counts.
        backwards: inputs through which a gradient went back.
        drawn: pictures that generators drew.
    """

    cpu: float = 0.0
    wall: float = 0.0
    forwards: float = 0.0
    backwards: float = 0.0
    drawn: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(a + b for a, b in zip(self._values, other._values, strict=True)))

    def times(self, factor: float) -> "Usage":
        """So many of it."""
        return Usage(*(factor * value for value in self._values))

    @property
    def _values(self) -> tuple[float, ...]:
        return self.cpu, self.wall, self.forwards, self.backwards, self.drawn

    @property
    def counts(self) -> tuple[float, float, float]:
        """All but time."""
        return self.forwards, self.backwards, self.drawn


@dataclass
class Meter:
    """What a block of code used.

    Attributes:
        usage: once the block has ended.
        counting: what was asked in it.
    """

    counting: Counting = field(default_factory=Counting)
    usage: Usage = field(default_factory=Usage)


@contextmanager
def metered(counting: Counting | None = None) -> Iterator[Meter]:
    """Measure a block, whether or not it ends well; what networks are asked too, with ``counting``."""
    meter = Meter(counting or Counting())
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        if counting is None:
            yield meter
        else:
            from auditkit.models.watching import watched

            with watched(counting):
                yield meter
    finally:
        made = meter.counting
        spent = time.process_time() - cpu, time.perf_counter() - wall
        meter.usage = Usage(*spent, made.forwards, made.backwards, made.drawn)
