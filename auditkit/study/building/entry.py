"""What is looked at, before it has an opaque name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from auditkit.study.building.pictures import Pixels


@dataclass(frozen=True)
class Entry:
    """One item of a study and what it is.

    Attributes:
        model: whose.
        image: id of the reference image.
        patient: id; "" if unknown.
        pictures: gives them in the order in which the study has them; called when they are needed.
        practice: whether it does not count.
        malignant: place of the malignant picture, of a pair.
        method: of a heatmap; "" of a pair.
        label: class of the image by the reference standard, of a heatmap; "" if unknown.
        scores: the model's score of each picture, in their order; () if unknown.
        told: what an expert is told beside the pictures.
    """

    model: str
    image: str
    patient: str
    pictures: Callable[[], Sequence[Pixels]]
    practice: bool = False
    malignant: Literal[0, 1] | None = None
    method: str = ""
    label: str = ""
    scores: tuple[float, ...] = ()
    told: dict[str, str] = field(default_factory=dict)
