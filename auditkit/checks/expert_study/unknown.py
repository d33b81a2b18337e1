"""What answers that are not known could do to the scores of attributes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from auditkit.data.answer_arrays import Bools, ModelAnswers
from auditkit.metrics.attribute_estimates import (
    ON_DIRECTION,
    AttributeEstimates,
    attribute_estimates,
)
from auditkit.metrics.attribute_scores import DIRECTIONS
from auditkit.stats.inputs import half_alpha

_EXTREMES = ("benign only", "malignant only")
_BOTH = frozenset({"benign", "malignant"})


@dataclass(frozen=True)
class Unknown:
    """Answers to one model's pairs that might be others than are counted.

    Three kinds: those that were not given; the other experts' answers to the same pairs, since the one that
    was not given might have been "unable to assess", which removes them; and those in which something was
    noted that was grouped into no attribute, and might be any.

    Attributes:
        own: the answers.
    """

    own: ModelAnswers

    @cached_property
    def places(self) -> Bools:
        """(E, I), where they are."""
        own = self.own
        removable = own.counted & own.missing.any(axis=0)
        return own.missing | removable | (own.counted & own.ungrouped)

    @cached_property
    def share(self) -> float:
        """Share of the answers that there could be: no estimate of a share is further from the truth.

        With k answers for certain, of which s noted something, and u unknown ones, both the estimate and
        the truth lie between s / (k + u) and (s + u) / (k + u), whichever of the u are counted.
        """
        return float(self.places.sum()) / max(int((self.own.counted | self.own.missing).sum()), 1)

    def of_score(self, found: AttributeEstimates, place: int) -> float:
        """By how much the displayed size of an attribute could be others than its interval says.

        The size jumps where the predominant direction changes. It is the quantity of one of the directions
        that are open, or that unknown answers could open; each of those quantities is off by `share` at most.

        Args:
            found: of the attribute.
            place: of the attribute.
        """
        if not self.share:
            return 0.0
        possible = _open(found) | {side for one in self._extremes for side in _open(one[place])}
        if possible >= _BOTH:
            possible |= {"neither"}
        ends = {
            "benign": (found.benign.low, found.benign.high),
            "malignant": (found.malignant.low, found.malignant.high),
            # Ends of a mean are no wider than the means of both ends.
            "neither": (
                (found.benign.low + found.malignant.low) / 2,
                (found.benign.high + found.malignant.high) / 2,
            ),
        }
        beyond = [
            max(found.score.low - ends[side][0], ends[side][1] - found.score.high)
            for side in possible
        ]
        return min(1.0, self.share + max(0.0, *beyond))

    @cached_property
    def _extremes(self) -> Sequence[Sequence[AttributeEstimates]]:
        """All attributes if every unknown answer noted them on one side: beyond anything that can be."""
        own = self.own
        every = own.counted | own.missing
        found = []
        for direction in _EXTREMES:
            noted = np.where(self.places[:, :, None, None], False, own.noted)
            noted[self.places, :, DIRECTIONS.index(direction)] = True
            found.append(attribute_estimates(noted, every, own.units))
        return found


def _open(found: AttributeEstimates) -> set[str]:
    """Directions over which the interval of a displayed size is a union."""
    choice = found.direction
    limit = half_alpha(found.score.level) * ON_DIRECTION
    return {side for side, p_value in choice.p_values.items() if p_value > limit}
