"""Boxplots (Tukey 1977, Exploratory Data Analysis): a row per label, quartiles, whiskers, outliers."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from auditkit.report.critical_difference import Colours
from auditkit.report.language import Language
from auditkit.report.words import short, shown
from auditkit.results import FigureResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In CSS pixels: one label with its box; the axis and its label.
WIDTH, ROW, MARGIN = 600, 26, 64
THICK: Final = 0.56
# The five series of a figure, each a column of the table of its numbers.
COLUMNS: Final = ["lower whisker", "lower quartile", "median", "upper quartile", "upper whisker"]

_HOLLOW: Final[dict[str, Any]] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 4,
    "markerfacecolor": "none",
}
Five = tuple[float, float, float, float, float]


def boxes_plot(figure: FigureResult, colours: Colours, t: Language) -> "Figure":
    """The boxes of a figure, each over the label that it belongs to."""
    from matplotlib.figure import Figure

    rows = max(len(figure.labels), 1)
    drawn = Figure((WIDTH / 72, (ROW * rows + MARGIN) / 72), layout="constrained")
    axes = drawn.add_subplot()
    boxes = summaries(figure)
    if not boxes:
        axes.text(0.5, 0.5, t("figure.nothing"), ha="center", transform=axes.transAxes)
        axes.axis("off")
        return drawn
    if figure.zero:
        axes.axvline(0, color=colours.muted, linewidth=1, zorder=1.5)
    for place, five in boxes.items():
        _box(axes, place, five, colours)
        beyond = outliers(figure, place)
        flat = [place] * len(beyond)
        axes.plot(beyond, flat, color=colours.bar, **_HOLLOW)
    axes.set_yticks(range(len(figure.labels)), [shown(label) for label in figure.labels])
    axes.set(ylim=(rows - 0.5, -0.5), xlabel=shown(figure.y_label))
    axes.tick_params(left=False)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return drawn


def _box(axes: "Axes", place: int, five: Five, colours: Colours) -> None:
    low, first, median, third, high = five
    low_edge, high_edge = place - THICK / 2, place + THICK / 2
    for a, b in ((low, first), (third, high)):
        axes.plot((a, b), (place, place), color=colours.bar, linewidth=1.4)
    for end in (low, high):
        axes.plot((end, end), (place - 0.14, place + 0.14), color=colours.bar, linewidth=1.4)
    axes.barh(place, third - first, THICK, first, color=colours.bar, alpha=0.2, linewidth=0)
    corners = ((first, low_edge), (third, low_edge), (third, high_edge), (first, high_edge))
    for (x, y), (to_x, to_y) in pairwise([*corners, corners[0]]):
        axes.plot((x, to_x), (y, to_y), color=colours.bar, linewidth=1.2)
    axes.plot((median, median), (low_edge, high_edge), color=colours.ink, linewidth=2.2)


def summaries(figure: FigureResult) -> dict[int, Five]:
    """By place among the labels, the five numbers: whisker, quartile, median, quartile, whisker."""
    lines = [_by_place(line.x, line.y) for line in figure.series[: len(COLUMNS)]]
    if len(lines) < len(COLUMNS):
        return {}
    places = [place for place in range(len(figure.labels)) if all(place in line for line in lines)]
    low, first, median, third, high = lines
    return {p: (low[p], first[p], median[p], third[p], high[p]) for p in places}


def outliers(figure: FigureResult, place: int) -> list[float]:
    """Values beyond the whiskers of a label."""
    lines = figure.series[len(COLUMNS) :]
    pairs = [pair for line in lines for pair in zip(line.x, line.y, strict=True)]
    return [value for x, value in pairs if value is not None and int(x) == place]


def _by_place(x: Sequence[float], y: Sequence[float | None]) -> dict[int, float]:
    return {int(place): value for place, value in zip(x, y, strict=True) if value is not None}


def boxes_described(figure: FigureResult, t: Language) -> str:
    """The medians and quartiles in words."""
    found = [
        t(
            "figure.quartiles",
            name=figure.labels[place],
            median=short(five[2]),
            low=short(five[1]),
            high=short(five[3]),
        )
        for place, five in summaries(figure).items()
    ]
    return t(
        "figure.distributions",
        y=figure.y_label,
        x=figure.x_label,
        found="; ".join(found) or t("word.none"),
        caption=figure.caption,
    )


def boxes_rows(figure: FigureResult, t: Language) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the table of a figure's numbers."""
    rows = []
    for place, five in summaries(figure).items():
        beyond = ", ".join(map(short, outliers(figure, place)))
        rows.append([figure.labels[place], *map(short, five), beyond])
    heads = [t(f"figure.{name}") for name in (*COLUMNS, "outliers")]
    return [figure.x_label, *heads], rows
