"""Example images inside the report: small, each once, within a budget."""

import base64
import hashlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final

from auditkit.results import Panel

LARGEST_SIDE: Final = 256
BUDGET: Final = 15_000_000


@dataclass(frozen=True)
class Picture:
    """An embedded image, or the reason why it is not shown."""

    id: str
    uri: str = ""
    width: int = 0
    height: int = 0
    missing: str = ""


@dataclass
class Pictures:
    """Embeds the images of a run's folder; one digest is embedded once.

    Attributes:
        folder: the run's folder.
        budget: most bytes of all data URIs together.
        embedded: what was asked for, by digest.
    """

    folder: Path
    budget: int = BUDGET
    embedded: dict[str, Picture] = field(default_factory=dict)
    _spent: int = 0

    def __getitem__(self, panel: Panel) -> Picture:
        """The picture of a panel."""
        if panel.sha256 not in self.embedded:
            number = len(self.embedded) + 1
            self.embedded[panel.sha256] = self._embed(panel, f"picture-{number}")
        return self.embedded[panel.sha256]

    def _embed(self, panel: Panel, name: str) -> Picture:
        content, missing = self._read(panel)
        if missing:
            return Picture(name, missing=missing)
        uri, width, height = _thumbnail(content)
        if not uri:
            return Picture(name, missing=f"{panel.file} cannot be read as an image")
        if self._spent + len(uri) > self.budget:
            limit = f"{self.budget / 1e6:g} MB"
            return Picture(name, missing=f"not embedded, {limit} are spent: see {panel.file}")
        self._spent += len(uri)
        return Picture(name, uri, width, height)

    def _read(self, panel: Panel) -> tuple[bytes, str]:
        """The file's content, or why there is none. Nothing outside the folder is read."""
        path = (self.folder / panel.file).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            return b"", f"{panel.file} lies outside the run's folder"
        try:
            content = path.read_bytes()
        except OSError:
            return b"", f"{panel.file} is missing from the run's folder"
        if hashlib.sha256(content).hexdigest() != panel.sha256:
            return b"", f"{panel.file} does not have the sha256 that results.json states"
        return content, ""


def _thumbnail(content: bytes) -> tuple[str, int, int]:
    """A WebP data URI of at most 256 px, with its size; empty if it is no image."""
    from PIL import Image

    try:
        with Image.open(BytesIO(content)) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return "", 0, 0
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=90, method=4)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/webp;base64,{text}", image.width, image.height
