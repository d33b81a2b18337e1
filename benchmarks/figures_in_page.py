"""Puts what a script has measured into its page, between a line that begins a part and one that ends it."""

import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Replace a part of a page.

    Args:
        page: Markdown.
        name: of the part, which lies between comments ``NAME: begin`` and ``NAME: end``.
        text: the new one.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise SystemExit(f"{page} has no place for this: {begin} ... {end}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def row(cells: Iterable[str]) -> str:
    """One of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def machine() -> str:
    """On what it was measured."""
    return f"Python {platform.python_version()}, torch {version('torch')}, {_processor()}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()
