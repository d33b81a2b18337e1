"""Counting findings: how many files or rows show what, where."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from auditkit.results import IdentifierFinding

# A finding of one file or row: where and what.
Found = tuple[str, str]


@dataclass
class Tally:
    """Findings with their counts."""

    counts: Counter[Found] = field(default_factory=Counter)

    def add(self, found: Iterable[Found], times: int = 1) -> None:
        """Count each different finding of one file or row once."""
        for one in set(found):
            self.counts[one] += times

    def findings(self) -> list[IdentifierFinding]:
        """All findings, sorted by where and what."""
        return [
            IdentifierFinding(where=where, what=what, count=count)
            for (where, what), count in sorted(self.counts.items())
        ]
