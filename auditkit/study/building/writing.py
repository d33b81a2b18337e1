"""A study's folder, written whole: blinded, with its key and its pictures."""

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.results import write_whole
from auditkit.spec.study import StudyPlan
from auditkit.study.building.entry import Entry
from auditkit.study.building.names import opaque_names
from auditkit.study.building.pictures import LARGEST_SIDE, Size, canvas_of, encoded, fitted
from auditkit.study.building.ready import Ready
from auditkit.study.building.seeds import order_seed
from auditkit.study.folder import (
    PICTURES,
    PLAN,
    Blinded,
    Item,
    Key,
    KeyItem,
    key_bytes,
    pictures_digest,
    write_blinded,
    write_key,
)
from auditkit.study.whole import whole_folder


@dataclass(frozen=True)
class _Named:
    """An entry and its item, in the order of items' random names."""

    item: Item
    entry: Entry


def write_study(plan: StudyPlan, ready: Ready, folder: Path, seed: str) -> Blinded:
    """Write the folder of a study; it appears when all of it is there.

    Neither the order of items nor that of pictures, nor the times of files follow what is shown.

    Raises:
        AuditError: the folder is there already or cannot be written, the plan has changed since it was
            read, or a picture cannot be read.
    """
    content = _plan_as_read(plan)
    sizes = [_sizes(entry) for entry in ready.entries]
    # Of sheets of tiles, each tile may be as large as a picture.
    largest = LARGEST_SIDE * max(ready.layout.rows, ready.layout.columns)
    canvas = canvas_of((size for of_entry in sizes for size in of_entry), largest)
    named = _named(ready.entries, [len(of_entry) for of_entry in sizes])
    blinded = _blinded(plan, ready, [one.item for one in named], canvas, order_seed(seed))
    key = Key(
        study=plan.study,
        seed=seed,
        plan_sha256=hashlib.sha256(content).hexdigest(),
        models=dict(ready.models),
        generators=dict(ready.generators),
        data_sha256=ready.data_sha256,
        items=tuple(_key_item(one) for one in named),
    )
    with whole_folder(folder) as half:
        write_whole(half / PLAN, content)
        write_key(half, key)
        _write_pictures(half / PICTURES, named, canvas)
        # The server's database remembers study.json, so that key and pictures cannot change unnoticed.
        digests = {
            "key_sha256": hashlib.sha256(key_bytes(key)).hexdigest(),
            "pictures_sha256": pictures_digest(half, blinded),
        }
        blinded = blinded.model_copy(update=digests)
        write_blinded(half, blinded)
    return blinded


def _plan_as_read(plan: StudyPlan) -> bytes:
    try:
        content = plan.path.read_bytes()
    except OSError as error:
        raise AuditError(f"{plan.path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != plan.digest:
        raise AuditError(f"{plan.path} has changed while the study was built; build it again")
    return content


def _sizes(entry: Entry) -> list[Size]:
    """(width, height) of every picture; they are read again when they are written."""
    return [(picture.shape[1], picture.shape[0]) for picture in entry.pictures()]


def _named(entries: Sequence[Entry], counts: Sequence[int]) -> list[_Named]:
    images = list(dict.fromkeys(entry.image for entry in entries))
    references = dict(zip(images, opaque_names(len(images)), strict=True))
    items = opaque_names(len(entries))
    found = [
        _Named(_item(name, references[entry.image], entry, count), entry)
        for name, entry, count in zip(items, entries, counts, strict=True)
    ]
    return sorted(found, key=lambda one: one.item.item)


def _item(name: str, reference: str, entry: Entry, pictures: int) -> Item:
    return Item(
        item=name,
        reference=reference,
        pictures=tuple(opaque_names(pictures)),
        practice=entry.practice,
        told=entry.told,
    )


def _key_item(one: _Named) -> KeyItem:
    entry = one.entry
    return KeyItem(
        item=one.item.item,
        model=entry.model,
        image=entry.image,
        patient=entry.patient,
        malignant=entry.malignant,
        method=entry.method,
        label=entry.label,
        scores=entry.scores,
    )


def _blinded(
    plan: StudyPlan, ready: Ready, items: Sequence[Item], canvas: Size, order: str
) -> Blinded:
    return Blinded(
        study=plan.study,
        title=plan.title,
        kind=plan.kind,
        stand_in=plan.stand_in or "; ".join(ready.stand_ins),
        question=plan.question,
        instruction=plan.instruction,
        experts=tuple(plan.experts),
        coordinator=plan.coordinator,
        categories=tuple(plan.categories),
        presets=tuple(preset.attribute for preset in plan.presets),
        prescreen=plan.prescreen,
        references=plan.references,
        stage_one=plan.stage_one,
        set_size=plan.set_size,
        repeats=plan.repeats,
        order_seed=order,
        classes=ready.classes,
        scale=plan.heatmaps.scale if plan.heatmaps else None,
        layout=ready.layout,
        width=canvas[0],
        height=canvas[1],
        items=tuple(items),
    )


def _write_pictures(folder: Path, named: Sequence[_Named], canvas: Size) -> None:
    folder.mkdir()
    moment = int(time.time())
    for one in named:
        for name, picture in zip(one.item.pictures, one.entry.pictures(), strict=True):
            path = folder / f"{name}.png"
            write_whole(path, encoded(fitted(picture, canvas)))
            # A server may tell when a file was changed, and so in which order they were written.
            os.utime(path, (moment, moment))
