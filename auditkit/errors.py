"""The exceptions that are meant for users."""

from typing import Final

# A message may quote what a damaged file holds. A line is cut in its middle: what is wrong and what to do
# about it stand at its ends.
_LONGEST: Final = 2_000
_START: Final = 1_300
_END: Final = 600
_MOST_LINES: Final = 100


class AuditError(Exception):
    """Something a user can mend: the message says what was wrong, where, what was expected, what to do.

    Shown are at most 100 lines of at most 2,000 letters each; what no terminal should be sent (control
    characters, changes of direction, broken Unicode) is shown as an escape.
    """

    def __str__(self) -> str:
        return readable(super().__str__())


class Unavailable(AuditError):  # noqa: N818 a verdict, not an error
    """What a check rests on is not there (a runtime refuses the file): the verdict is *not run*."""


def readable(text: str) -> str:
    r"""A text that may quote anything, as a terminal can show it.

    Example:
        >>> print(readable("has \x1b[2J, \u202e and é"))
        has \x1b[2J, \u202e and é
        >>> len(readable("x" * 10_000))
        1905
    """
    lines = text.split("\n")
    shown = [_cut(_printable(line)) for line in lines[:_MOST_LINES]]
    more = len(lines) - len(shown)
    return "\n".join([*shown, f"... and {more} more lines"] if more else shown)


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in line
    )


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_START]} ... {line[-_END:]}"
