"""A labelled grid of squares: area is the number, colour and the letters beside it are what predominates.

As Fig. 2c of DeGrave et al. (doi:10.1038/s41551-023-01160-9), with letters beside every square so that it is
read without colours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from auditkit.report.language import Language
from auditkit.report.words import NONE, fixed, shown
from auditkit.results import FigureResult, SeriesResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In CSS pixels; letters as wide as the widest that a browser may choose for the names.
WIDTH, LETTER, MARGIN, GAP, HEAD, LINE, ROW, LARGEST = 700, 7.1, 6, 10, 26, 16, 38, 30
NARROWEST, WIDEST, LEGEND = 62, 96, 26
# Of a square's middle and of its letter, from the middle of the cell.
ASIDE: Final = 9
BESIDE: Final = LARGEST / 2 + 6 - ASIDE
REFERENCE: Final = 14
"""Side of the squares of a reference, which have no number."""

SLANT: Final = 0.71
"""Sine and cosine of the 45 degrees at which long heads of columns stand."""

SIZES: Final = (1.0, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01)
"""Of the squares in the legend: the three largest that the figure reaches."""

MARKS: Final = ("malignant", "benign", "neither")
_TURNED: Final[dict[str, Any]] = {"rotation": 45, "rotation_mode": "anchor", "ha": "left"}


@dataclass(frozen=True)
class Inks:
    """What stands for the page's colours: of text, of rules, and of each mark."""

    ink: str
    muted: str
    grid: str
    marks: Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """One number of the grid.

    Attributes:
        value: the number; None of a reference.
        mark: what is predominant, if that is known.
        interval: of the number.
    """

    value: float | None
    mark: str
    interval: tuple[float, float] | None


def squares_plot(figure: FigureResult, inks: Inks, t: Language) -> "Figure":
    """The grid: rows are the labels, columns the series, references behind a rule."""
    from matplotlib.figure import Figure

    place = _Places(figure)
    drawn = Figure((place.width / 72, place.height / 72))
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, place.width), ylim=(place.height, 0))
    axes.axis("off")
    if not figure.labels or not figure.series:
        axes.text(place.width / 2, 40, t("figure.nothing"), ha="center", va="center")
        return drawn
    _names(axes, place, inks)
    full = reach(figure)
    for column, line in enumerate(figure.series):
        for row, cell in cells(line).items():
            _draw(axes, place.middle(row, column), cell, full, inks, t)
    _legend(axes, place, full, inks, t)
    return drawn


def cells(line: SeriesResult) -> dict[int, Cell]:
    """A column's cells by row."""
    found = {}
    for i, row in enumerate(line.x):
        low = line.low[i] if line.low else None
        high = line.high[i] if line.high else None
        interval = None if low is None or high is None else (low, high)
        found[int(row)] = Cell(line.y[i], line.marks[i] if line.marks else "", interval)
    return found


def reach(figure: FigureResult) -> float:
    """The number that has the largest square."""
    values = [value for line in figure.series for value in line.y if value is not None]
    return max([figure.reach or 0.0, *values]) or 1.0


class _Places:
    """Where everything is, in CSS pixels from the upper left."""

    def __init__(self, figure: FigureResult) -> None:
        self.figure = figure
        self.names = [shown(line.name).replace(" (", "\n(") for line in figure.series]
        self.labels = [shown(label) for label in figure.labels]
        longest = max(map(len, [*self.labels, shown(figure.x_label)]))
        self.left = MARGIN + GAP + LETTER * longest
        parts = [part for name in self.names for part in name.split("\n")]
        self.lines = max((name.count("\n") + 1 for name in self.names), default=1)
        head = LETTER * max(map(len, parts), default=0)
        room = (WIDTH - self.left - MARGIN - GAP) / max(len(self.names), 1)
        self.slanted = head > min(max(room, NARROWEST), WIDEST) - GAP / 2
        over = SLANT * head if self.slanted else 0
        room -= over / max(len(self.names), 1)
        self.cell = min(max(room, NARROWEST), WIDEST)
        tall = SLANT * (head + LINE * self.lines) if self.slanted else LINE * self.lines
        self.top = HEAD + tall + 2 * GAP
        self.width = max(WIDTH, self.left + self.cell * len(self.names) + GAP + over + MARGIN)
        self.below = self.top + ROW * len(self.labels)
        self.height = self.below + GAP + 2 * LEGEND + MARGIN if self.labels else 80

    @property
    def rule(self) -> int | None:
        """The first column of references; they stand apart."""
        found = (i for i, line in enumerate(self.figure.series) if line.dashed)
        return next(found, None)

    def middle(self, row: float, column: int) -> tuple[float, float]:
        """Middle of a cell."""
        apart = GAP if self.rule is not None and column >= self.rule else 0
        return self.left + apart + self.cell * (column + 0.5), self.top + ROW * (row + 0.5)


def _names(axes: "Axes", place: _Places, inks: Inks) -> None:
    """What the numbers are, what rows and columns are, and their names."""
    axes.text(MARGIN, HEAD / 2, shown(place.figure.y_label), va="center", color=inks.ink)
    edge = place.left - GAP
    corner, base = shown(place.figure.x_label), place.top - GAP
    axes.text(edge, base, corner, ha="right", va="bottom", color=inks.muted)
    right = place.middle(0, len(place.names) - 1)[0] + place.cell / 2
    for row, label in enumerate(place.labels):
        y = place.middle(row, 0)[1]
        axes.text(edge, y, label, ha="right", va="center", color=inks.ink)
        axes.plot((place.left, right), (y - ROW / 2,) * 2, color=inks.grid, linewidth=0.8)
    for column, name in enumerate(place.names):
        x = place.middle(0, column)[0]
        turned: dict[str, Any] = _TURNED if place.slanted else {"ha": "center"}
        axes.text(x, base, name, va="bottom", color=inks.ink, linespacing=1.15, **turned)
    if place.rule is not None:
        x = place.middle(0, place.rule)[0] - place.cell / 2 - GAP / 2
        axes.plot((x, x), (place.top, place.below), color=inks.muted, linewidth=0.8)


def _draw(
    axes: "Axes", at: tuple[float, float], cell: Cell, full: float, inks: Inks, t: Language
) -> None:
    x, y = at
    if cell.mark not in MARKS:
        axes.text(x, y, NONE, ha="center", va="center", color=inks.muted)
        return
    side = REFERENCE if cell.value is None else LARGEST * (max(cell.value, 0.0) / full) ** 0.5
    if cell.value == 0:
        axes.text(x - ASIDE, y, "0", ha="center", va="center", color=inks.muted)
        return
    _square(axes, (x - ASIDE, y), side, cell.mark, inks)
    letter = t(f"figure.mark-{cell.mark}")
    axes.text(x + BESIDE, y, letter, ha="left", va="center", color=inks.ink, fontsize=10)


def _square(axes: "Axes", at: tuple[float, float], side: float, mark: str, inks: Inks) -> None:
    """A full square, or a hollow one where neither is predominant; the area is inside the outline."""
    from matplotlib.patches import Rectangle

    corner = (at[0] - side / 2, at[1] - side / 2)
    hollow = mark == "neither"
    width = min(1.6, side / 4) if hollow else 0.0
    inner = side - width
    axes.add_patch(
        Rectangle(
            (corner[0] + width / 2, corner[1] + width / 2),
            inner,
            inner,
            facecolor="none" if hollow else inks.marks[mark],
            edgecolor=inks.marks[mark],
            linewidth=width,
        )
    )


def _legend(axes: "Axes", place: _Places, full: float, inks: Inks, t: Language) -> None:
    """What colours and letters mean, then what areas mean."""
    x, y = MARGIN + 7.0, place.below + GAP + LEGEND / 2
    for mark in MARKS:
        _square(axes, (x, y), REFERENCE, mark, inks)
        text = f"{t(f'figure.mark-{mark}')}: {t(f'figure.squares-{mark}')}"
        axes.text(x + 12, y, text, va="center", color=inks.ink, fontsize=11)
        x += 12 + LETTER * len(text) + 2 * GAP
    x, y = MARGIN + LARGEST / 2, y + LEGEND
    for size in _sizes(full):
        side = LARGEST * (size / full) ** 0.5
        _square(axes, (x, y), side, "neither", inks)
        text = f"{size:g}"
        axes.text(x + side / 2 + 5, y, text, va="center", color=inks.ink, fontsize=11)
        x += side / 2 + 5 + LETTER * len(text) + LARGEST
    axes.text(x - GAP, y, t("figure.squares-area"), va="center", color=inks.muted, fontsize=11)


def _sizes(full: float) -> list[float]:
    found = [size for size in SIZES if size <= full][:3]
    return found or [full]


def squares_described(figure: FigureResult, t: Language) -> str:
    """Every row in words."""
    rows = [
        f"{label}: {', '.join(f'{line.name} {_worded(cells(line).get(row))}' for line in figure.series)}"
        for row, label in enumerate(figure.labels)
    ]
    return t(
        "figure.matrix",
        y=figure.y_label,
        x=figure.x_label,
        rows="; ".join(rows) or t("word.none"),
        caption=figure.caption,
    )


def _worded(cell: Cell | None, *, interval: bool = False) -> str:
    return " ".join(_parts(cell, interval=interval)) or NONE


def _parts(cell: Cell | None, *, interval: bool) -> Iterator[str]:
    if cell is None:
        return
    if cell.value is not None:
        yield fixed(cell.value, 3)
    if interval and cell.interval is not None:
        yield f"[{fixed(cell.interval[0], 3)}, {fixed(cell.interval[1], 3)}]"
    if cell.mark:
        yield cell.mark


def squares_rows(figure: FigureResult, _t: Language) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the table of a figure's numbers, with intervals where there are any."""
    columns = [cells(line) for line in figure.series]
    rows = [
        [label, *(_worded(column.get(row), interval=True) for column in columns)]
        for row, label in enumerate(figure.labels)
    ]
    return [figure.x_label, *(line.name for line in figure.series)], rows
