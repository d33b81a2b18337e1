"""Pictures of findings: files in the run's folder, each named by its digest; without a folder, withheld."""

import hashlib
from pathlib import Path

from auditkit.findings import (
    CounterfactualCase,
    CounterfactualCases,
    CounterfactualFrame,
    Example,
    Gallery,
    GalleryItem,
)
from auditkit.results import (
    CounterfactualCaseResult,
    CounterfactualCasesResult,
    CounterfactualFrameResult,
    ExampleResult,
    GalleryItemResult,
    GalleryResult,
    Panel,
    PictureFile,
    number,
    write_whole,
)
from auditkit.sharing.withholding import withheld


def example_result(example: Example, folder: Path | None) -> ExampleResult:
    """An example as it stands in results.json; its pictures are written into the run's folder."""
    panels = []
    for caption, png in example.panels:
        kept = _kept(png, folder)
        panels.append(Panel(caption=caption, file=kept.file, sha256=kept.sha256))
    return ExampleResult(
        image_id=example.image_id, title=example.title, panels=panels, columns=example.columns
    )


def gallery_result(gallery: Gallery, folder: Path | None) -> GalleryResult:
    """A gallery as it stands in results.json; its pictures are written into the run's folder."""
    return GalleryResult(
        name=gallery.name,
        title=gallery.title,
        scores=list(gallery.scores),
        facets=list(gallery.facets),
        items=[_item(item, folder) for item in gallery.items],
        caption=gallery.caption,
    )


def _item(item: GalleryItem, folder: Path | None) -> GalleryItemResult:
    return GalleryItemResult(
        image_id=item.image_id,
        picture=_kept(item.picture, folder),
        heatmap=_kept(item.heatmap, folder) if item.heatmap else None,
        outline=item.outline,
        scores={name: number(value) for name, value in item.scores.items()},
        facets=dict(item.facets),
        note=item.note,
    )


def cases_result(found: CounterfactualCases, folder: Path | None) -> CounterfactualCasesResult:
    """Cases as they stand in results.json; their pictures are written into the run's folder."""
    return CounterfactualCasesResult(
        name=found.name,
        title=found.title,
        cases=[_case(case, folder) for case in found.cases],
        caption=found.caption,
        legend=found.legend,
    )


def _case(case: CounterfactualCase, folder: Path | None) -> CounterfactualCaseResult:
    return CounterfactualCaseResult(
        image_id=case.image_id,
        picture=_kept(case.picture, folder),
        score=float(case.score),
        facets=dict(case.facets),
        frames=[_frame(frame, folder) for frame in case.frames],
    )


def _frame(frame: CounterfactualFrame, folder: Path | None) -> CounterfactualFrameResult:
    return CounterfactualFrameResult(
        asked=float(frame.asked),
        got=float(frame.got),
        decision=frame.decision,
        picture=_kept(frame.picture, folder),
        difference=_kept(frame.difference, folder),
    )


def _kept(png: bytes, folder: Path | None) -> PictureFile:
    if folder is None:
        return withheld(png)
    digest = hashlib.sha256(png).hexdigest()
    file = Path("images") / f"{digest}.png"
    # A digest names its content: what another item or process has written whole is the same.
    if not (folder / file).exists():
        write_whole(folder / file, png)
    return PictureFile(file=file.as_posix(), sha256=digest)
