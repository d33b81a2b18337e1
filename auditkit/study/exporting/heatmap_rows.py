"""Answers of a closed heatmap rating study, unblinded: one row per expert and heatmap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditkit.study.answers import HeatmapAnswer
from auditkit.study.folder import Blinded, Item, Key, KeyItem
from auditkit.study.kinds import Revision, Showing, Task


@dataclass(frozen=True)
class HeatmapRow:
    """What one expert said of one heatmap.

    Attributes:
        expert: who.
        image: id of the case.
        patient: id, if known; "" otherwise.
        method: label.
        predicted: the model's decision, as the expert was told.
        answer: in force.
        showing: the first time, or again.
        seen_before: how many heatmaps of this case the expert had been shown before, practice included; from
            1 the first prediction of the case is not made without the model's.
        seconds: for which the page was seen; None if unknown.
    """

    expert: str
    image: str
    patient: str
    method: str
    predicted: str
    answer: HeatmapAnswer
    showing: Showing
    seen_before: int
    seconds: float | None


def heatmap_rows(
    study: Blinded, key: Key, answered: Sequence[tuple[Task, Revision]]
) -> list[HeatmapRow]:
    """Answers in force without practice, experts in the study's order, heatmaps as each was shown them."""
    items = {item.item: item for item in study.items}
    known = {item.item: item for item in key.items}
    found: list[HeatmapRow] = []
    for expert in study.experts:
        own = [one for one in answered if one[0].person == expert.expert]
        found += _of_expert(sorted(own, key=lambda one: _turn(one[0])), items, known)
    return found


def _turn(task: Task) -> tuple[int, int]:
    return task.sitting, task.place


def _of_expert(
    answered: Sequence[tuple[Task, Revision]], items: dict[str, Item], known: dict[str, KeyItem]
) -> Iterator[HeatmapRow]:
    seen: dict[str, int] = {}
    for task, revision in answered:
        if not isinstance(revision.answer, HeatmapAnswer):
            continue
        item, what = items[task.item], known[task.item]
        before = seen.get(item.reference, 0)
        seen[item.reference] = before + 1
        if task.showing != "practice":
            yield HeatmapRow(
                task.person,
                what.image,
                what.patient,
                what.method,
                item.told["prediction"],
                revision.answer,
                task.showing,
                before,
                revision.seconds,
            )
