"""Declaration of the check `colour-shift`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from auditkit.spec.audit import Number
from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.problems import nearest

# Degrees in the (u*, v*) plane towards which a neutral image moves: 0 is +u*, 90 is +v*.
DIRECTIONS: dict[str, float] = {
    "pink": 0.0,
    "orange": 45.0,
    "yellow": 90.0,
    "green": 135.0,
    "teal": 180.0,
    "blue": 270.0,
    "magenta": 315.0,
}


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Radius = Annotated[Number, Field(gt=0, le=100)]


class ColourShift(Parameters):
    """Constant chromaticity shifts of every pixel at fixed lightness."""

    space: Literal["cieluv"] = Field("cieluv", description="CIE 1976 L*u*v*, white D65.")
    radius: Annotated[list[Radius], BeforeValidator(_as_list)] = Field(
        default=[5.0, 20.0], min_length=1, description="Lengths of the shift in (u*, v*)."
    )
    angles: int = Field(16, ge=4, le=360, description="Evenly spaced directions of the circle.")
    directions: list[str] = Field(
        default=["pink", "yellow", "teal", "blue"],
        min_length=1,
        description="Named directions that are measures of their own.",
    )
    images: int | None = Field(None, ge=1, description="Only the first images of the data.")

    @field_validator("directions")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in DIRECTIONS:
                raise ValueError(f"unknown direction '{name}'; {nearest(name, DIRECTIONS)}")
        return value

    @property
    def circle(self) -> list[float]:
        """All angles in degrees: the even circle and the named directions, sorted."""
        even = {360.0 * i / self.angles for i in range(self.angles)}
        return sorted(even | {DIRECTIONS[name] for name in self.directions})


def _measures(parameters: ColourShift) -> Mapping[str, Measure]:
    radii: tuple[float | str, ...] = tuple(parameters.radius)
    at: dict[str, tuple[float | str, ...] | None] = {"radius": radii}
    around = {**at, "angle": tuple(parameters.circle)}
    change = ("probability", (-1.0, 1.0))
    share = ("proportion", (0.0, 1.0))
    measures = {
        "mean_change": Measure(*change, "Mean change of the score at this angle.", around),
        "decision_flips": Measure(
            *share,
            "Share of images whose decision flips at any angle of the circle.",
            at,
            better="lower",
        ),
    }
    for name in parameters.directions:
        measures[f"{name}.mean_change"] = Measure(
            *change, f"Mean change of the score when images move towards {name}.", at
        )
        measures[f"{name}.decision_flips"] = Measure(
            *share,
            f"Share of decisions that flip when images move towards {name}.",
            at,
            better="lower",
        )
    return measures


COLOUR_SHIFT = CheckDeclaration(
    name="colour-shift",
    title="Colour shift",
    summary="Does the light, the camera or its white balance move the prediction?",
    paper="DeGrave et al., Nat. Biomed. Eng. 2023, doi:10.1038/s41551-023-01160-9 (Fig. 3c)",
    parameters=ColourShift,
    measures=_measures,
    compute="auditkit.checks.colour_shift:colour_shift",
    needs=lambda _: frozenset[Need]({"pictures"}),
)
