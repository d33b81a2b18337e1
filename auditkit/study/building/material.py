"""What a study can be drawn from, whatever it comes from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from auditkit.data.dataset import Record
from auditkit.study.building.pictures import Pixels


@dataclass(frozen=True)
class Pair:
    """Two pictures of one image, by one model.

    Attributes:
        model: whose.
        image: id of the reference image.
        patient: id; "" if unknown.
        pictures: gives the benign and the malignant one, of one size; called when they are needed.
        scores: the model's score of the benign and of the malignant one; () if unknown.
    """

    model: str
    image: str
    patient: str
    pictures: Callable[[], tuple[Pixels, Pixels]]
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Material:
    """Reference images that can be looked at, each with a pair of every model.

    Attributes:
        references: pairs of each, in the order in which the plan names the models.
        left_out: number of other reference images by the reason why they are none of these.
        models: identity of each model; None if unknown.
        generators: sha256 of each model's counterfactual generator; None if unknown.
        records: of the data set that reference images come from; none where it is not read.
    """

    references: Sequence[Sequence[Pair]]
    left_out: Mapping[str, int]
    models: Mapping[str, str | None]
    generators: Mapping[str, str | None] = field(default_factory=dict)
    records: Sequence[Record] = ()
