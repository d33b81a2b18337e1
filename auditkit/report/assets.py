"""What the image browser shows: small pictures, heatmaps and outlines, each once, within a budget."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Final

from PIL import Image

from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.pictures import beyond, kept, opened, webp
from auditkit.results import GalleryItemResult, PictureFile

BUDGET: Final = 7_000_000
LARGEST_SIDE: Final = 128
# Up to this side a heatmap is kept without loss: a lossy one would bleed between so few cells.
EXACT_SIDE: Final = 32


class NotShown(Exception):  # noqa: N818 a reason, not an error
    """Why an item has no picture on the page."""


@dataclass(frozen=True)
class Parts:
    """Places among the assets, -1 where there is nothing; or why the item is not shown."""

    picture: int = -1
    heatmap: int = -1
    outline: int = -1
    missing: str = ""


@dataclass
class Assets:
    """Embeds the parts of gallery items: all of an item's, or none.

    Attributes:
        folder: the run's folder.
        budget: most characters of all texts together.
        t: in which language it is said why an item is not shown.
        texts: WebP in base64, and outlines.
    """

    folder: Path
    budget: int = BUDGET
    t: Language = IN_ENGLISH
    texts: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[str, str, str], Parts] = field(default_factory=dict)
    _spent: int = 0
    _full: bool = False

    def __getitem__(self, item: GalleryItemResult) -> Parts:
        """The parts of an item, embedded when they are asked for first."""
        heatmap = f"heatmap {item.heatmap.sha256}" if item.heatmap else ""
        names = (f"picture {item.picture.sha256}", heatmap, item.outline)
        if names not in self._known:
            try:
                self._known[names] = self._embed(item, names)
            except NotShown as reason:
                self._known[names] = Parts(missing=str(reason))
        return self._known[names]

    def _embed(self, item: GalleryItemResult, names: tuple[str, str, str]) -> Parts:
        new = [name for name in names if name and name not in self._places]
        texts = {name: self._text(name, item) for name in new}
        length = sum(map(len, texts.values()))
        # Once full, always full: what is shown is the two ends of a ranking, without holes.
        self._full = self._full or self._spent + length > self.budget
        if new and self._full:
            raise self._left_out(item)
        for name, text in texts.items():
            self._places[name] = len(self.texts)
            self.texts.append(text)
        self._spent += length
        picture, heatmap, outline = (self._places.get(name, -1) for name in names)
        return Parts(picture, heatmap, outline)

    def _text(self, name: str, item: GalleryItemResult) -> str:
        if self._full:
            raise self._left_out(item)
        if name.startswith("picture "):
            return webp(self._read(item.picture).convert("RGB"), quality=70)
        if name.startswith("heatmap ") and item.heatmap:
            return _heatmap(self._read(item.heatmap))
        return item.outline

    def _left_out(self, item: GalleryItemResult) -> NotShown:
        return NotShown(beyond(self.budget, item.picture, self.t))

    def _read(self, file: PictureFile) -> Image.Image:
        content, missing = kept(self.folder, file, self.t)
        if missing:
            raise NotShown(missing)
        image = opened(content, "RGBA")
        if image is None:
            raise NotShown(self.t("picture.unreadable", file=file.file))
        image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
        return image


def embed(galleries: Sequence[Sequence[GalleryItemResult]], assets: Assets) -> None:
    """Embed ranked items, so that too small a budget leaves every gallery both ends of its ranking."""
    for row in zip_longest(*map(_ends_first, galleries)):
        for item in row:
            if item is not None:
                _ = assets[item]


def _ends_first(items: Sequence[GalleryItemResult]) -> list[GalleryItemResult]:
    last = len(items) - 1
    return [items[i] for i in sorted(range(len(items)), key=lambda i: min(i, last - i))]


def _heatmap(image: Image.Image) -> str:
    exact = max(image.size) <= EXACT_SIDE
    return webp(image, quality=100 if exact else 50, lossless=exact)
