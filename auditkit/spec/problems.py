"""What is wrong with a file that a user wrote, and where."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from auditkit.errors import AuditError

# Problems that are shown of one file; the others are mended sooner once these are.
_SHOWN = 20


@dataclass(frozen=True)
class Problem:
    """One thing to mend: file, line (from 1), and what was expected."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class SpecError(AuditError):
    """One or more problems in a spec or a card, each with its file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        shown = [str(problem) for problem in self.problems[:_SHOWN]]
        more = len(self.problems) - len(shown)
        super().__init__("\n".join([*shown, f"... and {more} more problems"] if more else shown))


def nearest(word: str, known: Iterable[str]) -> str:
    """'did you mean ...?' for the nearest known name, or the list of what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}" if names else "none is known"
