"""The eight test-time views of a square picture: the symmetries of the square. No torch."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

View = Literal[
    "identity",
    "flip-horizontal",
    "flip-vertical",
    "rotate-180",
    "transpose",
    "rotate-90",
    "rotate-270",
    "anti-transpose",
]
# Each is a transposition of rows and columns (or not), then a mirroring of rows and of columns.
VIEWS: Mapping[View, tuple[bool, bool, bool]] = MappingProxyType(
    {
        "identity": (False, False, False),
        "flip-horizontal": (False, False, True),
        "flip-vertical": (False, True, False),
        "rotate-180": (False, True, True),
        "transpose": (True, False, False),
        "rotate-90": (True, True, False),
        "rotate-270": (True, False, True),
        "anti-transpose": (True, True, True),
    }
)

assert set(VIEWS) == set(get_args(View))
