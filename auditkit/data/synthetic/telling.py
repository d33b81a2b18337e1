"""What captions can tell of a drawn picture: its concepts, details, and a text of all its attributes."""

from collections.abc import Mapping

from auditkit.data.captions import Told, check_concepts, told, told_columns
from auditkit.errors import AuditError
from auditkit.spec.attributes import ATTRIBUTES, Attribute
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest

DESCRIPTION = "description"
_LEVELS = 5
# Concepts of their own: a text that told them would stand against a caption that changes them.
_UNTOLD = ("tint", "hair", "ruler", "dark_corner", "blue_white_veil")
# There is always some of these: their lowest level is no absence.
_ALWAYS = ("size", "darkness", "colours", "skin_tone", "brightness", "colour_temperature")
_ORDER = (
    "size",
    "darkness",
    "colours",
    "network",
    "atypical_network",
    "regression",
    "globules",
    "redness",
    "skin_tone",
    "border_irregularity",
    "asymmetry",
    "brightness",
    "colour_temperature",
    "gel_bubble",
    "background_spots",
)


def told_of(card: DataCard, columns: Mapping[str, str]) -> Told:
    """What the card's concepts and captions ask for, from what a generator knows by name.

    Raises:
        AuditError: the generator knows no such name, or the value is not one that the card declares.
    """
    for name in told_columns(card):
        if name not in columns:
            raise AuditError(
                f"{card.path}: the generator knows no '{name}'; {nearest(name, columns)}"
            )
    found = told(card, columns.__getitem__)
    check_concepts(card, found.concepts, str(card.path))
    return found


def described(attributes: Mapping[str, float]) -> dict[str, str]:
    """The attributes as texts by name, and a `description` of those that are no concepts.

    The description names levels from 0 to 4, equally wide steps of an attribute's range, and leaves out
    what is absent or at level 0.

    >>> described(dict.fromkeys(ATTRIBUTES, 0.5))["description"][:34]
    'size 2, darkness 2, colours 0, net'
    """
    phrases = [
        f"{name.replace('_', ' ')} {level}"
        for name in _ORDER
        if (level := _level(ATTRIBUTES[name], attributes[name])) or name in _ALWAYS
    ]
    values = {name: repr(value) for name, value in attributes.items()}
    return {**values, DESCRIPTION: ", ".join(phrases)}


def _level(known: Attribute, value: float) -> int:
    share = (value - known.low) / (known.high - known.low)
    return min(_LEVELS - 1, max(0, int(_LEVELS * share)))
