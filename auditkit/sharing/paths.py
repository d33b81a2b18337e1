"""Absolute paths, and those that climb to them: they name machines, users and hospitals."""

import re
from collections.abc import Callable, Iterator
from typing import Final

_PATH: Final = re.compile(
    r"""
    (?:file|smb|nfs|afp|ssh|sftp)://[^\s'"<>|]+
    | (?<=') /[^'\n/]+/[^'\n]* (?=') | (?<=") /[^"\n/]+/[^"\n]* (?=")
    | (?<![\w/.]) (?:\.\./){2,} [^\s'"<>|:;,()\[\]{}]+
    | (?<![\w/.~%)\]-]) (?:~[\w.-]*)? / [^\s'"<>|:;,()\[\]{}/]+ / [^\s'"<>|:;,()\[\]{}]*
    | (?<![\w/.~]) ~[\w.-]* / [^\s'"<>|:;,()\[\]{}]+
    | (?<![\w]) [A-Za-z]:[\\/][^\s'"<>|;,]+
    | \\\\ [\w.$-]+ \\ [^\s'"<>|;,]+
    """,
    re.VERBOSE,
)
# In a command line an argument is a whole, spaces and all.
_ARGUMENT: Final = re.compile(
    r"(?s)(^-[A-Za-z]|^|=)((?:~[\w.-]*/|/|[A-Za-z]:[\\/]|\\\\|file://).+)"
)
_END: Final = ".…"


def paths_in(text: str) -> Iterator[str]:
    """Absolute paths that a text names, and those that climb; one with spaces is known by its quotes only."""
    for match in _PATH.finditer(text):
        yield match[0].rstrip(_END)


def without_paths(text: str, named: Callable[[str], str]) -> str:
    """A text in which names stand for absolute paths."""

    def replaced(match: "re.Match[str]") -> str:
        path = match[0].rstrip(_END)
        return f"[path {named(path)}]{match[0][len(path) :]}"

    return _PATH.sub(replaced, text)


def argument_without_paths(text: str, named: Callable[[str], str]) -> str:
    """An argument of a command line; ``--option=/a/b c`` keeps its option."""
    whole = _ARGUMENT.search(text)
    if whole:
        return f"{text[: whole.start(2)]}[path {named(whole[2])}]"
    return without_paths(text, named)
