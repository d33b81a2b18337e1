"""The twenty attributes of a synthetic picture, named apart from the generators, for specs."""

from dataclasses import dataclass
from typing import Literal

from auditkit.errors import AuditError

Kind = Literal["lesion", "acquisition"]


@dataclass(frozen=True)
class Attribute:
    """One property that a picture is drawn from.

    Attributes:
        name: The key in `Case.attributes`.
        kind: `lesion` attributes decide the label, `acquisition` attributes never do.
        low: Smallest value.
        high: Largest value.
        meaning: What larger values look like.
    """

    name: str
    kind: Kind
    low: float
    high: float
    meaning: str

    def checked(self, value: float) -> float:
        """Return `value` as a float, or raise `AuditError` if it lies outside the range."""
        if not self.low <= value <= self.high:
            raise AuditError(
                f"Attribute {self.name!r} is {value}, expected a number from {self.low:g} to "
                f"{self.high:g}."
            )
        return float(value)


_TABLE = (
    Attribute("size", "lesion", 0.0, 1.0, "radius of the lesion, .3 to .64 of half the picture"),
    Attribute("border_irregularity", "lesion", 0.0, 1.0, "amplitude of the border's notches"),
    Attribute("asymmetry", "lesion", 0.0, 1.0, "one-sidedness of outline and pigment"),
    Attribute("darkness", "lesion", 0.0, 1.0, "melanin density of the whole lesion"),
    Attribute("colours", "lesion", 1.0, 6.0, "number of colours of pigment, fractions fade in"),
    Attribute("network", "lesion", 0.0, 1.0, "visibility of a regular pigment network"),
    Attribute("atypical_network", "lesion", 0.0, 1.0, "visibility of a thick, irregular network"),
    Attribute("blue_white_veil", "lesion", 0.0, 1.0, "opacity and extent of a blue-white haze"),
    Attribute("regression", "lesion", 0.0, 1.0, "scar-like white areas with blue-grey pepper"),
    Attribute("globules", "lesion", 0.0, 1.0, "number of round brown dots and globules"),
    Attribute("redness", "lesion", 0.0, 1.0, "erythema of the lesion and its rim"),
    Attribute("skin_tone", "acquisition", 0.0, 1.0, "melanin of the skin around the lesion"),
    Attribute("hair", "acquisition", 0.0, 1.0, "number of hairs, up to ten"),
    Attribute("ruler", "acquisition", 0.0, 1.0, "opacity of a ruler's marks along one edge"),
    Attribute("dark_corner", "acquisition", 0.0, 1.0, "black outside of a round field of view"),
    Attribute("gel_bubble", "acquisition", 0.0, 1.0, "number of bubbles in the gel, up to five"),
    Attribute("tint", "acquisition", -1.0, 1.0, "cast along CIELUV u*: pink above 0, teal below"),
    Attribute("colour_temperature", "acquisition", -1.0, 1.0, "light: warm above 0, cool below"),
    Attribute("brightness", "acquisition", -1.0, 1.0, "exposure, from -.4 to +.4 stops"),
    Attribute("background_spots", "acquisition", 0.0, 1.0, "freckles on the surrounding skin"),
)

ATTRIBUTES: dict[str, Attribute] = {attribute.name: attribute for attribute in _TABLE}
