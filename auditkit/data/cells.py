"""Free text in CSV tables that people open in a spreadsheet.

A cell that begins with `=`, `+`, `-`, `@` or a tab is run as a formula there (CWE-1236). Such a cell gets an
apostrophe in front of it, which a spreadsheet shows or hides but never runs; so does one that begins with an
apostrophe, so that what was written can be told from it.
"""

from typing import Final

_MARK: Final = "'"
# Spreadsheets of some locales read the full-width forms as well.
_RUN: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", _MARK)


def escaped(text: str) -> str:
    """Free text as it stands in a cell: what a spreadsheet could run has an apostrophe in front.

    Example:
        >>> escaped("=1+1"), escaped("'tis"), escaped("darker")
        ("'=1+1", "''tis", 'darker')
    """
    return _MARK + text if text.startswith(_RUN) else text


def unescaped(cell: str) -> str:
    """The free text of a cell, as it was before `escaped`.

    Example:
        >>> unescaped("'=1+1"), unescaped("''tis"), unescaped("darker")
        ('=1+1', "'tis", 'darker')
    """
    return cell.removeprefix(_MARK)
