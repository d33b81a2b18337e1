"""The page's view of results.json: anchors, sections per audit and model, drawn figures."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from auditkit.report.figures import draw
from auditkit.report.pictures import Picture, Pictures
from auditkit.report.words import numeric, short
from auditkit.results import (
    AuditResult,
    DataResult,
    ExampleResult,
    FigureResult,
    ModelResult,
    Panel,
    Release,
    Results,
    TableResult,
    VerdictResult,
)

MOST_POINTS: Final = 60
LONG_TABLE: Final = 15


@dataclass
class Anchors:
    """Ids of the page, each given once."""

    taken: set[str] = field(default_factory=set)

    def __call__(self, *words: str) -> str:
        """An id made of these words that nothing else on the page has."""
        slug = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
        name, count = slug, 1
        while name in self.taken:
            count += 1
            name = f"{slug}-{count}"
        self.taken.add(name)
        return name


@dataclass(frozen=True)
class Grid:
    """A table ready for the page: which columns hold numbers, and whether it starts folded."""

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]

    @property
    def folded(self) -> bool:
        """Whether the table is long enough to be folded away."""
        return len(self.rows) > LONG_TABLE


@dataclass(frozen=True)
class Drawing:
    """A figure with its picture and its numbers."""

    figure: FigureResult
    svg: Markup
    numbers: Grid


@dataclass(frozen=True)
class Case:
    """An example with its pictures."""

    example: ExampleResult
    panels: Sequence[tuple[Panel, Picture]]


@dataclass(frozen=True)
class Assumption:
    """An audit on which another rests, with the verdicts that it rests on: the blocking ones."""

    audit: str
    anchor: str
    verdicts: Sequence[VerdictResult]


@dataclass(frozen=True)
class Section:
    """One audit of one model."""

    id: str
    audit: AuditResult
    verdicts: Sequence[VerdictResult]
    assumptions: Sequence[Assumption]
    drawings: Sequence[Drawing]
    tables: Sequence[Grid]
    cases: Sequence[Case]


@dataclass(frozen=True)
class Group:
    """Verdicts of one audit, with the anchor of its section if it has one."""

    audit: str
    title: str
    anchor: str
    verdicts: Sequence[VerdictResult]


@dataclass(frozen=True)
class Chapter:
    """Everything about one model."""

    id: str
    model: ModelResult
    release: Release | None
    groups: Sequence[Group]
    sections: Sequence[Section]


def chapters(results: Results, pictures: Pictures, anchors: Anchors) -> list[Chapter]:
    """One chapter per model, in the order of results.json."""
    ids = {(a.audit, a.model): anchors("audit", a.audit, a.model) for a in results.audits}
    found = []
    for model in results.models:
        own = [verdict for verdict in results.verdicts if verdict.model == model.model]
        audits = [audit for audit in results.audits if audit.model == model.model]
        sections = [_section(audit, own, ids, pictures, anchors) for audit in audits]
        release = next((r for r in results.release if r.model == model.model), None)
        groups = _groups(model, own, audits, ids)
        found.append(Chapter(anchors("model", model.model), model, release, groups, sections))
    return found


def grid(table: TableResult) -> Grid:
    """A table of results.json, ready for the page."""
    width = len(table.columns)
    rows = [[*row, *[""] * (width - len(row))][:width] for row in table.rows]
    flush = [numeric([row[i] for row in rows]) for i in range(width)]
    return Grid(table.title, table.caption, table.columns, rows, flush)


def counts_grid(title: str, head: str, counts: dict[str, int], total: int) -> Grid:
    """Counts of images with their shares."""
    rows = [
        [value, f"{count:,}", f"{100 * count / total:.1f} %" if total else ""]
        for value, count in counts.items()
    ]
    return Grid(title, "", [head, "images", "share"], rows, [False, True, True])


def data_grids(data: DataResult) -> list[Grid]:
    """Make-up of a data set: by label, then by every group column."""
    grids = [counts_grid("Labels", "label", data.labels, data.images)]
    for column, counts in data.groups.items():
        grids.append(counts_grid(f"By {column}", column, counts, data.images))
    return grids


def _groups(
    model: ModelResult,
    verdicts: Sequence[VerdictResult],
    audits: Sequence[AuditResult],
    ids: dict[tuple[str, str], str],
) -> list[Group]:
    titles = {audit.audit: audit.title for audit in audits}
    return [
        Group(
            name,
            titles.get(name, ""),
            ids.get((name, model.model), ""),
            [verdict for verdict in verdicts if verdict.audit == name],
        )
        for name in dict.fromkeys(verdict.audit for verdict in verdicts)
    ]


def _section(
    audit: AuditResult,
    verdicts: Sequence[VerdictResult],
    ids: dict[tuple[str, str], str],
    pictures: Pictures,
    anchors: Anchors,
) -> Section:
    name = ids[audit.audit, audit.model]
    return Section(
        id=name,
        audit=audit,
        verdicts=[verdict for verdict in verdicts if verdict.audit == audit.audit],
        assumptions=[
            Assumption(
                assumed,
                ids.get((assumed, audit.model), ""),
                [v for v in verdicts if v.audit == assumed and v.severity == "blocking"],
            )
            for assumed in audit.assumes
        ],
        drawings=[_drawing(figure, anchors(name, figure.name)) for figure in audit.figures],
        tables=[grid(table) for table in audit.tables],
        cases=[_case(example, pictures) for example in audit.examples],
    )


def _case(example: ExampleResult, pictures: Pictures) -> Case:
    return Case(example, [(panel, pictures[panel]) for panel in example.panels])


def _drawing(figure: FigureResult, name: str) -> Drawing:
    return Drawing(figure, draw(figure, name), _numbers(figure))


def _numbers(figure: FigureResult) -> Grid:
    """The figure's points as a table; long lines by evenly spaced points."""
    columns = ["line", figure.x_label, figure.y_label, "low", "high"]
    rows = [
        [
            line.name,
            short(line.x[i]),
            short(line.y[i]),
            short(line.low[i] if line.low else None),
            short(line.high[i] if line.high else None),
        ]
        for line in figure.series
        for i in _thinned(len(line.x))
    ]
    cut = any(len(line.x) > MOST_POINTS for line in figure.series)
    caption = f"Every line by {MOST_POINTS} of its points; results.json holds all." if cut else ""
    return Grid(f"Numbers of: {figure.title}", caption, columns, rows, [False, *[True] * 4])


def _thinned(count: int) -> Iterable[int]:
    if count <= MOST_POINTS:
        return range(count)
    return [round(i * (count - 1) / (MOST_POINTS - 1)) for i in range(MOST_POINTS)]
