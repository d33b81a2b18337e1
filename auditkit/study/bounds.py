"""What study.json and key.json can say: a file that was edited by hand is refused before it is used."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from auditkit.study.folder import Blinded, Key, KeyItem

# Names become names of files: nothing leads out of the folder, and no system finds them too long.
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")
_OF_A_PAIR: Final = 2


def study_fault(study: "Blinded") -> str:
    """What is the first thing that no study has; "" if there is none."""
    return next(_study_faults(study), "")


def key_fault(study: "Blinded", key: "Key") -> str:
    """What is the first thing that no key of this study has; "" if there is none."""
    names = [one.item for one in key.items]
    if sorted(names) != sorted(one.item for one in study.items):
        return "its items are not those of the study"
    if study.kind == "heatmaps":
        return ""
    return next(filter(None, map(_pair_fault, key.items)), "")


def _study_faults(study: "Blinded") -> Iterator[str]:
    if not study.items:
        yield "items: at least one expected"
    if min(study.width, study.height, study.layout.rows, study.layout.columns) < 1:
        yield "width, height, layout: at least 1 expected"
    pictures = [name for item in study.items for name in item.pictures]
    people = [*(one.expert for one in study.experts), study.coordinator]
    for what, names in (
        ("experts, coordinator", people),
        ("items", [item.item for item in study.items]),
        ("pictures", pictures),
    ):
        yield from (f"{what}: '{name:.100}' is named twice" for name in _twice(names))
    for name in pictures:
        if not _NAME.fullmatch(name):
            yield f"pictures: {name!r:.100} is no name of a picture"
    yield from _item_faults(study)


def _item_faults(study: "Blinded") -> Iterator[str]:
    for item in study.items:
        if study.kind != "heatmaps" and len(item.pictures) != _OF_A_PAIR:
            yield f"item {item.item:.100}: has {len(item.pictures)} pictures; a pair has 2"
        if not item.pictures:
            yield f"item {item.item:.100}: has no picture"


def _pair_fault(known: "KeyItem") -> str:
    if known.malignant is None:
        return f"item {known.item:.100}: 'malignant' is missing; 0 or 1 expected"
    if len(known.scores) not in {0, _OF_A_PAIR} or not all(map(math.isfinite, known.scores)):
        return f"item {known.item:.100}: two finite scores expected, or none"
    return ""


def _twice(names: Sequence[str]) -> Sequence[str]:
    return [name for name, count in Counter(names).items() if count > 1]
