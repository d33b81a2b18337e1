"""COCO instances: a JSON file of images, categories and annotations with boxes, polygons, run lengths."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditkit.data.entry import Entry, Listing
from auditkit.data.formats.coco_concepts import check_categories, counted, regions
from auditkit.data.formats.coco_labels import by_category, declared
from auditkit.data.formats.coco_region import Annotation, CocoRegion
from auditkit.data.location import data_folder, present_file
from auditkit.data.rows import check_columns
from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.regular import read_ordinary

# Of the JSON file; the largest that was published has half of it.
MAX_BYTES = 1_000_000_000


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

    ``columns.label`` names other labels (of scenes): a key of the images, or a column of a table beside
    the file, whose pictures are then the only ones; there is no region then. Concepts of the card are
    categories; their value is the number of annotations.

    Raises:
        AuditError: the file is missing, damaged or inconsistent.
    """
    file = present_file(card)
    instances = _read(file)
    names = _names(instances, file)
    grouped = _grouped(instances, names, file)
    _check_keys(card, instances, file)
    check_categories(card, names.values(), file)
    labels = declared(card, {image.file_name: _cells(image) for image in instances.images}, file)
    used = [image for image in instances.images if labels is None or image.file_name in labels]
    root = data_folder(card) if card.folder else file.parent.resolve()
    entries = [_entry(card, image, grouped[image.id], labels, root, file) for image in used]
    unlabelled = len(instances.images) - len(used)
    left_out = {f"not in {card.columns.label}.csv": unlabelled} if unlabelled else {}
    return Listing(file, entries, left_out=left_out)


def _read(file: Path) -> Instances:
    try:
        return Instances.model_validate(json.loads(read_ordinary(file, MAX_BYTES)))
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
    one = filter(None, [columns.id, columns.patient, columns.split, card.captions.text])
    several = [*columns.groups, *columns.features, *card.captions.details]
    check_columns(file, known, [*one, *several])


def _cells(image: Image) -> dict[str, str]:
    cells = {"id": image.id, "file_name": image.file_name, **(image.model_extra or {})}
    return {key: "" if value is None else str(value) for key, value in cells.items()}


def _entry(
    card: DataCard,
    image: Image,
    annotations: Sequence[tuple[str, Annotation]],
    labels: Mapping[str, str] | None,
    root: Path,
    file: Path,
) -> Entry:
    where, columns, cells = f"{file}: image {image.id}", card.columns, _cells(image)
    size = (image.height, image.width) if image.height and image.width else None
    if labels is None:
        label = by_category(card, [name for name, _ in annotations], where)
        parts = tuple(annotation for name, annotation in annotations if name == label)
    else:
        label, parts = labels[image.file_name], ()
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
        concepts=counted(card, annotations),
        details={name: cells.get(name, "") for name in card.captions.details},
        text=cells.get(card.captions.text, "") if card.captions.text else "",
        concept_regions=regions(card, annotations, size),
    )
