"""Example images inside the report: small, each once, within a budget."""

import base64
import hashlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

from PIL import Image

from auditkit.report.language import IN_ENGLISH, Language
from auditkit.results import Panel, PictureFile

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
        t: in which language it is said why a picture is not shown.
        embedded: what was asked for, by digest.
    """

    folder: Path
    budget: int = BUDGET
    t: Language = IN_ENGLISH
    embedded: dict[str, Picture] = field(default_factory=dict)
    _spent: int = 0

    def __getitem__(self, panel: Panel) -> Picture:
        """The picture of a panel."""
        if panel.sha256 not in self.embedded:
            number = len(self.embedded) + 1
            self.embedded[panel.sha256] = self._embed(panel, f"picture-{number}")
        return self.embedded[panel.sha256]

    def _embed(self, panel: Panel, name: str) -> Picture:
        content, missing = kept(self.folder, panel, self.t)
        if missing:
            return Picture(name, missing=missing)
        image = opened(content, "RGB")
        if image is None:
            return Picture(name, missing=self.t("picture.unreadable", file=panel.file))
        image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
        uri = f"data:image/webp;base64,{webp(image, quality=90)}"
        if self._spent + len(uri) > self.budget:
            return Picture(name, missing=beyond(self.budget, panel, self.t))
        self._spent += len(uri)
        return Picture(name, uri, image.width, image.height)


def beyond(budget: int, picture: PictureFile, t: Language) -> str:
    """Says that a picture would be one too many, and where it lies."""
    return t("picture.beyond", size=f"{budget / 1e6:g}", file=picture.file)


def kept(folder: Path, picture: PictureFile, t: Language = IN_ENGLISH) -> tuple[bytes, str]:
    """A file's content, or why there is none. Nothing outside the run's folder is read."""
    if not picture.file:
        return b"", t("picture.withheld", sha256=picture.sha256)
    path = (folder / picture.file).resolve()
    if not path.is_relative_to(folder.resolve()):
        return b"", t("picture.outside", file=picture.file)
    try:
        content = path.read_bytes()
    except OSError:
        return b"", t("picture.missing", file=picture.file)
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        return b"", t("picture.altered", file=picture.file)
    return content, ""


def opened(content: bytes, mode: Literal["RGB", "RGBA"]) -> Image.Image | None:
    """An image, with or without its transparency; None if it is no image."""
    try:
        with Image.open(BytesIO(content)) as image:
            return image.convert(mode)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def webp(image: Image.Image, quality: int, *, lossless: bool = False) -> str:
    """An image and its transparency as WebP in base64; losslessly, quality is the effort."""
    buffer = BytesIO()
    alpha = 100 if lossless else quality
    image.save(buffer, "WEBP", quality=quality, alpha_quality=alpha, lossless=lossless, method=4)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
