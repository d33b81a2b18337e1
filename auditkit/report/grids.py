"""Tables ready for the page: cells as text, columns of numbers set flush right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from auditkit.report.boxes import boxes_rows
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.matrix import matrix_rows
from auditkit.report.squares import squares_rows
from auditkit.report.violins import violins_rows
from auditkit.report.words import numeric, short
from auditkit.results import DataResult, FigureResult, SeriesResult, TableResult

# Figures that are tables themselves.
_WHOLE: Final = {
    "boxes": boxes_rows,
    "violins": violins_rows,
    "matrix": matrix_rows,
    "squares": squares_rows,
}
MOST_POINTS: Final = 60
LONG: Final = 15


@dataclass(frozen=True)
class Grid:
    """A table ready for the page.

    Attributes:
        title: heading.
        caption: how to read it.
        columns: column heads.
        rows: cells, as many in every row as there are columns.
        numeric: which columns hold numbers.
    """

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]

    @property
    def folded(self) -> bool:
        """Whether the table is long enough to be folded away."""
        return len(self.rows) > LONG


def grid(table: TableResult) -> Grid:
    """A table of results.json; rows that are short or long are levelled, nothing is cut."""
    width = max([len(table.columns), *(len(row) for row in table.rows)])
    columns = [*table.columns, *[""] * (width - len(table.columns))]
    rows = [[*row, *[""] * (width - len(row))] for row in table.rows]
    flush = [numeric([row[i] for row in rows]) for i in range(width)]
    return Grid(table.title, table.caption, columns, rows, flush)


def data_grids(data: DataResult, t: Language) -> list[Grid]:
    """Make-up of a data set: by label, then by every group column."""
    grids = [_counts(t("data.labels"), t("data.label"), data.labels, data.images, t)]
    for column, counts in data.groups.items():
        grids.append(_counts(t("data.by", column=column), column, counts, data.images, t))
    return grids


def _counts(title: str, head: str, counts: dict[str, int], total: int, t: Language) -> Grid:
    rows = [
        [value, t.grouped(count), f"{100 * count / total:.1f} %" if total else ""]
        for value, count in counts.items()
    ]
    return Grid(title, "", [head, t("data.images"), t("data.share")], rows, [False, True, True])


def numbers(figure: FigureResult, t: Language = IN_ENGLISH, file: str = "results.json") -> Grid:
    """The points of a figure; long lines by evenly spaced points."""
    title = t("figure.numbers-of", title=figure.title)
    if figure.kind in _WHOLE:
        heads, cells = _WHOLE[figure.kind](figure, t)
        return Grid(title, "", heads, cells, [False, *(True for _ in heads[1:])])
    low, high = t("figure.low"), t("figure.high")
    columns = [t("figure.line"), figure.x_label, figure.y_label, low, high]
    rows = [_point(line, i, figure.labels) for line in figure.series for i in _thinned(len(line.x))]
    cut = any(len(line.x) > MOST_POINTS for line in figure.series)
    caption = t("figure.thinned", points=MOST_POINTS, file=file) if cut else ""
    return Grid(
        title,
        caption,
        columns,
        rows,
        [False, not figure.labels, True, True, True],
    )


def _point(line: SeriesResult, i: int, labels: Sequence[str]) -> list[str]:
    return [
        line.name,
        # Several lines of one row lie a little above and below its place.
        labels[round(line.x[i])] if labels else short(line.x[i]),
        short(line.y[i]),
        short(line.low[i] if line.low else None),
        short(line.high[i] if line.high else None),
    ]


def _thinned(count: int) -> Iterable[int]:
    if count <= MOST_POINTS:
        return range(count)
    return [round(i * (count - 1) / (MOST_POINTS - 1)) for i in range(MOST_POINTS)]
