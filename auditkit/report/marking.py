"""GitHub-flavoured Markdown from plain text: whatever text says, it stays text."""

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from auditkit.report.words import shown

_SPECIAL: Final = "\\`*_{}[]()#+!|~$"
# Names of people, numbers of issues and addresses would become links, after Markdown was read.
_CALLING: Final = re.compile(r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_LONGEST: Final = 600


def cell(text: str) -> str:
    """Text that neither Markdown nor HTML reads as anything but text, on one line."""
    return "<!-- -->".join(map(_escaped, _CALLING.split(_flat(text))))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table of marked-up cells; the columns at ``right`` are flush right."""
    rule = ["--:" if place in right else "---" for place in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def quoted(lines: Sequence[str]) -> str:
    """A block quote of marked-up lines."""
    return "\n".join(f"> {line}" for line in lines)


def folded(title: str, content: str) -> str:
    """Marked-up content that a reader opens if it concerns them; the title is HTML, not Markdown."""
    safe = "<!-- -->".join(escape(part, quote=False) for part in _CALLING.split(_flat(title)))
    return f"<details><summary>{safe}</summary>\n\n{content}\n\n</details>"


def _flat(text: str) -> str:
    flat = " ".join(shown(text).split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]} …"


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in _SPECIAL else escape(c, quote=False) for c in text)
