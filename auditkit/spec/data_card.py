"""Data cards: what is audited on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.artifact import Artifact
from auditkit.spec.audit import Number, identifier
from auditkit.spec.concepts import Captions, Concept, check_captions
from auditkit.spec.data_dossier import DataDossier
from auditkit.spec.typed import Strict
from auditkit.spec.volume import Glioma, VolumeFiles

Format = Literal[
    "table",
    "folder",
    "coco",
    "hugging-face",
    "isic-2019",
    "isic-2016",
    "fitzpatrick17k",
    "ddi",
    "mimic-cxr",
    "synthetic-dermoscopy",
    "synthetic-clinical",
    "synthetic-shapes",
    "volumes",
    "brats",
    "mrnet",
    "synthetic-glioma",
    "synthetic-knee",
]

# Formats of volumes and of several modalities; all others are pictures.
VOLUMES = ("volumes", "brats", "mrnet", "synthetic-glioma", "synthetic-knee")
# Formats whose pictures can be drawn again with one attribute changed.
REDRAWABLE = ("synthetic-dermoscopy", "synthetic-clinical")
# Formats whose paper audited a part of the data set only.
FILTERED = ("isic-2019", "fitzpatrick17k", "ddi")
_TABLES, _PUBLISHED = ("table", "coco", "volumes"), (*FILTERED, "isic-2016")
_FOLDERS = ("folder", "coco", "hugging-face", "mimic-cxr", "brats", "mrnet", *_PUBLISHED)
_DRAWN_VOLUMES = ("synthetic-glioma", "synthetic-knee")
_SYNTHETIC = ("synthetic-dermoscopy", "synthetic-clinical", "synthetic-shapes", *_DRAWN_VOLUMES)
# Keys that only some formats read: elsewhere they would silently do nothing.
_READ_BY: Mapping[str, tuple[str, ...]] = {
    "file": _TABLES,
    "folder": _FOLDERS,
    "filter": FILTERED,
    "exclusions": ("fitzpatrick17k",),
    "with_": _SYNTHETIC,
    "volumes": ("volumes", "brats", "mrnet"),
}
_CAPTIONED = ("table", "coco", "hugging-face", "mimic-cxr", *_SYNTHETIC[:3])
_LESIONS = ("synthetic-dermoscopy", "synthetic-clinical")
_DRAWN_BY: Mapping[str, tuple[str, ...]] = {
    "images_per_patient": _LESIONS,
    "tint_follows_label": _LESIONS,
    "rulers_in_benign": _LESIONS,
    "clear_concepts": ("synthetic-dermoscopy",),
    "weights": ("synthetic-shapes",),
    "glioma": _DRAWN_VOLUMES,
}
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "file": _TABLES,
    "folder": tuple(kind for kind in _FOLDERS if kind != "coco"),
    "filter": FILTERED,
    "with_": _SYNTHETIC,
    "volumes": ("volumes",),
}
# Of `volumes`, keys that only some of its formats read.
_KEPT_BY: Mapping[str, tuple[str, ...]] = {
    "masks": ("volumes",),
    "radius": ("volumes",),
    "region": ("volumes", "brats"),
    "finding": ("mrnet",),
}
_WHAT = {
    "file": "the table or JSON file was expected",
    "folder": "the folder of the data set was expected",
    "filter": "'paper' (the part that the paper audited) or 'none' was expected",
    "with_": "the generator's parameters were expected (n, seed)",
    "volumes": "'modalities: {NAME: COLUMN}' was expected",
}


class Columns(Strict):
    """Which column of a table holds what."""

    image: str = Field("image", description="Path of the picture, relative to the table.")
    label: str = Field("label", description="Class name or index.")
    id: str | None = Field(
        None, description="Unique id; left out: the path of the picture, or of the first volume."
    )
    patient: str | None = Field(None, description="Images of one patient are one cluster.")
    mask: str | None = Field(None, description="Path of a mask picture; non-zero is inside.")
    box: str | None = Field(
        None,
        description="`x0,y0,x1,y1` in pixels, half-open; of volumes the lower and then the upper corner, "
        "in voxels along the axes as stored.",
    )
    landmarks: str | None = Field(
        None,
        description="Volumes: points in voxels along the axes as stored, `12,40,33; 18,41,30`.",
    )
    split: str | None = Field(None, description="Which part (train, test) a picture belongs to.")
    groups: list[str] = Field(default_factory=list, description="Columns to report by.")
    features: list[str] = Field(
        default_factory=list, description="Columns that a model's second input may read (age, sex)."
    )


class Slice(Strict):
    """Which plane of a NIfTI volume is the picture."""

    axis: int = Field(ge=0, le=2, description="Axis of the array as stored, not reoriented.")
    index: int | Literal["middle"] = Field(description="Position on it, from 0; or 'middle'.")
    turn: int = Field(
        0, ge=0, le=3, description="Quarter turns counter-clockwise (0: rows are the first axis)."
    )

    @field_validator("index")
    @classmethod
    def _from_zero(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 0:
            raise ValueError("a position from 0 was expected")
        return value


class Pictures(Strict):
    """How files that are not 8-bit RGB become 8-bit RGB. What is not declared is refused."""

    convert: list[Literal["grey", "palette"]] = Field(
        default_factory=list, description="Kinds of pictures to accept by conversion to RGB."
    )
    window: list[Number] | Literal["percentiles"] | None = Field(
        None,
        description="`[low, high]` becomes 0..255 in grey pictures of more than 8 bits, DICOM (after the "
        "modality LUT; left out: the file's own window) and NIfTI; 'percentiles': each picture's own "
        "1st and 99th.",
    )
    slice: Slice | None = Field(None, description="Plane of NIfTI volumes.")
    frame: int | None = Field(None, ge=0, description="Which frame of files with several, from 0.")

    @field_validator("window")
    @classmethod
    def _ordered(cls, value: list[float] | str | None) -> list[float] | str | None:
        if isinstance(value, list) and (len(value) != 2 or not value[0] < value[1]):
            raise ValueError("[low, high] with low < high was expected")
        return value


class Synthetic(Strict):
    """Parameters of the synthetic generators."""

    n: int = Field(ge=1, le=1_000_000, description="Number of images.")
    seed: int = Field(ge=0, description="Of everything that is drawn.")
    size: int = Field(128, ge=16, le=1024, description="Side in pixels.")
    images_per_patient: int = Field(1, ge=1, description="Pictures of each patient.")
    tint_follows_label: Number = Field(
        0.0, ge=0, le=1, description="0: the colour cast is independent of the label."
    )
    rulers_in_benign: Number | None = Field(
        None,
        ge=0,
        le=1,
        description="Share of benign lesions with a ruler beside them, melanomas having none; adds the "
        "group `ruler`. Left out: one in five of both.",
    )
    clear_concepts: bool = Field(
        False,
        description="Dermoscopy: tint, hair, ruler, dark_corner and blue_white_veil are absent or clearly "
        "there, each in half of the pictures (tint as `tint_follows_label` says), so that captions can "
        "name them.",
    )
    weights: list[Number] | None = Field(
        None,
        min_length=6,
        max_length=6,
        description="Shapes: weights of red, green, blue circle and red, green, blue rectangle; the label "
        "is 1 where their sum over the shapes that are there exceeds half the sum of all. Left out: all "
        "equal, so that more than three shapes decide.",
    )

    glioma: Glioma | None = Field(None, description="Synthetic glioma and knee volumes.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.clear_concepts and self.rulers_in_benign is not None:
            raise ValueError(
                "clear_concepts, rulers_in_benign: both say where rulers are; drop one"
            )
        return self


class DataCard(Strict):
    """A data set under its name."""

    data: str = Field(description="Name; `data: NAME` in a spec.")
    title: str = Field("", description="One line for people.")
    task: str = Field(description="Which models it concerns.")
    stand_in: str = Field("", description="If the images are a substitute: what for.")
    format: Format = Field(description="How the data set is kept (docs/data.md).")
    file: str | None = Field(
        None, description="CSV or Parquet table, or COCO JSON; relative to the card."
    )
    folder: str | None = Field(
        None,
        description="Folder of the data set: relative to the card or, if it is not there, to the "
        "environment variable AUDITKIT_DATA.",
    )
    columns: Columns = Field(Columns(), description="Which column of the table holds what.")
    concepts: list[Concept] = Field(
        default_factory=list, description="Properties that can be permuted in captions."
    )
    captions: Captions = Field(Captions(), description="How concepts become sentences.")
    pictures: Pictures = Field(
        Pictures(), description="How files that are not 8-bit RGB become 8-bit RGB."
    )
    volumes: VolumeFiles | None = Field(None, description="Volumes: which files hold what.")
    positive: list[str] | None = Field(
        None, min_length=1, description="Labels that count as positive (two-class tasks)."
    )
    negative: list[str] | None = Field(
        None, min_length=1, description="All other labels; left out: whatever is not positive."
    )
    filter: Literal["none", "paper"] | None = Field(
        None, description="Published data sets: everything, or the part that the paper audited."
    )
    exclusions: str | None = Field(
        None, description="Fitzpatrick17k: file of md5 hashes to leave out, instead of the paper's."
    )
    expected: int | None = Field(
        None,
        ge=1,
        description="Number of pictures, all splits together, before `limit`; another is an error. "
        "Published data sets know theirs.",
    )
    split: str | None = Field(None, description="Only pictures of this split.")
    limit: int | None = Field(None, ge=1, description="Only the first pictures.")
    with_: Synthetic | None = Field(
        None, alias="with", description="Synthetic data: how many, and what is drawn."
    )
    artifact: Artifact | None = Field(
        None, description="Drawn into pictures, for controls; adds the group `artifact`."
    )
    licence: str = Field("", description="SPDX name or sentence.")
    source: str = Field("", description="Where the images come from.")
    description: str = Field("", description="Collection, annotators, reference standard.")
    dossier: DataDossier = Field(DataDossier(), description="What only people know.")
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("data", "task")(identifier)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key, formats in _REQUIRED.items():
            if self.format in formats and getattr(self, key) is None:
                raise ValueError(f"{key.rstrip('_')}: {_WHAT[key]} (format is '{self.format}')")
        for key, formats in _READ_BY.items():
            if self.format not in formats and getattr(self, key) is not None:
                raise ValueError(f"{key.rstrip('_')}: format '{self.format}' does not read this")
        if self.format in ("table", "volumes") and self.split and not self.columns.split:
            raise ValueError("split: say which column holds it (columns: {split: NAME})")
        if (self.concepts or self.captions != Captions()) and self.format not in _CAPTIONED:
            raise ValueError(f"concepts, captions: format '{self.format}' does not read these")
        check_captions(self.concepts, self.captions)
        return self

    @model_validator(mode="after")
    def _kept(self) -> Self:
        given = self.columns.model_fields_set
        if self.format not in VOLUMES:
            if "landmarks" in given:
                raise ValueError("columns.landmarks: these are of volumes; drop them")
            return self
        if self.pictures != Pictures() or "image" in given:
            raise ValueError(f"pictures, columns.image: '{self.format}' are volumes; drop these")
        if self.volumes is None:
            return self
        for key, formats in _KEPT_BY.items():
            if key in self.volumes.model_fields_set and self.format not in formats:
                raise ValueError(f"volumes: format '{self.format}' does not read {key}")
        if self.format == "volumes" and not self.volumes.modalities:
            raise ValueError(f"volumes: {_WHAT['volumes']}")
        for name in self.volumes.masks:
            if name not in self.volumes.modalities:
                raise ValueError(f"volumes: masks: '{name}' is none of the modalities")
        return self

    @model_validator(mode="after")
    def _drawn(self) -> Self:
        if self.artifact is not None and self.format in VOLUMES:
            raise ValueError(f"artifact: '{self.format}' are volumes; drop it")
        return self

    @model_validator(mode="after")
    def _generator(self) -> Self:
        given = self.with_.model_fields_set if self.with_ else set()
        for key, formats in _DRAWN_BY.items():
            if key in given and self.format not in formats:
                raise ValueError(f"with: format '{self.format}' does not read {key}")
        return self
