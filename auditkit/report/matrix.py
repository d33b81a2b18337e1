"""A labelled grid of numbers: the number in every cell, and a colour for its size and sign."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from auditkit.report.language import Language
from auditkit.report.words import NONE, fixed, shown
from auditkit.results import FigureResult, SeriesResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In CSS pixels; letters as wide as the widest that a browser may choose for the names.
WIDTH, LETTER, MARGIN, GAP, HEAD, ROW = 700, 7.1, 6, 8, 26, 30
NARROWEST, WIDEST = 40, 76
SLANT: Final = 0.71
"""Sine and cosine of the 45 degrees at which long heads of columns stand."""

_TURNED: Final[dict[str, Any]] = {
    "rotation": 45,
    "rotation_mode": "anchor",
    "ha": "left",
    "va": "bottom",
}
OPAQUE: Final = 0.6
"""Opacity of the fullest colour: the page's ink is still read on it, in light and in dark."""


@dataclass(frozen=True)
class Hues:
    """What stands for the page's colours: of text, of numbers above zero and below."""

    ink: str
    muted: str
    above: str
    below: str


def matrix_plot(figure: FigureResult, hues: Hues, t: Language) -> "Figure":
    """The grid: rows are the labels, columns the series."""
    from matplotlib.figure import Figure

    place = _Places(figure)
    drawn = Figure((place.width / 72, place.height / 72))
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, place.width), ylim=(place.height, 0))
    axes.axis("off")
    if not figure.labels or not figure.series:
        axes.text(place.width / 2, 40, t("figure.nothing"), ha="center", va="center")
        return drawn
    _names(axes, place, hues)
    for row, values in enumerate(cells(figure)):
        for column, value in enumerate(values):
            _cell(axes, place, (row, column), value, hues)
    return drawn


def cells(figure: FigureResult) -> list[list[float | None]]:
    """Values by row and column; none where there is no number."""
    found: list[list[float | None]] = [[None] * len(figure.series) for _ in figure.labels]
    for column, line in enumerate(figure.series):
        for row, value in zip(line.x, line.y, strict=True):
            found[int(row)][column] = value
    return found


def reach(figure: FigureResult) -> float:
    """The size of a number that has the fullest colour."""
    if figure.reach:
        return figure.reach
    sizes = [abs(value) for row in cells(figure) for value in row if value is not None]
    return max(sizes, default=0.0) or 1.0


def written(figure: FigureResult, value: float | None) -> str:
    """A number as it stands in its cell: two decimals up to 1, else one."""
    return NONE if value is None else fixed(value, 2 if reach(figure) <= 1 else 1)


class _Places:
    """Where everything is, in CSS pixels from the upper left."""

    def __init__(self, figure: FigureResult) -> None:
        self.figure = figure
        self.names = [shown(line.name) for line in figure.series]
        self.labels = [shown(label) for label in figure.labels]
        self.left = MARGIN + GAP + LETTER * max(map(len, [*self.labels, shown(figure.x_label)]))
        head = LETTER * max(map(len, self.names), default=0)
        room = (WIDTH - self.left - MARGIN - SLANT * head) / max(len(self.names), 1)
        self.cell = min(max(room, NARROWEST), WIDEST)
        self.slanted = head > self.cell - GAP
        self.top = HEAD + (SLANT * (head + GAP) + GAP if self.slanted else HEAD)
        over = SLANT * head if self.slanted else 0
        self.width = max(WIDTH, self.left + self.cell * len(self.names) + over + MARGIN)
        self.height = self.top + ROW * len(self.labels) + MARGIN if self.labels else 80

    def corner(self, row: int, column: int) -> tuple[float, float]:
        """Upper left corner of a cell."""
        return self.left + self.cell * column, self.top + ROW * row


def _names(axes: "Axes", place: _Places, hues: Hues) -> None:
    """What the numbers are, what rows and columns are, and their names."""
    axes.text(MARGIN, HEAD / 2, shown(place.figure.y_label), va="center", color=hues.ink)
    corner = shown(place.figure.x_label)
    edge = place.left - GAP
    axes.text(edge, place.top - GAP, corner, ha="right", va="bottom", color=hues.muted)
    for row, label in enumerate(place.labels):
        y = place.corner(row, 0)[1] + ROW / 2
        axes.text(edge, y, label, ha="right", va="center", color=hues.ink)
    for column, name in enumerate(place.names):
        x = place.corner(0, column)[0] + place.cell / 2
        y = place.top - GAP
        if place.slanted:
            axes.text(x, y, name, color=hues.ink, **_TURNED)
        else:
            axes.text(x, y, name, ha="center", va="bottom", color=hues.ink)


def _cell(
    axes: "Axes", place: _Places, at: tuple[int, int], value: float | None, hues: Hues
) -> None:
    from matplotlib.patches import Rectangle

    x, y = place.corner(*at)
    if value is not None:
        size = min(abs(value) / reach(place.figure), 1.0)
        colour = hues.above if value > 0 else hues.below
        # A pixel between cells shows the page, whatever its colour.
        spot = Rectangle((x, y), place.cell - 1, ROW - 1, color=colour, linewidth=0)
        spot.set_alpha(OPAQUE * size)
        axes.add_patch(spot)
    colour = hues.muted if value is None else hues.ink
    middle = (x + (place.cell - 1) / 2, y + (ROW - 1) / 2)
    text = written(place.figure, value)
    axes.text(*middle, text, ha="center", va="center", color=colour)


def matrix_described(figure: FigureResult, t: Language) -> str:
    """Every row in words."""
    rows = []
    for label, values in zip(figure.labels, cells(figure), strict=True):
        pairs = zip(figure.series, values, strict=True)
        found = ", ".join(f"{line.name} {written(figure, value)}" for line, value in pairs)
        rows.append(f"{label}: {found}")
    return t(
        "figure.matrix",
        y=figure.y_label,
        x=figure.x_label,
        rows="; ".join(rows) or t("word.none"),
        caption=figure.caption,
    )


def matrix_rows(figure: FigureResult, _t: Language) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the table of a figure's numbers, with intervals where there are any."""
    rows = [[label, *(NONE for _ in figure.series)] for label in figure.labels]
    for column, line in enumerate(figure.series, 1):
        for i, row in enumerate(line.x):
            rows[int(row)][column] = _with_interval(figure, line, i)
    return [figure.x_label, *(line.name for line in figure.series)], rows


def _with_interval(figure: FigureResult, line: SeriesResult, i: int) -> str:
    value = written(figure, line.y[i])
    if line.y[i] is None or line.low is None or line.high is None:
        return value
    return f"{value} [{written(figure, line.low[i])}, {written(figure, line.high[i])}]"
