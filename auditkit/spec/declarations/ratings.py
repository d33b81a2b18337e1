"""Declaration of the check `ratings`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.declarations.plausibility import PAPER, HasPlausibility
from auditkit.spec.methods import HasMethods


class Ratings(HasPlausibility, HasMethods, Parameters):
    """Physicians' ratings of heatmaps: do they agree, and with FP and MSFI?"""

    ratings: str = Field(description="Name of the table (*.ratings.yaml), or its path.")
    level: Literal["nominal", "ordinal", "interval"] = Field(
        "interval", description="Level of measurement of the ratings, for Krippendorff's alpha."
    )
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @property
    def rating_tables(self) -> Sequence[str]:
        """The table."""
        return [self.ratings]


def _measures(parameters: Ratings) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: Ratings) -> Iterator[tuple[str, Measure]]:
    text = f"Krippendorff's alpha between raters ({parameters.level})."
    yield "alpha", Measure("Krippendorff's alpha", (-1.0, 1.0), text)
    yield "kappa", Measure("Fleiss' kappa", (-1.0, 1.0), "Fleiss' kappa between raters.")
    for score in ("msfi", "fp"):
        text = f"Pearson correlation of mean ratings with {score.upper()}, over images and methods."
        yield f"{score}_correlation", Measure("Pearson's r", (-1.0, 1.0), text)


def _needs(parameters: Ratings) -> frozenset[Need]:
    """Labels are for the modalities' importance, where it is not given."""
    return frozenset({"annotations"} if parameters.weights else {"annotations", "labels"})


RATINGS = CheckDeclaration(
    name="ratings",
    title="Physicians' ratings of heatmaps",
    summary="Do physicians agree about heatmaps, and do FP and MSFI stand for their judgement?",
    paper=f"{PAPER} (section 5.3.1)",
    parameters=Ratings,
    measures=_measures,
    compute="auditkit.checks.ratings:ratings",
    needs=_needs,
    guidelines=("G4",),
)
