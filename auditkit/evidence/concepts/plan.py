"""Which images have to be drawn for a drawing, each once. No torch.

An image is its caption and its noise. The noise depends on the record, the repeat and the declared seed,
never on the caption, so that it is held fixed when a concept changes (Jabbour et al., arXiv:2407.14509,
Section 3.2, permute captions alone). Images that keep their own value are drawn once for all blocks.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from auditkit.data.captions import caption, concept_of
from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.evidence.concepts.kinds import Drawing, Value
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Integers
from auditkit.spec.concepts import SEPARATOR
from auditkit.spec.data_card import DataCard

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


@dataclass(frozen=True)
class Item:
    """An image to draw.

    Attributes:
        record: index of the record that it stands for.
        caption: what it shows.
        seed: of its noise.
    """

    record: int
    caption: str
    seed: int

    @property
    def digest(self) -> str:
        """What determines it beside the generator."""
        return json.dumps([self.caption, self.seed])


@dataclass(frozen=True)
class Listed:
    """Images that are drawn as one stage: equal lists of other audits and models share its shards.

    Attributes:
        title: for people.
        items: the images.
    """

    title: str
    items: Sequence[Item]


@dataclass(frozen=True)
class PlannedBlock:
    """A block's values and captions.

    Attributes:
        concepts: the block.
        values: those that occur, in the declared order.
        own: (N,) which of them each image has; -1 where one is unknown.
        captions: per image (none where a value is unknown) one per value.
    """

    concepts: tuple[str, ...]
    values: Sequence[Value]
    own: Integers
    captions: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plan:
    """All that is drawn.

    Attributes:
        unknown: (N,) why an image is not drawn; "" if it is.
        plain: (N,) captions as they are.
        blocks: the drawing's blocks.
        lists: what is drawn.
        places: (list, position) of each (repeat, record, caption).
    """

    unknown: Sequence[str]
    plain: Sequence[str]
    blocks: Sequence[PlannedBlock]
    lists: Sequence[Listed]
    places: Mapping[tuple[int, int, str], tuple[int, int]]


# Of a few thousand images it takes seconds, and every picture of a report asks for it.
_plans: "WeakKeyDictionary[Evidence, dict[Drawing, Plan]]" = WeakKeyDictionary()


def plan_of(evidence: "Evidence", drawing: Drawing) -> Plan:
    """What a drawing of the evidence's records needs; made once.

    Raises:
        AuditError: as `planned`.
    """
    known = _plans.setdefault(evidence, {})
    if drawing not in known:
        known[drawing] = planned(evidence.records, evidence.data.card, drawing)
    return known[drawing]


def planned(records: Sequence[Record], card: DataCard, drawing: Drawing) -> Plan:
    """What a drawing of these records needs.

    Raises:
        AuditError: a concept is not declared or not told by captions, or no record has all values.
    """
    names = [name for block in drawing.blocks for name in block]
    for name in names:
        concept_of(card, name)
    unknown = [_unknown(record, names) for record in records]
    if all(unknown):
        raise AuditError(
            f"data set '{card.data}': no image has a known value of each of {', '.join(names)}"
        )
    plain = [caption(card, record) for record in records]
    known = [not reason for reason in unknown]
    blocks = [_block(records, card, block, known) for block in drawing.blocks]
    lists: list[Listed] = []
    places: dict[tuple[int, int, str], tuple[int, int]] = {}
    for title, repeat, wanted in _wanted(drawing, plain, known, blocks):
        fresh = [pair for pair in wanted if (repeat, *pair) not in places]
        if fresh:
            places |= {(repeat, *pair): (len(lists), at) for at, pair in enumerate(fresh)}
            seeds = [noise_seed(records[i], repeat, drawing.seed) for i, _ in fresh]
            items = [Item(i, said, seed) for (i, said), seed in zip(fresh, seeds, strict=True)]
            lists.append(Listed(title, items))
    return Plan(unknown, plain, blocks, lists, places)


def noise_seed(record: Record, repeat: int, seed: int) -> int:
    """The seed of an image's noise."""
    return seed_of("concept noise", record.digest, repeat, seed)


def _unknown(record: Record, names: Sequence[str]) -> str:
    for name in names:
        if not record.concepts.get(name):
            return f"the value of '{name}' is unknown"
    return ""


def _block(
    records: Sequence[Record], card: DataCard, block: tuple[str, ...], known: Sequence[bool]
) -> PlannedBlock:
    declared = [concept_of(card, name).values for name in block]
    own = [
        tuple(record.concepts[name] for name in block) if there else None
        for record, there in zip(records, known, strict=True)
    ]

    def place(value: Value) -> list[int]:
        return [every.index(one) for every, one in zip(declared, value, strict=True)]

    values = sorted({value for value in own if value is not None}, key=place)
    indices = [-1 if value is None else values.index(value) for value in own]
    captions = [
        [caption(card, record, dict(zip(block, value, strict=True))) for value in values]
        if there
        else []
        for record, there in zip(records, known, strict=True)
    ]
    return PlannedBlock(block, values, np.array(indices), captions)


def _wanted(
    drawing: Drawing,
    plain: Sequence[str],
    known: Sequence[bool],
    blocks: Sequence[PlannedBlock],
) -> Iterator[tuple[str, int, list[tuple[int, str]]]]:
    """Title, repeat, and (record, caption) of each list; own values are those of the plain captions."""
    drawn = [i for i, there in enumerate(known) if there]
    for repeat in range(drawing.repeats):
        again = f" (repeat {repeat + 1})" if repeat else ""
        title = f"images of {drawing.generator}"
        yield f"{title}{again}", repeat, [(i, plain[i]) for i in drawn]
        for block in blocks:
            name = SEPARATOR.join(block.concepts)
            for at, value in enumerate(block.values):
                changed = [(i, block.captions[i][at]) for i in drawn if block.own[i] != at]
                said = SEPARATOR.join(value)
                yield f"{title}, {name}: {said}{again}", repeat, changed
