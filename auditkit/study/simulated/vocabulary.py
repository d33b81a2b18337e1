"""The words of a simulated expert: which measured difference is called what, and from what size it is seen.

Thresholds were set once, before any counterfactual was looked at:

- Colours: 2.3 units of CIELAB or CIELUV, the just noticeable difference of Mahy et al. (1994,
  doi:10.1002/col.5080190207).
- All others: half of the standard deviation between 300 images of the synthetic dermoscopy on which the
  generators were trained (`dermoscopy-training`), rounded to two digits; a difference of that size is, in
  Cohen's words, "visible to the naked eye of a careful observer" (Statistical Power Analysis for the
  Behavioral Sciences, 1988, on d = 0.5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

JUST_NOTICEABLE: Final = 2.3


@dataclass(frozen=True)
class Word:
    """One way in which two pictures can differ.

    Attributes:
        quantity: what is measured (`auditkit.spec.measured.QUANTITIES`).
        sign: whether more (1) or less (-1) of it makes more of the attribute.
        category: part of the image.
        name: of the attribute, as a preset.
        synonyms: free text for it.
        threshold: smallest difference that is seen, in the quantity's unit.
        absent: at or below this the attribute is not there at all; None where it is a matter of degree.
    """

    quantity: str
    sign: Literal[1, -1]
    category: str
    name: str
    synonyms: tuple[str, ...]
    threshold: float
    absent: float | None = None

    @property
    def attribute(self) -> str:
        """As experts group it, 'category/name'."""
        return f"{self.category}/{self.name}"


VOCABULARY: Final = (
    Word(
        *("background.u", 1, "background", "pinker"),
        ("pink tint", "rosier skin", "pinker background", "pink hue"),
        JUST_NOTICEABLE,
    ),
    Word(
        *("background.L", -1, "background", "darker"),
        ("darker skin", "darker background", "dim background", "less light on the skin"),
        JUST_NOTICEABLE,
    ),
    Word(
        *("background.v", -1, "background", "cooler color temperature"),
        ("cooler colors", "bluish skin", "less yellow skin"),
        JUST_NOTICEABLE,
    ),
    Word(
        *("hair", 1, "background", "hair"),
        ("more hair", "hairs", "terminal hair"),
        0.017,
        absent=0.001,
    ),
    Word(
        *("lesion.L", -1, "lesion", "darker pigmentation"),
        ("darker lesion", "darker pigment", "more pigment", "deeper brown"),
        JUST_NOTICEABLE,
    ),
    Word(
        *("lesion.texture", 1, "lesion", "more prominent pigment network"),
        ("pigment network", "stronger network", "network and globules", "coarser network"),
        0.75,
    ),
    Word(
        *("lesion.colour_spread", 1, "lesion", "multiple colors of pigment"),
        ("more colors", "variegated color", "several colors"),
        1.7,
    ),
    Word(
        *("lesion.redness", 1, "lesion", "erythema"),
        ("redder lesion", "pink lesion", "redness"),
        JUST_NOTICEABLE,
    ),
    Word(
        *("lesion.blue_white", 1, "lesion", "blue-white veil"),
        ("blue veil", "blue-gray area", "whitish blue haze"),
        0.072,
        absent=0.001,
    ),
    Word(
        *("lesion.area", 1, "lesion", "larger"),
        ("bigger lesion", "larger lesion", "greater diameter"),
        0.038,
    ),
    Word(
        *("lesion.asymmetry", 1, "lesion", "asymmetric shape"),
        ("asymmetry", "less symmetric"),
        0.025,
    ),
    Word(
        *("lesion.border_irregularity", 1, "lesion", "irregular border"),
        ("uneven border", "jagged edge", "notched border"),
        0.058,
    ),
    Word(
        *("ruler", 1, "other", "ruler marks"),
        ("ruler", "scale bar", "measuring marks"),
        0.054,
        absent=0.001,
    ),
    Word(
        *("dark_corners", 1, "other", "dark corners"),
        ("vignette", "black corners", "dark frame"),
        0.022,
        absent=0.001,
    ),
    Word(
        *("sharpness", 1, "other", "sharper image"),
        ("sharper", "better focus", "crisper"),
        0.023,
    ),
)
"""A picture's overall brightness has no word: background and lesion have their own."""

SUSPICIOUS: Final[Mapping[str, float]] = {
    "lesion.L": -1.0,
    "lesion.colour_spread": 1.0,
    "lesion.blue_white": 1.0,
    "lesion.asymmetry": 1.0,
    "lesion.border_irregularity": 1.0,
}
"""What makes a lesion look malignant, and how much a difference of one threshold weighs: darker, more
colours, less regular (the ABCD criteria: Abbasi et al., JAMA 2004, doi:10.1001/jama.292.22.2771), a
blue-white veil."""

ARTIFACT_FROM: Final = 1.0
"""Sharpness from which fine noise is called an artifact: five standard deviations above the mean of the same
300 images (0.75, standard deviation 0.046)."""


def attribute_of(category: str, text: str) -> str:
    """The attribute, 'category/name', that a text is a word for; the text itself if it is none."""
    return _MEANINGS.get((category, _plain(text)), f"{category}/{' '.join(text.split())}")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


_MEANINGS: Final[Mapping[tuple[str, str], str]] = {
    (word.category, _plain(text)): word.attribute
    for word in VOCABULARY
    for text in (word.name, *word.synonyms)
}
