"""What any number of images costs, from a few that were computed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from auditkit.planning.usage import Usage


@dataclass(frozen=True)
class Fit:
    """Seconds and passes as a function of the images of a shard.

    Within a batch cost is a + b x images, through the computed numbers of images nearest to the one asked
    for: a is what a padded batch costs whatever is in it, b what each image adds. A shard of several
    batches costs as much as these. What was computed is not estimated.

    Where only one number of images was computed, the rows of its passes tell a from b: rows that fill a
    batch up cost the same when images take their place.

    Attributes:
        batch: inputs per pass.
        points: what so many images cost, by their number; not empty.
        passes: at the smallest number of images, how many passes had so many rows, so many of them not
            filling; empty where no network was asked.
    """

    batch: int
    points: Mapping[int, Usage]
    passes: Mapping[tuple[int, int], int] = field(default_factory=dict)

    def of(self, images: int) -> Usage:
        """What a shard of so many images costs."""
        if images in self.points:
            return self.points[images]
        whole, rest = divmod(images, self.batch)
        found = self._within(self.batch).times(whole) if whole else Usage()
        return found + self._within(rest) if rest else found

    def _within(self, images: int) -> Usage:
        """At most one batch."""
        if images in self.points:
            return self.points[images]
        known = sorted(number for number in self.points if number <= self.batch)
        if len(known) == 1:
            (only,) = known
            return self.points[only].times(self._rows(images / only) / self._rows(1.0))
        pairs = list(pairwise(known))
        low, high = next((pair for pair in pairs if pair[1] > images), pairs[-1])
        share = (images - low) / (high - low)
        return self._whole_passes(
            self.points[low].times(1 - share) + self.points[high].times(share)
        )

    def _rows(self, factor: float) -> float:
        """Rows that so many times the images need; where there are none, cost follows the images."""
        if not self.passes:
            return factor
        return sum(n * max(rows, factor * real) for (rows, real), n in self.passes.items())

    def _whole_passes(self, found: Usage) -> Usage:
        """Where every computed count is of whole batches, so are the others."""
        counts = [count for point in self.points.values() for count in point.counts]
        if any(count % self.batch for count in counts):
            return found
        up = (math.ceil(count / self.batch - 1e-9) * self.batch for count in found.counts)
        return Usage(max(found.cpu, 0.0), max(found.wall, 0.0), *up)
