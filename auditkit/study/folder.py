"""A study's folder: the plan, what the server may know, the key, the pictures and the answers.

plan.yaml         the plan, byte for byte
study.json        `Blinded`: all that the server reads
key.json          `Key`: which model, image and side everything is; readable by the owner alone
pictures/ID.png   equal length, no metadata
answers.sqlite    unless another database is named
"""

import hashlib
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from auditkit.errors import AuditError
from auditkit.results import write_whole
from auditkit.spec.ratings_card import Scale
from auditkit.spec.study import Expert, Kind
from auditkit.spec.typed import Strict
from auditkit.study.bounds import study_fault

PLAN, STUDY, KEY, PICTURES, DATABASE = (
    "plan.yaml",
    "study.json",
    "key.json",
    "pictures",
    "answers.sqlite",
)


Kept = TypeVar("Kept", bound=Strict)


class Layout(Strict):
    """How a picture is put together: rows (modalities) of columns (slices); one each for a photograph."""

    rows: int = 1
    columns: int = 1
    names: tuple[str, ...] = ()


class Item(Strict):
    """What is looked at: a pair, or an image with its heatmap.

    Attributes:
        item: random name.
        reference: random name of the reference image that items of several models share.
        pictures: names of pictures: two for a pair, in random order; of a heatmap image, heatmap, overlay.
        practice: whether it does not count.
        told: what an expert is told beside the pictures: the model's prediction, of a heatmap.
    """

    item: str
    reference: str
    pictures: tuple[str, ...]
    practice: bool = False
    told: dict[str, str] = Field(default_factory=dict)


class Blinded(Strict):
    """All that the server knows of a study."""

    version: Literal["1.0"] = "1.0"
    study: str
    title: str
    kind: Kind
    stand_in: str = ""
    question: str
    instruction: str = ""
    experts: tuple[Expert, ...] = Field(min_length=1)
    coordinator: str
    categories: tuple[str, ...]
    presets: tuple[str, ...] = ()
    prescreen: bool
    references: int = Field(ge=1)
    stage_one: int = Field(ge=0)
    set_size: int = Field(ge=1)
    repeats: float = Field(ge=0, le=0.5, allow_inf_nan=False)
    order_seed: str = Field(
        description="What order and sides are drawn from; says nothing of the key."
    )
    classes: tuple[str, ...] = Field((), description="What an expert can predict, of heatmaps.")
    scale: Scale | None = Field(None, description="Which ratings can be given, of heatmaps.")
    layout: Layout = Layout()
    key_sha256: str = Field(
        "", description="Of the key, whose seed nobody can guess; '' if unknown."
    )
    pictures_sha256: str = Field("", description="Over all pictures; '' if unknown.")
    width: int = Field(description="Of every picture, in pixels.")
    height: int
    items: tuple[Item, ...]


class KeyItem(Strict):
    """What an item is.

    Attributes:
        model: whose.
        image: id in the data set.
        patient: id, if known; "" otherwise.
        malignant: place (0, 1) of the malignant picture, of a pair; None of a heatmap.
        method: of a heatmap; "" of a pair.
        label: class of the image by the reference standard, of a heatmap; "" if unknown.
        scores: the model's score of each picture, of a pair; () where unknown.
    """

    item: str
    model: str
    image: str
    patient: str = ""
    malignant: Literal[0, 1] | None = None
    method: str = ""
    label: str = ""
    scores: tuple[float, ...] = ()


class Key(Strict):
    """What unblinds a study."""

    version: Literal["1.0"] = "1.0"
    study: str
    seed: str = Field(description="Recorded seed; secret until the study is closed.")
    plan_sha256: str
    models: dict[str, str | None] = Field(description="Identity of each model; None if unknown.")
    generators: dict[str, str | None] = Field(
        default_factory=dict,
        description="sha256 of the weights of each model's counterfactual generator; None if unknown.",
    )
    data_sha256: str | None = Field(
        None, description="Identity of the records that pairs were made of; None if unknown."
    )
    items: tuple[KeyItem, ...]


def read_blinded(folder: Path) -> Blinded:
    """What the server knows.

    Raises:
        AuditError: there is none, or it is not as `auditkit study new` writes it.
    """
    path = folder / STUDY
    study = _read(path, Blinded)
    fault = study_fault(study)
    if fault:
        raise AuditError(f"{path}: {fault}; it must stay as `auditkit study new` wrote it")
    return study


def read_key(folder: Path) -> Key:
    """The key; for the export alone.

    Raises:
        AuditError: as `read_blinded`.
    """
    return _read(folder / KEY, Key)


def _read(path: Path, kind: type[Kept]) -> Kept:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise AuditError(
            f"{path} does not exist; give the folder that `auditkit study new` wrote"
        ) from None
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AuditError(
            f"{path}: {place or 'the file'}: {first['msg']}; it must stay as `auditkit study new` wrote it"
        ) from None


def key_bytes(key: Key) -> bytes:
    """The key as it is written."""
    return key.model_dump_json(indent=1).encode() + b"\n"


def pictures_digest(folder: Path, study: Blinded) -> str:
    """SHA-256 over the names and contents of a study's pictures.

    Raises:
        AuditError: one is missing, or no file of its own.
    """
    found = hashlib.sha256()
    for name in sorted({name for item in study.items for name in item.pictures}):
        path = folder / PICTURES / f"{name}.png"
        if path.is_symlink() or not path.is_file():
            raise AuditError(f"{path} is not there as a file; restore the pictures of the study")
        found.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n".encode())
    return found.hexdigest()


def write_blinded(folder: Path, study: Blinded) -> None:
    """Write what the server knows."""
    write_whole(folder / STUDY, study.model_dump_json(indent=1).encode() + b"\n")


def write_key(folder: Path, key: Key) -> None:
    """Write the key, for the owner's eyes."""
    path = folder / KEY
    write_whole(path, key_bytes(key))
    path.chmod(0o600)
