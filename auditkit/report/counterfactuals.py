"""The page's view of cases with their counterfactuals: a film strip each; the script adds a slider."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Final

from markupsafe import Markup
from PIL import Image

from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.pictures import beyond, kept, opened, webp
from auditkit.report.words import facet_title, fixed
from auditkit.results import (
    CounterfactualCaseResult,
    CounterfactualCasesResult,
    CounterfactualFrameResult,
    PictureFile,
    Results,
)

BUDGET: Final = 7_000_000
LARGEST_SIDE: Final = 192
# What is to be compared are small changes of texture and colour: better than a gallery's cards.
_QUALITY: Final = 85
# The order of what is said of a case; results.json has its keys in alphabetical order.
_FACTS: Final = ("label", "decision")
_NOTHING: Final = Markup()


@dataclass(frozen=True)
class Embedded:
    """An image and its counterfactuals with their differences as data URIs, or why they are not shown."""

    picture: Markup = _NOTHING
    frames: Sequence[tuple[Markup, Markup]] = ()
    missing: str = ""


@dataclass(frozen=True)
class Shot:
    """One counterfactual as the page shows it; turned if its decision is not the image's."""

    asked: str
    got: str
    decision: str
    turned: bool
    picture: Markup
    difference: Markup


@dataclass(frozen=True)
class Reel:
    """One case as the page shows it; the slider starts at the bin ``start``."""

    id: str
    case: CounterfactualCaseResult
    facts: Sequence[tuple[str, str]]
    decision: str
    score: str
    images: Embedded
    shots: Sequence[Shot]
    start: int


@dataclass(frozen=True)
class Film:
    """Cases ready for the page."""

    id: str
    found: CounterfactualCasesResult
    reels: Sequence[Reel]
    left_out: int


@dataclass
class CaseImages:
    """Embeds the pictures of cases: all of a case's, or none.

    Attributes:
        folder: the run's folder.
        budget: most characters of all data URIs together.
        t: in which language it is said why a case is not shown.
    """

    folder: Path
    budget: int = BUDGET
    t: Language = IN_ENGLISH
    _known: dict[tuple[str, ...], Embedded] = field(default_factory=dict)
    _spent: int = 0
    _full: bool = False

    def __getitem__(self, case: CounterfactualCaseResult) -> Embedded:
        """The pictures of a case, embedded when they are asked for first."""
        files = _files(case)
        digests = tuple(file.sha256 for file in files)
        if digests not in self._known:
            self._known[digests] = self._embed(files)
        return self._known[digests]

    def _embed(self, files: Sequence[PictureFile]) -> Embedded:
        uris = []
        for file in files:
            uri, missing = self._uri(file)
            if missing:
                return Embedded(missing=missing)
            uris.append(uri)
        length = sum(map(len, uris))
        # Once full, always full: the first cases of every audit are shown, without holes.
        self._full = self._full or self._spent + length > self.budget
        if self._full:
            return Embedded(missing=beyond(self.budget, files[0], self.t))
        self._spent += length
        picture, *frames = uris
        return Embedded(picture, list(zip(frames[::2], frames[1::2], strict=True)))

    def _uri(self, file: PictureFile) -> tuple[Markup, str]:
        """A picture as a data URI, or why there is none."""
        content, missing = kept(self.folder, file, self.t)
        if missing:
            return _NOTHING, missing
        image = opened(content, "RGB")
        if image is None:
            return _NOTHING, self.t("picture.unreadable", file=file.file)
        image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
        return Markup(f"data:image/webp;base64,{webp(image, _QUALITY)}"), ""  # noqa: S704 base64


def cases_of(
    results: Results, folder: Path, budget: int = BUDGET, t: Language = IN_ENGLISH
) -> CaseImages:
    """The cases of a run; if the budget is too small, every audit has its first ones."""
    images = CaseImages(folder, budget, t)
    queues = [found.cases for audit in results.audits for found in audit.counterfactuals]
    for row in zip_longest(*queues):
        for case in row:
            if case is not None:
                _ = images[case]
    return images


def film(
    name: str, found: CounterfactualCasesResult, images: CaseImages, anchors: Callable[..., str]
) -> Film:
    """Cases under ids of their own."""
    reels = [_reel(anchors(name, "case"), case, images) for case in found.cases]
    return Film(name, found, reels, sum(bool(reel.images.missing) for reel in reels))


def _reel(name: str, case: CounterfactualCaseResult, cases: CaseImages) -> Reel:
    images = cases[case]
    own = case.facets.get("decision", "")
    turned = [frame.decision != own for frame in case.frames]
    pictures = images.frames or [(_NOTHING, _NOTHING)] * len(case.frames)
    shots = [
        Shot(f"{frame.asked:.3g}", _score(frame.got), frame.decision, changed, *pair)
        for frame, changed, pair in zip(case.frames, turned, pictures, strict=True)
    ]
    facts = [(facet_title(fact, cases.t), case.facets[fact]) for fact in _facts(case)]
    return Reel(name, case, facts, own, _score(case.score), images, shots, _start(case, turned))


def _facts(case: CounterfactualCaseResult) -> list[str]:
    known = [name for name in _FACTS if name in case.facets]
    return [*known, *(name for name in case.facets if name not in (*_FACTS, "case"))]


def _start(case: CounterfactualCaseResult, turned: Sequence[bool]) -> int:
    """The bin farthest from the image's score among those that change the decision, from 1."""

    def place(i: int) -> tuple[bool, float]:
        return turned[i], abs(case.frames[i].asked - case.score)

    return 1 + max(range(len(case.frames)), key=place, default=0)


def _score(value: float) -> str:
    return fixed(value, 3)


def _files(case: CounterfactualCaseResult) -> list[PictureFile]:
    return [case.picture, *(file for frame in case.frames for file in _pair(frame))]


def _pair(frame: CounterfactualFrameResult) -> tuple[PictureFile, PictureFile]:
    return frame.picture, frame.difference
