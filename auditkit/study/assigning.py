"""Who is shown what in which order: functions of the study's recorded seed and the expert's name alone.

Neither other experts nor the time matter, so that anybody who has the seed draws the same again.
"""

from collections import deque
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from auditkit.evidence.identity import seed_of
from auditkit.study.folder import Blinded, Item
from auditkit.study.kinds import Phase, Showing

FEWEST: Final = 4
"""With fewer pairs a stage has no repeats: there are too few new ones to mix them with."""

_FEWEST_IN_SET: Final = 2


@dataclass(frozen=True)
class Assigned:
    """One showing of an item to an expert; the fields are those of `Task`."""

    phase: Phase
    sitting: int
    place: int
    showing: Showing
    item: str
    order: tuple[int, ...]


@dataclass(frozen=True)
class _Shown:
    item: Item
    sitting: int
    showing: Showing


def screening(study: Blinded, expert: str) -> Sequence[Assigned]:
    """Every picture of every item by itself, in an order of the expert's own; practice apart."""
    pictures = [
        (item.item, place)
        for item in study.items
        if not item.practice
        for place in range(len(item.pictures))
    ]
    order = _generator(study, "screening", expert).permutation(len(pictures))
    return [
        Assigned("screening", place // study.set_size + 1, place, "first", item, (picture,))
        for place, (item, picture) in enumerate(pictures[number] for number in order)
    ]


def references(study: Blinded, rejected: Container[str]) -> frozenset[str]:
    """The references that all experts are shown: at most `Blinded.references`, drawn from those that passed.

    Args:
        study: the study.
        rejected: items of which a picture was rejected; one of them rejects the reference in every model.

    Returns:
        Names of references; practice apart.
    """
    counting = [item for item in study.items if not item.practice]
    failed = {item.reference for item in counting if item.item in rejected}
    passed = [
        name for name in dict.fromkeys(one.reference for one in counting) if name not in failed
    ]
    order = _generator(study, "references").permutation(len(passed))
    return frozenset(passed[number] for number in order[: study.references])


def pairs(study: Blinded, expert: str, shown: Container[str]) -> Sequence[Assigned]:
    """An expert's pairs: practice, then the first `stage_one` with free text, the rest in stage 2.

    Each stage has its repeats to itself, so that a pair is seen again as it was asked before. A stage of
    fewer than `FEWEST` pairs has none, nor has a study with sets of one.

    Args:
        study: the study.
        expert: name.
        shown: names of references whose items are shown.
    """
    items = _permuted(study, "pairs", expert, _counting(study, shown))
    stages: tuple[tuple[Phase, list[Item]], ...] = (
        ("stage-1", items[: study.stage_one]),
        ("stage-2", items[study.stage_one :]),
    )
    practice = _practice(study, expert)
    generator = _generator(study, "repeats", expert)
    sides = _generator(study, "sides", expert)
    assigned: list[Assigned] = []
    before = 0
    for phase, ones in stages:
        again = rounded(study.repeats * (before + len(ones))) - rounded(study.repeats * before)
        before += len(ones)
        if ones:
            showings = [*practice, *_in_sets(ones, again, study.set_size, generator)]
            practice = []
            assigned += _placed(phase, showings, sides)
    return assigned


def ratings(study: Blinded, expert: str) -> Sequence[Assigned]:
    """An expert's heatmaps: practice, then all in an order of the expert's own, some of them again."""
    items = _permuted(study, "ratings", expert, [one for one in study.items if not one.practice])
    again = rounded(study.repeats * len(items))
    generator = _generator(study, "repeats", expert)
    showings = [*_practice(study, expert), *_in_sets(items, again, study.set_size, generator)]
    return _placed("rating", showings, None)


def _counting(study: Blinded, shown: Container[str]) -> list[Item]:
    return [item for item in study.items if not item.practice and item.reference in shown]


def _generator(study: Blinded, purpose: str, expert: str = "") -> np.random.Generator:
    return np.random.default_rng(seed_of("study", study.order_seed, purpose, expert))


def _permuted(study: Blinded, purpose: str, expert: str, items: Sequence[Item]) -> list[Item]:
    order = _generator(study, purpose, expert).permutation(len(items))
    return [items[number] for number in order]


def _practice(study: Blinded, expert: str) -> list[_Shown]:
    items = _permuted(study, "practice", expert, [item for item in study.items if item.practice])
    return [_Shown(item, 0, "practice") for item in items]


def rounded(number: float) -> int:
    """The nearest whole number; halves are rounded up."""
    return int(number + 0.5)


def _in_sets(
    items: Sequence[Item], again: int, size: int, generator: np.random.Generator
) -> list[_Shown]:
    """Items in sets, `again` of them a second time in a later set than the first time.

    From the second set on every place is a repeat with the share of repeats among the places that are left,
    but every set has a picture that is new: what stands in a set of repeats alone is recognised as such.
    """
    if len(items) < FEWEST or size < _FEWEST_IN_SET:
        again = 0
    fresh = deque(items)
    earlier: list[Item] = []
    shown: list[_Shown] = []
    sizes = _sizes(len(items), again, size)
    for sitting, places in enumerate(sizes, start=1):
        later = len(sizes) - sitting
        here: list[Item] = []
        for left in range(places, 0, -1):
            left_again = len(items) + again - len(shown) - len(fresh)
            drawn = bool(generator.integers(len(fresh) + left_again) < left_again)
            # The last place is for the first new one of the set; later sets need one each.
            if earlier and (here or left > 1) and (drawn or (here and len(fresh) <= later)):
                item = earlier.pop(int(generator.integers(len(earlier))))
                shown.append(_Shown(item, sitting, "repeat"))
            else:
                here.append(fresh.popleft())
                shown.append(_Shown(here[-1], sitting, "first"))
        earlier += here
    return shown


def _sizes(fresh: int, again: int, size: int) -> list[int]:
    """How many are shown in each set: all full but the last; two sets with repeats are about equal.

    Else what does not fit into the first set would be next to nothing but repeats.
    """
    total = fresh + again
    if again and total <= 2 * size:
        return [total - total // 2, total // 2]
    full, rest = divmod(total, size)
    return [size] * full + [rest] * (rest > 0)


def _placed(
    phase: Phase, showings: Sequence[_Shown], sides: np.random.Generator | None
) -> list[Assigned]:
    """Number showings; with `sides`, a fair coin for each says which picture is displayed as A."""
    assigned = []
    for place, one in enumerate(showings):
        order = tuple(range(len(one.item.pictures)))
        if sides is not None and sides.integers(2):
            order = order[::-1]
        assigned.append(Assigned(phase, one.sitting, place, one.showing, one.item.item, order))
    return assigned
