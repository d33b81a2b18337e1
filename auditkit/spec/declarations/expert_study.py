"""Declaration of the check `expert-study`: what experts saw in pairs of counterfactuals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field, field_validator

from auditkit.spec.counterfactual_card import Family, Wanted
from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.declarations.counterfactuals import PAPER

DIRECTIONS: Final = ("benign", "malignant", "neither")

_SHARE: Final = (0.0, 1.0)
_AGREEMENT: Final = (-1.0, 1.0)


class ExpertStudy(Parameters):
    """Experts' answers to pairs of counterfactuals: which attributes differ, and do they agree?"""

    answers: str = Field(
        description="Name of the answers of a closed study (*.answers.yaml), or path."
    )
    attributes: list[str] = Field(
        default_factory=list,
        description="Attributes that expectations name, each 'category/name' as the experts agreed upon.",
    )
    trained_on: str | None = Field(
        None,
        description="Name of the data set that the model's counterfactual generator was trained on; then it "
        "is held against the one whose pictures were shown.",
    )
    family: Family = Field("progressive-exaggeration", description="How that generator works.")
    seed: int = Field(0, ge=0, description="Which training of it.")
    top: int = Field(10, ge=1, le=50, description="How many attributes the figures show.")

    @field_validator("attributes")
    @classmethod
    def _named(cls, value: list[str]) -> list[str]:
        for name in value:
            category, _, rest = name.partition("/")
            if not category.strip() or not rest.strip():
                raise ValueError(f"'{name}' is not 'category/name', such as 'background/pinker'")
            if value.count(name) > 1:
                raise ValueError(f"'{name}' is named twice")
        return value

    @property
    def counterfactuals(self) -> Sequence[Wanted]:
        """The generator that is compared, if it is named."""
        if self.trained_on is None:
            return ()
        return (Wanted(self.trained_on, self.family, self.seed),)

    @property
    def answer_tables(self) -> Sequence[str]:
        """The answers."""
        return [self.answers]


def _measures(parameters: ExpertStudy) -> Mapping[str, Measure]:
    found = dict(_of_experts())
    for name in parameters.attributes:
        found |= dict(_of_attribute(name))
    return found


def _of_attribute(name: str) -> Iterator[tuple[str, Measure]]:
    unit, start = "proportion of pairs and experts", f"attribute[{name}]"
    text = (
        f"Score of {name} in the direction that predominates; the mean of both if neither does: the size "
        "that the figure displays."
    )
    yield f"{start}.score", Measure(unit, _SHARE, text)
    for side in ("benign", "malignant"):
        text = f"Share of pairs and experts who noted more of {name} in the {side} picture."
        yield f"{start}.{side}", Measure(unit, _SHARE, text)
    text = f"Share of pairs and experts who noted that {name} differs, in whatever direction."
    yield f"{start}.noted", Measure(unit, _SHARE, text)
    text = f"Where {name} predominates: one side's score is more than twice that of the other."
    yield f"{start}.direction", Measure("direction", _SHARE, text, choices=DIRECTIONS)


def _of_experts() -> Iterator[tuple[str, Measure]]:
    expert: Mapping[str, None] = {"expert": None}
    text = "Agreement of an expert with the model on which displayed picture is the malignant one."
    yield "kappa", Measure("Cohen's kappa", _AGREEMENT, text, at=expert)
    text = "Agreement between the experts on which picture is the malignant one."
    yield "experts_alpha", Measure("Krippendorff's alpha", _AGREEMENT, text)
    text = "Agreement of an expert with their own answer when a pair was shown again."
    yield "repeat_kappa", Measure("Cohen's kappa", _AGREEMENT, text, at=expert)
    text = (
        "Share of pairs that an expert was unable to assess, the first time or again; they are in no other "
        "quantity."
    )
    yield "unable", Measure("proportion", _SHARE, text)
    text = "Share of reference images that the experts' screening kept, over all models."
    yield "retained", Measure("proportion", _SHARE, text)


def _needs(_parameters: ExpertStudy) -> frozenset[Need]:
    """Nothing is asked of model or images: the pictures were shown before."""
    return frozenset()


EXPERT_STUDY = CheckDeclaration(
    name="expert-study",
    title="What experts see in counterfactuals",
    summary="Which attributes did experts see differ between benign and malignant counterfactuals?",
    paper=f"{PAPER} (Fig. 2, Supplementary Figs. 8-10)",
    parameters=ExpertStudy,
    measures=_measures,
    compute="auditkit.checks.expert_study:expert_study",
    needs=_needs,
)
