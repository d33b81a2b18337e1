"""The plan of an expert study, as a user writes it in ``*.study.yaml``: who looks at what."""

import unicodedata
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.counterfactual_card import Family, Wanted
from auditkit.spec.methods import HasMethods
from auditkit.spec.ratings_card import Scale
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import Strict, typed

STUDY_SUFFIX = ".study.yaml"

Kind = Literal["counterfactuals", "pairs", "heatmaps"]
Direction = Literal["benign", "malignant", "neither", "unknown"]

PAPER_QUESTION = "Which image appears most likely to represent a melanoma?"

MAX_CATEGORIES: Final = 20
MAX_LETTERS: Final = 100


class CounterfactualPairs(Strict):
    """Counterfactual pairs: each model's own generator, on the same images."""

    trained_on: str = Field(description="Name of the data set that the generators were trained on.")
    family: Family = Field("progressive-exaggeration", description="How the generators work.")
    seed: int = Field(0, ge=0, description="Which training of them.")
    largest_artifact: Number | None = Field(
        None, gt=0, description="Largest artifact score of either counterfactual."
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @property
    def wanted(self) -> Wanted:
        """The generators that are asked."""
        return Wanted(self.trained_on, self.family, self.seed)


class ImagePairs(Strict):
    """Pairs of image files from a table."""

    file: str = Field(
        min_length=1,
        description="CSV table, relative to the plan: model, image, benign, malignant (files), and patient "
        "where known.",
    )


class Heatmaps(HasMethods, Strict):
    """Heatmaps of one model, to be rated."""

    images: int | None = Field(None, ge=1, description="Only the first images of the data.")
    scale: Scale = Field(
        Scale(low=0, high=10, step=1),
        description="Which ratings of a heatmap's quality can be given.",
    )


class Expert(Strict):
    """Somebody who looks at images."""

    expert: str = Field(description="Pseudonym, under which answers are exported.")
    background: str = Field("", description="Qualification, as the report may print it.")
    simulated: bool = Field(False, description="Whether a program answers and nobody looks.")

    _identifiers = field_validator("expert")(identifier)

    @field_validator("background")
    @classmethod
    def _one_line(cls, value: str) -> str:
        _check_printable(value)
        return value


class Preset(Strict):
    """An attribute that experts can select."""

    attribute: str = Field(description="'category/name', such as 'background/pinker'.")
    literature: Direction = Field(
        "unknown",
        description="Which diagnosis it speaks for, by the literature; neither: for none.",
    )
    source: str = Field("", description="The literature.")


class StudyPlan(Strict):
    """One study, `*.study.yaml`. Specified by DeGrave et al. (Methods) and Jin et al. (Fig. 2)."""

    study: str = Field(description="Name.")
    title: str = Field(min_length=1, description="One line for people; experts see it.")
    task: str = Field(description="Which models it concerns.")
    stand_in: str = Field("", description="If images or models are substitutes: what for.")
    kind: Kind = Field("counterfactuals", description="What is looked at.")
    data: str = Field(description="Name of the data set that images come from.")
    models: list[str] = Field(min_length=1, description="Names of the models compared.")
    counterfactuals: CounterfactualPairs | None = None
    pairs: ImagePairs | None = None
    heatmaps: Heatmaps | None = None
    question: str = Field(
        PAPER_QUESTION, min_length=1, max_length=300, description="What is asked first."
    )
    instruction: str = Field("", max_length=5000, description="Shown before anything else.")
    experts: list[Expert] = Field(min_length=1, description="Who looks.")
    coordinator: str = Field("coordinator", description="Pseudonym of who runs the study.")
    categories: list[str] = Field(
        default_factory=lambda: ["lesion", "background", "other"],
        min_length=1,
        description="Parts of the image that are asked about one after the other.",
    )
    presets: list[Preset] = Field(
        default_factory=list, description="Attributes that can be selected from the start."
    )
    prescreen: bool = Field(
        True, description="Whether experts first look for artifacts in every image by itself."
    )
    references: int = Field(
        100, ge=1, description="Reference images at most, each with a pair of every model."
    )
    practice: int = Field(4, ge=0, le=100, description="Pairs to practise on; they do not count.")
    stage_one: int = Field(
        100, ge=0, description="Pairs per expert with free text alone; 0: presets from the start."
    )
    set_size: int = Field(20, ge=1, le=200, description="Pairs in one sitting.")
    repeats: Number = Field(
        0.1,
        ge=0,
        le=0.5,
        description="Share of the pairs that are shown twice, for agreement within.",
    )
    path: Path = Field(default=Path(), exclude=True)
    digest: str = Field(default="", exclude=True)

    _identifiers = field_validator("study", "task", "data", "coordinator")(identifier)

    @field_validator("categories")
    @classmethod
    def _nameable(cls, given: list[str]) -> list[str]:
        if len(given) > MAX_CATEGORIES:
            raise ValueError(f"{len(given)} are named; at most {MAX_CATEGORIES} fit on a page")
        names = [_name(one) for one in given]
        for name in names:
            if "/" in name:
                raise ValueError(f"'{name}' has a '/', which ends a category; write another sign")
        return names

    @field_validator("presets")
    @classmethod
    def _selectable(cls, given: list[Preset]) -> list[Preset]:
        return [one.model_copy(update={"attribute": _attribute(one.attribute)}) for one in given]

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        for kind in ("counterfactuals", "pairs", "heatmaps"):
            given = getattr(self, kind) is not None
            if given and kind != self.kind:
                raise ValueError(f"{kind}: the kind is {self.kind}; drop it, or change 'kind'")
            if not given and kind == self.kind:
                raise ValueError(f"{kind}: expected, because the kind is {self.kind}")
        if self.kind == "heatmaps" and len(self.models) != 1:
            raise ValueError("models: heatmaps of one model are rated; name one")
        if self.kind == "heatmaps" and self.question == PAPER_QUESTION:
            raise ValueError(
                "question: expected, because the default asks which of two images is a melanoma; ask for "
                "the class of one image, such as 'Which grade is this glioma?'"
            )
        return self

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        people = [*(one.expert for one in self.experts), self.coordinator]
        named = [one.attribute for one in self.presets]
        for key, names in (
            ("experts, coordinator", people),
            ("models", self.models),
            ("categories", self.categories),
            ("presets", named),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{key}: '{twice[0]}' is named twice")
        for name in named:
            if name.partition("/")[0] not in self.categories:
                raise ValueError(
                    f"presets: '{name}' is not 'category/name' with one of {', '.join(self.categories)}"
                )
        return self


def _check_printable(text: str) -> None:
    found = next((one for one in text if not one.isprintable()), None)
    if found is not None:
        raise ValueError(
            f"{text!r:.120} has U+{ord(found):04X}, which cannot be printed; delete it"
        )


def _name(text: str) -> str:
    """As forms send it, composed (NFC): a name that they would alter could never be noted."""
    name = unicodedata.normalize("NFC", text)
    _check_printable(name)
    if name != name.strip():
        raise ValueError(f"'{name:.120}' begins or ends with a space; delete it")
    if not 1 <= len(name) <= MAX_LETTERS:
        raise ValueError(f"'{name:.120}' has {len(name)} letters; 1 to {MAX_LETTERS} were expected")
    return name


def _attribute(text: str) -> str:
    category, _, name = text.partition("/")
    if not category or not name:
        raise ValueError(f"'{text:.120}' is not 'category/name'")
    return f"{_name(category)}/{_name(name)}"


def read_plan(path: Path) -> StudyPlan:
    """A plan from its file.

    Raises:
        SpecError: listing every problem with its line.
    """
    document = read_yaml(path)
    plan = typed(document, StudyPlan)
    return plan.model_copy(update={"path": path.resolve(), "digest": document.digest})
