"""Which images are shown with their counterfactuals: failures first, then right decisions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

import numpy as np
import numpy.typing as npt

from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.evidence.kinds import Integers

FALSE_POSITIVE: Final = "false positive"
FALSE_NEGATIVE: Final = "false negative"
CERTAIN: Final = "right, among the most certain"
CLOSE: Final = "right, among the least certain"

Rows = npt.NDArray[np.bool_]
Queue = tuple[str, list[int]]


@dataclass(frozen=True)
class Chosen:
    """Which images are shown, and of how many.

    Attributes:
        cases: the kind of case by image, in the order shown.
        false_positives: their number, shown or not.
        false_negatives: their number, shown or not.
        right: number of right decisions, shown or not.
        left_out: number of images that cannot be shown: their counterfactuals are not finite.
    """

    cases: Mapping[int, str]
    false_positives: int
    false_negatives: int
    right: int
    left_out: int

    def caption(self, threshold: float) -> str:
        """How many failures there are, which are shown, and in what order."""
        failures = self.false_positives + self.false_negatives
        of_each = (
            f"{_counted(self.false_positives, FALSE_POSITIVE)}, "
            f"{_counted(self.false_negatives, FALSE_NEGATIVE)}"
        )
        parts = [
            f"Wrong decisions at the threshold {threshold:g}: {failures} of",
            f"{_counted(failures + self.right, 'image')} ({of_each}).",
        ]
        shown = self._shown(FALSE_POSITIVE, FALSE_NEGATIVE)
        if shown:
            which = "All are" if shown == failures else f"The first {shown} are"
            parts.append(f"{which} shown: either kind in turn, the most wrong score first.")
        right = self._shown(CERTAIN, CLOSE)
        if right:
            after = "follow" if shown else "are shown"
            parts.append(
                f"{right} of {_counted(self.right, 'right decision')} {after}: the most and the least "
                "certain in turn."
            )
        if self.left_out:
            parts.append(f"Left out: {self.left_out} whose counterfactuals are not finite.")
        return " ".join(parts)

    def _shown(self, *cases: str) -> int:
        return sum(case in cases for case in self.cases.values())


def choose(found: Counterfactuals, labels: Integers, threshold: float, most: int) -> Chosen:
    """At most ``most`` images, in an order that is a function of scores and labels alone.

    False positives and false negatives in turn, the score farthest from the threshold first; then, in
    turn, right decisions whose score is farthest from the threshold and nearest to it, of either class.

    Args:
        found: scores of n images and whether their counterfactuals are finite.
        labels: (n,), 1 is the positive class.
        threshold: a score at or above it is a positive decision.
        most: number of images, at most.

    Example:
        >>> own = np.array([0.9, 0.6, 0.1, 0.2])
        >>> some = np.zeros((4, 10))
        >>> found = Counterfactuals(own, some, some, own, own, own, np.full(4, True))
        >>> choose(found, np.array([0, 0, 1, 0]), 0.5, 3).cases
        {0: 'false positive', 2: 'false negative', 1: 'false positive'}
    """
    decided, positive = found.own >= threshold, labels == 1
    wrong_positive = found.finite & decided & ~positive
    wrong_negative = found.finite & ~decided & positive
    right = found.finite & (decided == positive)
    up, down = found.own, -found.own
    failures = [
        (FALSE_POSITIVE, _ordered(wrong_positive, down)),
        (FALSE_NEGATIVE, _ordered(wrong_negative, up)),
    ]
    others = [
        (CERTAIN, _ordered(right & decided, down)),
        (CLOSE, _ordered(right & decided, up)),
        (CERTAIN, _ordered(right & ~decided, up)),
        (CLOSE, _ordered(right & ~decided, down)),
    ]
    return Chosen(
        _first([failures, others], most),
        int(wrong_positive.sum()),
        int(wrong_negative.sum()),
        int(right.sum()),
        int((~found.finite).sum()),
    )


def _ordered(rows: Rows, key: npt.NDArray[np.float64]) -> list[int]:
    places = np.flatnonzero(rows)
    order: list[int] = places[np.argsort(key[places], kind="stable")].tolist()
    return order


def _first(groups: Sequence[Sequence[Queue]], most: int) -> dict[int, str]:
    cases: dict[int, str] = {}
    for case, index in (each for queues in groups for each in _in_turn(queues)):
        if len(cases) < most:
            cases.setdefault(index, case)
    return cases


def _in_turn(queues: Sequence[Queue]) -> Iterator[tuple[str, int]]:
    names = [name for name, _ in queues]
    for row in zip_longest(*(places for _, places in queues)):
        for name, place in zip(names, row, strict=True):
            if place is not None:
                yield name, place


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
