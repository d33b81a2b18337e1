"""An expert study as one HTML file that needs nothing else, and as a few lines for the terminal."""

import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from io import BytesIO
from typing import Final

from markupsafe import Markup
from PIL import Image

from auditkit.checks.expert_study.examples import examples
from auditkit.checks.expert_study.figures import agreement, own_list, squares
from auditkit.checks.expert_study.notes import notes, warnings
from auditkit.checks.expert_study.studied import StudiedModel, Study
from auditkit.checks.expert_study.tables import (
    EVERYBODY,
    agreement_table,
    attributes_table,
    counts_table,
    directions_table,
    ranking_table,
)
from auditkit.checks.measuring import worded
from auditkit.data.answers import read_answers
from auditkit.findings import Example, Figure, Table
from auditkit.report.figures import draw
from auditkit.report.grids import Grid, grid, numbers
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.pictures import LARGEST_SIDE, Picture, webp
from auditkit.report.sections import Anchors, Case, Drawing
from auditkit.report.templating import page_environment
from auditkit.report.words import shown, signed
from auditkit.results import ExampleResult, Panel, figure_result, table_result
from auditkit.spec.answers_card import AnswersCard
from auditkit.spec.declarations.expert_study import EXPERT_STUDY

TOP: Final = 10
# Ids that the template itself gives.
_OWN_IDS: Final = ("reading", "figures", "own", "tables", "provenance")


def read_study(card: AnswersCard) -> Study:
    """A closed study with everything measured of all its models.

    Raises:
        AuditError: the tables are not what the card says.
    """
    return Study.of(read_answers(card))


def study_page(study: Study, t: Language = IN_ENGLISH, top: int = TOP) -> str:
    """The page as text: the same answers give the same bytes.

    Args:
        study: as `read_study` gives it.
        t: in which language its fixed texts are.
        top: how many attributes the figures show.

    Raises:
        AuditError: a picture is missing, damaged, or outside the card's folder of pictures.
    """
    anchors, card = Anchors(set(_OWN_IDS)), study.answers.card
    cases = list(_cases(study, top))
    template = page_environment(t).get_template("expert_study.html.j2")
    return template.render(
        card=card,
        images=len({pair.image for pair in study.answers.pairs if pair.shown}),
        paper=EXPERT_STUDY.paper,
        warnings=list(warnings(card)),
        notes=list(notes(study, study.models)),
        drawings=_drawings([squares(study, top), agreement(study)], anchors, t),
        own=_drawings([own_list(study, one, top) for one in study.models], anchors, t),
        tables=[_grid(table) for table in _tables(study, top)],
        cases=cases,
        pictures=list(
            {picture.id: picture for case in cases for _, picture in case.panels}.values()
        ),
        style=_style(),
    )


def _drawings(found: Sequence[Figure], anchors: Anchors, t: Language) -> list[Drawing]:
    drawings = []
    for each in found:
        figure = figure_result(each)
        svg = draw(figure, anchors("figure", figure.name), t)
        drawings.append(Drawing(figure, svg, numbers(figure, t)))
    return drawings


def _grid(table: Table) -> Grid:
    return grid(table_result(table))


def _tables(study: Study, top: int) -> Iterator[Table]:
    yield counts_table(study)
    yield ranking_table(study, top)
    for part in (attributes_table, directions_table, agreement_table):
        yield from (part(study, one) for one in study.models)


def _cases(study: Study, top: int) -> Iterator[Case]:
    for one in study.models:
        for example in examples(study, one, min(top, 2)):
            yield _case(example, one)


def _case(example: Example, one: StudiedModel) -> Case:
    panels = []
    for caption, content in example.panels:
        digest = hashlib.sha256(content).hexdigest()
        panels.append((Panel(caption=caption, file="", sha256=digest), _picture(content, digest)))
    title = f"{one.name}, {example.title}"
    found = ExampleResult(
        image_id=example.image_id, title=title, panels=[each for each, _ in panels]
    )
    return Case(found, panels)


def _picture(content: bytes, digest: str) -> Picture:
    image = Image.open(BytesIO(content), formats=["PNG"]).convert("RGB")
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    uri = f"data:image/webp;base64,{webp(image, quality=90)}"
    return Picture(f"picture-{digest[:16]}", uri, image.width, image.height)


def _style() -> Markup:
    folder = files("auditkit.report").joinpath("templates")
    sheets = [folder.joinpath(name).read_text(encoding="utf-8") for name in ("report.css",)]
    return Markup("\n".join(sheets).replace("RUN-NAME", "Expert study"))  # noqa: S704 our sheet


def study_lines(study: Study, top: int = TOP) -> Iterator[str]:
    """The study for a terminal: warnings, the top attributes and agreement of every model.

    Args:
        study: as `read_study` gives it.
        top: how many attributes are listed.
    """
    for line in _lines(study, top):
        yield shown(signed(line))


def _lines(study: Study, top: int) -> Iterator[str]:
    card = study.answers.card
    yield card.title or card.answers
    yield from warnings(card)
    for one in study.models:
        yield ""
        kappa = worded(one.findings.find("kappa", {}))
        yield f"{one.name}: Cohen's kappa with {EVERYBODY} {kappa}"
        for name in one.top(study.answers.attributes, top):
            yield f"  {name}: {worded(one.of(name, 'score'))} {one.direction(name)}"
    yield ""
    yield f"lowest rank sum over models: {', '.join(study.ranked[:top]) or 'nothing'}"
