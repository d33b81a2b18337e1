"""What is known before a project is written, and how each was come to know."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from auditkit.spec.formats import FormatName

# Words of labels that stand for what is looked for, in the order of belief.
_POSITIVE = (
    "malignant",
    "melanoma",
    "cancer",
    "carcinoma",
    "tumour",
    "tumor",
    "disease",
    "abnormal",
    "positive",
    "pathologic",
    "pneumonia",
    "yes",
    "1",
)


@dataclass
class FoundModel:
    """What a weights file tells of itself; None where it tells nothing.

    Attributes:
        format: what reads the file.
        definition: the architecture's own file, where the format needs one.
        architectures: names that all tensors fit, each with its format, the likeliest first.
        strip_prefix: what all names of tensors begin with.
        outputs: number of outputs.
        size: side of the input.
        grey: whether the input has one channel.
        bytes: whether the input is 8-bit numbers.
        mean, std: as the architecture's published weights want them.
        kind: whether the outputs are probabilities or logits.
    """

    format: FormatName
    definition: Path | None = None
    architectures: list[tuple[FormatName, str]] = field(default_factory=list)
    strip_prefix: str = ""
    outputs: int | None = None
    size: int | None = None
    grey: bool = False
    bytes: bool = False
    mean: list[float] | None = None
    std: list[float] | None = None
    kind: Literal["probabilities", "logits"] | None = None


@dataclass
class FoundData:
    """What a folder of pictures or a table tells of itself.

    Attributes:
        format: of the data card.
        place: the folder, or the table.
        labels: the classes, sorted.
        pictures: how many there are.
        header: the table's columns.
        columns: which of them holds what: image, label, patient, mask, split.
        groups: columns with a few values that audits may report by.
    """

    format: Literal["folder", "table"]
    place: Path
    labels: list[str]
    pictures: int
    header: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)


@dataclass
class Answers:
    """Everything that is written; `guessed` names what nobody has confirmed, so that texts can say so."""

    name: str
    data_name: str
    task: str
    weights: Path
    model: FoundModel
    architecture: str | None
    size: int
    mean: list[float]
    std: list[float]
    kind: Literal["probabilities", "logits"]
    classes: list[str]
    score: str | None
    threshold: float | None
    data: FoundData
    guessed: set[str] = field(default_factory=set)

    @property
    def two_classes(self) -> bool:
        """Whether there is a score, and so a decision between no and yes."""
        return self.score is not None


def likely_score(labels: list[str]) -> str | None:
    """Of two classes, the one whose name sounds like what is looked for; else the last."""
    if len(labels) != 2:
        return None
    for word in _POSITIVE:
        for label in labels:
            if word in re.split(r"[^a-z0-9]+", label.lower()):
                return label
    return labels[-1]


def as_name(text: str, otherwise: str) -> str:
    """A name that specs can use: lower-case letters, digits, '-' and '_'."""
    plain = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")
    return plain if plain and plain[0].isalnum() else otherwise
