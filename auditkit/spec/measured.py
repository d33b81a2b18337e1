"""Attributes that are measured in pictures without an expert, by name. No numpy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """One measured attribute.

    Attributes:
        name: as specs name it.
        unit: what the number counts.
        bounds: smallest and largest possible value.
        meaning: what larger values look like.
        masked: whether it needs to be known where the lesion is.
    """

    name: str
    unit: str
    bounds: tuple[float, float]
    meaning: str
    masked: bool = True


# What colours of sRGB can have, rounded up.
_GAMUT = {
    "L": (0.0, 100.0),
    "a": (-87.0, 99.0),
    "b": (-108.0, 95.0),
    "u": (-84.0, 176.0),
    "v": (-135.0, 108.0),
}


def _colours(place: str, what: str) -> tuple[Quantity, ...]:
    text = {
        "L": "lighter",
        "a": "redder, less green",
        "b": "yellower, less blue",
        "u": "redder or pinker",
        "v": "yellower, less blue",
    }
    return tuple(
        Quantity(
            f"{place}.{axis}",
            "CIELUV" if axis in "uv" else "CIELAB",
            _GAMUT[axis],
            f"{what} is {meaning}",
        )
        for axis, meaning in text.items()
    )


_PICTURE = "share of the picture"
_TABLE = (
    *_colours("background", "the skin outside of the dilated lesion"),
    *_colours("lesion", "the lesion"),
    Quantity("lesion.redness", "CIELAB", (-186.0, 186.0), "the lesion is redder than the skin"),
    Quantity("lesion.contrast", "CIELAB", (-100.0, 100.0), "the lesion is darker than the skin"),
    Quantity("lesion.colour_spread", "CIELAB", (0.0, 250.0), "the lesion has more colours"),
    Quantity("lesion.texture", "CIELAB", (0.0, 100.0), "the lesion has more network and globules"),
    Quantity(
        "lesion.blue_white",
        "share of the lesion",
        (0.0, 1.0),
        "more of the lesion is bluer than the skin",
    ),
    Quantity("lesion.area", _PICTURE, (0.0, 1.0), "the lesion is larger"),
    Quantity("lesion.asymmetry", "share of the lesion", (0.0, 1.0), "the lesion is less symmetric"),
    Quantity(
        "lesion.border_irregularity",
        "1 - circularity",
        (0.0, 1.0),
        "the lesion's border is less smooth",
    ),
    Quantity("brightness", "CIELAB", (0.0, 100.0), "the picture is lighter", masked=False),
    Quantity(
        "sharpness", "log10 of variance", (-20.0, 20.0), "the picture is sharper", masked=False
    ),
    Quantity("hair", _PICTURE, (0.0, 1.0), "more hair", masked=False),
    Quantity("ruler", "share of an edge by contrast", (0.0, 1.0), "marks of a ruler", masked=False),
    Quantity("dark_corners", _PICTURE, (0.0, 1.0), "larger dark corners", masked=False),
)

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _TABLE}
