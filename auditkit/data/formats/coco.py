"""COCO instances: a JSON file of images, categories and annotations with boxes, polygons, run lengths."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditkit.data.entry import Entry, Listing
from auditkit.data.formats.coco_region import Annotation, CocoRegion
from auditkit.data.location import data_file, data_folder
from auditkit.data.rows import check_columns
from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

# The label of a picture without annotations.
UNANNOTATED = "none"


class Image(BaseModel):
    """A picture; further keys may hold patient, groups and features."""

    model_config = ConfigDict(extra="allow")

    id: int
    file_name: str
    width: int | None = None
    height: int | None = None


class Category(BaseModel):
    """A class."""

    id: int
    name: str


class Instances(BaseModel):
    """The file."""

    images: list[Image] = Field(min_length=1)
    annotations: list[Annotation]
    categories: list[Category] = Field(min_length=1)


def listing(card: DataCard) -> Listing:
    """The pictures, each with the category of its annotations as its label.

    Where a picture has annotations of several categories, a positive one decides; without ``positive``
    in the card that is an error. Its region is the union of the annotations of the deciding category.

    Raises:
        AuditError: the file is missing, damaged or inconsistent.
    """
    file = data_file(card)
    instances = _read(file)
    names = _names(instances, file)
    grouped = _grouped(instances, names, file)
    _check_keys(card, instances, file)
    root = data_folder(card) if card.folder else file.parent.resolve()
    entries = [_entry(card, image, grouped[image.id], root, file) for image in instances.images]
    return Listing(file, entries)


def _read(file: Path) -> Instances:
    try:
        return Instances.model_validate(json.loads(file.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise AuditError(
            f"{file}: {place}: {first['msg']}; COCO instances (images, annotations, categories) were "
            "expected"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise AuditError(f"{file} cannot be read as COCO JSON: {error}") from error


def _names(instances: Instances, file: Path) -> Mapping[int, str]:
    names = {category.id: category.name for category in instances.categories}
    if len(names) != len(instances.categories) or len(set(names.values())) != len(names):
        raise AuditError(f"{file}: two categories have the same id or name; they must differ")
    if len({image.id for image in instances.images}) != len(instances.images):
        raise AuditError(f"{file}: two images have the same id; they must differ")
    return names


def _grouped(
    instances: Instances, names: Mapping[int, str], file: Path
) -> Mapping[int, list[tuple[str, Annotation]]]:
    """Annotations with the names of their categories, by image."""
    known = {image.id for image in instances.images}
    grouped: defaultdict[int, list[tuple[str, Annotation]]] = defaultdict(list)
    for place, annotation in enumerate(instances.annotations):
        if annotation.image_id not in known or annotation.category_id not in names:
            raise AuditError(
                f"{file}: annotations.{place} names image {annotation.image_id} and category "
                f"{annotation.category_id}, of which one is not there"
            )
        grouped[annotation.image_id].append((names[annotation.category_id], annotation))
    return grouped


def _check_keys(card: DataCard, instances: Instances, file: Path) -> None:
    columns, known = card.columns, set[str]()
    for image in instances.images:
        known |= set(_cells(image))
    one = filter(None, [columns.id, columns.patient, columns.split])
    check_columns(file, known, [*one, *columns.groups, *columns.features])


def _cells(image: Image) -> dict[str, Any]:
    return {"id": image.id, "file_name": image.file_name, **(image.model_extra or {})}


def _entry(
    card: DataCard,
    image: Image,
    annotations: Sequence[tuple[str, Annotation]],
    root: Path,
    file: Path,
) -> Entry:
    where, columns = f"{file}: image {image.id}", card.columns
    cells = {key: "" if value is None else str(value) for key, value in _cells(image).items()}
    label = _label(card, [name for name, _ in annotations], where)
    parts = tuple(annotation for name, annotation in annotations if name == label)
    size = (image.height, image.width) if image.height and image.width else None
    return Entry(
        id=cells[columns.id] if columns.id else image.file_name,
        where=where,
        label=label,
        picture=FileSource(root, image.file_name, where),
        patient=cells.get(columns.patient, "") if columns.patient else None,
        groups={name: cells.get(name, "") for name in columns.groups},
        features={name: cells.get(name, "") for name in columns.features},
        split=cells.get(columns.split, "") if columns.split else "",
        region=CocoRegion(parts, size) if parts else None,
    )


def _label(card: DataCard, names: Sequence[str], where: str) -> str:
    distinct = sorted(set(names))
    if len(distinct) < 2:
        return distinct[0] if distinct else UNANNOTATED
    if card.positive is None:
        raise AuditError(
            f"{where} has annotations of several categories ({', '.join(distinct)[:200]}); say in the card "
            "which are positive"
        )
    return next((name for name in distinct if name in card.positive), distinct[0])
