"""Identifiers of a whole data set: each file's header once, all names and ids, all columns."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from auditkit.data.dataset import Dataset
from auditkit.data.entry import Entry
from auditkit.data.files import sources_of
from auditkit.data.identifiers.columns import header, holds_names
from auditkit.data.identifiers.dicom import in_dicom
from auditkit.data.identifiers.nifti import in_nifti
from auditkit.data.identifiers.raster import in_raster
from auditkit.data.identifiers.tally import Found, Tally
from auditkit.data.identifiers.texts import collection, single
from auditkit.data.pictures import raster
from auditkit.data.pictures.read import DICOM, NIFTI
from auditkit.data.rows import read_table
from auditkit.data.source import FileSource, Source
from auditkit.errors import AuditError
from auditkit.results import IdentifierFinding
from auditkit.spec.data_card import DataCard

Columns = Mapping[str, Mapping[str, int]]
# Headers of files that were looked at, by content: a picture in two data sets is opened once.
_looked_at: dict[bytes, set[Found]] = {}


def identifiers(dataset: Dataset) -> Sequence[IdentifierFinding]:
    """What may identify a patient in a data set; nothing in one that is drawn.

    Headers are read, pixels are not: text that is drawn into a picture is out of reach.
    """
    entries: Sequence[Entry] = getattr(dataset, "entries", ())
    return entry_identifiers(dataset.card, entries)


def entry_identifiers(card: DataCard, entries: Sequence[Entry]) -> Sequence[IdentifierFinding]:
    """As `identifiers`, of what a data set lists."""
    tally = Tally()
    for source in _sources(entries):
        tally.add(_header(source))
    files = [one.text for one in _sources(entries) if isinstance(one, FileSource)]
    _add(tally, "file name", Counter(map(_without_suffix, files)), names=True)
    # Where a table has no column of ids, the path of the picture is the id.
    known = set(files)
    ids = Counter(entry.id for entry in entries if entry.id not in known)
    _add(tally, "image id", ids, names=True)
    patients = Counter(entry.patient for entry in entries if entry.patient)
    _add(tally, "patient id", patients, names=True)
    for name, cells in _columns(card, entries).items():
        _add_column(tally, name, cells)
    for entry in entries:
        tally.add(("free text", kind) for kind in single(entry.text))
    return tally.findings()


def _sources(entries: Sequence[Entry]) -> Iterator[Source]:
    """Every file once: a mask may serve several modalities."""
    seen: set[str] = set()
    for entry in entries:
        for source in sources_of(entry):
            if source.name not in seen:
                seen.add(source.name)
                yield source


def _header(source: Source) -> set[Found]:
    """What a file's header shows; files of other kinds, and missing ones, show nothing."""
    try:
        if not isinstance(source, FileSource):
            with source.open() as file:
                return in_raster(file)
        digest = source.digest()
        if digest not in _looked_at:
            _looked_at[digest] = _in_file(source.path)
        return _looked_at[digest]
    except (AuditError, OSError):
        return set()


def _in_file(path: Path) -> set[Found]:
    name = path.name.lower()
    if name.endswith(DICOM):
        return in_dicom(path)
    if name.endswith(NIFTI):
        with path.open("rb") as file:
            return in_nifti(file, zipped=name.endswith(".gz"))
    if name.endswith(raster.SUFFIXES):
        with path.open("rb") as file:
            return in_raster(file)
    return set()


def _without_suffix(path: str) -> str:
    """The name of a file, with the folders that its data set names."""
    parts = PurePosixPath(path.replace("\\", "/"))
    return parts.with_suffix("").as_posix() if parts.name else path


def _columns(card: DataCard, entries: Sequence[Entry]) -> Columns:
    """The user's own table; of published layouts the columns that are used."""
    own = {card.columns.image, card.columns.id, card.columns.patient, card.columns.mask}
    if card.volumes:
        own |= {*card.volumes.modalities.values(), *card.volumes.masks.values()}
    if card.captions.text:
        own.add(card.captions.text)
    rows = [*_rows(card, entries)]
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: Counter(cell for row in rows if (cell := row.get(name, "")))
        for name in names
        if name not in own
    }


def _rows(card: DataCard, entries: Sequence[Entry]) -> Iterator[Mapping[str, str]]:
    if card.format in ("table", "volumes", "coco"):
        from auditkit.data.location import data_file

        file = data_file(card)
        yield from (
            _images(file) if card.format == "coco" else (row.cells for row in read_table(file))
        )
        return
    for entry in entries:
        yield {**entry.groups, **entry.features, **entry.concepts, **entry.details}


def _images(file: Path) -> Iterator[Mapping[str, str]]:
    """What a COCO file says of each picture."""
    for image in json.loads(file.read_bytes())["images"]:
        yield {
            key: str(value)
            for key, value in image.items()
            if key not in ("id", "file_name") and isinstance(value, str | int)
        }


def _add_column(tally: Tally, name: str, cells: Mapping[str, int]) -> None:
    where = f"column '{name:.80}'"
    what = header(name) or ("name of a person" if holds_names(name, cells) else "")
    if what and cells:
        tally.add([(where, f"{what} (by its header)")], sum(cells.values()))
        return
    _add(tally, where, cells, names=True)


def _add(tally: Tally, where: str, texts: Mapping[str, int], *, names: bool) -> None:
    for what, count in collection(texts, names=names).items():
        tally.add([(where, what)], count)
