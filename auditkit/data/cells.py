"""Free text in CSV tables that people open in a spreadsheet.

A cell that begins with `=`, `+`, `-`, `@` or a tab is run as a formula there (CWE-1236). Such a cell gets an
apostrophe in front of it, which a spreadsheet shows or hides but never runs; so does one that begins with an
apostrophe, so that what was written can be told from it. The same is done behind `;`, `|`, tabs and line ends
within a cell: a spreadsheet that takes one of them for the separator makes a cell of what follows.
"""

import re
from typing import Final

_MARK: Final = "'"
# Spreadsheets of some locales read the full-width forms as well.
_RUN: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", _MARK)
_ANY: Final = "".join(map(re.escape, _RUN))
# The separator, spaces that some programs take away, and perhaps the quotes that open a cell.
_APART: Final = r"[;|\t\r\n] *\"*"
_INSIDE: Final = re.compile(f"({_APART})(?=[{_ANY}])")
_MARKED: Final = re.compile(f"({_APART}){_MARK}")


def escaped(text: str) -> str:
    """Free text as it stands in a cell: what a spreadsheet could run has an apostrophe in front.

    Example:
        >>> escaped("=1+1"), escaped("'tis"), escaped("darker"), escaped("pinker;=1+1")
        ("'=1+1", "''tis", 'darker', "pinker;'=1+1")
    """
    inside = _INSIDE.sub(rf"\1{_MARK}", text)
    return _MARK + inside if text.startswith(_RUN) else inside


def unescaped(cell: str) -> str:
    """The free text of a cell, as it was before `escaped`.

    Example:
        >>> unescaped("'=1+1"), unescaped("''tis"), unescaped("darker"), unescaped("pinker;'=1+1")
        ('=1+1', "'tis", 'darker', 'pinker;=1+1')
    """
    return _MARKED.sub(r"\1", cell.removeprefix(_MARK))
