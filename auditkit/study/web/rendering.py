"""Templates, and the files beside them: read once, served from memory under names with a digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from auditkit.study.kinds import Phase

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

PHASES: Final[Mapping[Phase, str]] = {
    "screening": "Screening",
    "stage-1": "Stage 1",
    "grouping": "Grouping",
    "stage-2": "Stage 2",
    "final-grouping": "Final grouping",
    "rating": "Rating",
    "closed": "Closed",
}


@dataclass(frozen=True)
class Asset:
    """A file for browsers."""

    content: bytes
    content_type: str


class Assets:
    """All style sheets and scripts; nothing that was not there at the start can be asked for."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}
        self.files: dict[str, Asset] = {}
        for path in sorted((Path(__file__).parent / "static").iterdir()):
            if path.suffix in TYPES:
                self._add(path)

    def _add(self, path: Path) -> None:
        content = path.read_bytes()
        name = f"{path.stem}-{sha256(content).hexdigest()[:16]}{path.suffix}"
        self.files[name] = Asset(content, TYPES[path.suffix])
        self._addresses[path.name] = f"/static/{name}"

    def address(self, name: str) -> str:
        """Where a file is, for templates: `static("style.css")`."""
        return self._addresses[name]


def environment(assets: Assets) -> Environment:
    """Templates with what they may call."""
    made = Environment(
        loader=PackageLoader("auditkit.study.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"static": assets.address, "phase_words": PHASES}
    for name in made.list_templates():
        # Compiled now: those who come first, perhaps all at once, do not wait for it.
        made.get_template(name)
    return made
