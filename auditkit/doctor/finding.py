"""What was found, in four words: ok, note, missing, wrong."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "missing", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        status: `note` is worth knowing; `missing` and `wrong` want mending.
        subject: what was looked at, in a word or two.
        found: what is there.
        mend: one line of what to do; empty where nothing is to be done.
    """

    status: Status
    subject: str
    found: str
    mend: str = ""

    @property
    def bad(self) -> bool:
        """Whether something wants mending."""
        return self.status in ("missing", "wrong")
