"""Figures of results.json as inline SVG: lines over an axis or the circle of hues, points, forests, grids."""

import warnings
from collections.abc import Sequence
from io import StringIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from auditkit.colour import shift_luv_polar
from auditkit.report.boxes import boxes_described, boxes_plot
from auditkit.report.critical_difference import Colours, critical_difference_diagram, described
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.matrix import Hues, matrix_described, matrix_plot
from auditkit.report.squares import Inks, squares_described, squares_plot
from auditkit.report.svg import inlined
from auditkit.report.violins import Shades, violins_described, violins_plot
from auditkit.report.words import shown
from auditkit.results import FigureResult, SeriesResult
from auditkit.spec.declarations.colour_shift import DIRECTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

# One SVG unit is one CSS pixel: 72 units to Matplotlib's inch.
WIDTH, HEIGHT, SQUARE_HEIGHT, CIRCLE_WIDTH = 400, 290, 370, 600
# Of a forest: a label with its estimate, in one line or two; legend, axis and its label; letters in a line.
ROW_HEIGHT, TALL_ROW, FOREST_MARGIN, LABEL_WIDTH = 22, 34, 84, 36
STRIP_RADIUS, STRIP_GREY, STRIP_STEP = 50.0, 0.7, 2.0

# Stand for the page's colours; each is replaced by a CSS variable, which the colour scheme sets.
INK, MUTED, GRID = "#010101", "#020202", "#030303"
LINES: Final = [f"#0{i}0a0a" for i in range(1, 7)]
_COLOURS: Final = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    **{colour: f"var(--line-{i})" for i, colour in enumerate(LINES, 1)},
}
_MARKERS: Final = "os^Dv<"
_MOST_MARKED: Final = 25
# Typed as Any, since the stubs of some versions list every key.
_SETTINGS: Final[Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "auditkit",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "path.simplify": True,
}


def draw(figure: FigureResult, name: str, t: Language = IN_ENGLISH) -> Markup:
    """A figure as an SVG element; the same numbers give the same bytes.

    Args:
        figure: the numbers.
        name: id of the figure on the page.
        t: in which language it is described.
    """
    from matplotlib import rc_context

    buffer = StringIO()
    with rc_context(_SETTINGS), warnings.catch_warnings():
        # The browser has fonts for characters that Matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph")
        drawn = _KINDS.get(figure.kind, _lines)(figure, t)
        drawn.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    return inlined(buffer.getvalue(), name, shown(figure.title), _description(figure, t), _COLOURS)


_NO_METADATA: Final[dict[str, Any]] = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def _lines(figure: FigureResult, t: Language) -> "Figure":
    drawn, axes = _empty(WIDTH, SQUARE_HEIGHT if figure.diagonal else HEIGHT)
    _references(axes, figure)
    draw_series = _points if figure.kind == "points" else _plot
    draw_series(axes, figure.series)
    axes.set_xlabel(shown(figure.x_label))
    axes.set_ylabel(shown(figure.y_label))
    if figure.diagonal and _unit(figure.series):
        axes.set(xlim=(0, 1), ylim=(0, 1))
    _legend(drawn, axes, figure.series, t)
    return drawn


def _circle(figure: FigureResult, t: Language) -> "Figure":
    """The circle cut open at 0 degrees, over a strip of the hue at every angle."""
    from matplotlib.figure import Figure

    drawn = Figure((CIRCLE_WIDTH / 72, HEIGHT / 72), layout="constrained")
    axes, strip = drawn.subplots(2, 1, sharex=True, height_ratios=[13, 1])
    _references(axes, figure)
    _plot(axes, [_closed(line) for line in figure.series])
    axes.set_ylabel(shown(figure.y_label))
    axes.tick_params(bottom=False)
    axes.spines["bottom"].set_visible(False)
    strip.imshow(hues()[None], extent=(0, 360, 0, 1), aspect="auto", interpolation="nearest")
    strip.set(xlim=(0, 360), yticks=[], xlabel=shown(figure.x_label))
    strip.grid(visible=False)
    strip.spines[:].set_visible(False)
    names = {
        angle: f"{angle:g}°\n{t.or_else(f'hue.{word}', word)}" for word, angle in DIRECTIONS.items()
    }
    names |= {225.0: "225°\n ", 360.0: "360°\n "}
    strip.set_xticks(sorted(names), [names[angle] for angle in sorted(names)])
    _legend(drawn, axes, figure.series, t)
    return drawn


def _forest(figure: FigureResult, t: Language) -> "Figure":
    """One row per label: the estimate as a dot on its interval, reference values as hollow dots."""
    rows = max(len(figure.labels), 1)
    # Several series share a row, one below the other.
    labels = [_label(each) for each in figure.labels]
    least = TALL_ROW if any("\n" in each for each in labels) else ROW_HEIGHT
    height = max(least, 12 * sum(not line.dashed for line in figure.series))
    drawn, axes = _empty(CIRCLE_WIDTH, height * rows + FOREST_MARGIN)
    if figure.zero:
        axes.axvline(0, color=MUTED, linewidth=1, zorder=1.5)
    for i, line in enumerate(figure.series):
        colour = MUTED if line.dashed else LINES[i % len(LINES)]
        place, value = _floats(line.x), _floats(line.y)
        if line.low is not None and line.high is not None:
            axes.hlines(place, _floats(line.low), _floats(line.high), color=colour, linewidth=1.8)
        axes.plot(
            value,
            place,
            color=colour,
            linestyle="",
            marker="o",
            markersize=6 if line.dashed else 5,
            markerfacecolor="none" if line.dashed else colour,
            label=shown(line.name),
        )
    _legend(drawn, axes, figure.series, t)
    axes.set_yticks(range(len(labels)), labels)
    axes.set(ylim=(rows - 0.5, -0.5), xlabel=shown(figure.y_label))
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    return drawn


def _label(text: str) -> str:
    """In two lines at most, so that there is room for what is drawn."""
    return "\n".join(
        wrap(shown(text), LABEL_WIDTH, break_on_hyphens=False, max_lines=2, placeholder=" …")
    )


def _ranks(figure: FigureResult, t: Language) -> "Figure":
    return critical_difference_diagram(figure, Colours(INK, MUTED, LINES[0]), t)


def _boxes(figure: FigureResult, t: Language) -> "Figure":
    return boxes_plot(figure, Colours(INK, MUTED, LINES[0]), t)


def _violins(figure: FigureResult, t: Language) -> "Figure":
    return violins_plot(figure, Shades(INK, MUTED, (LINES[0], LINES[1])), t)


def _matrix(figure: FigureResult, t: Language) -> "Figure":
    return matrix_plot(figure, Hues(INK, MUTED, above=LINES[1], below=LINES[0]), t)


def _squares(figure: FigureResult, t: Language) -> "Figure":
    marks = {"malignant": LINES[1], "benign": LINES[0], "neither": MUTED}
    return squares_plot(figure, Inks(INK, MUTED, GRID, marks), t)


_KINDS: Final = {
    "circle": _circle,
    "forest": _forest,
    "ranks": _ranks,
    "boxes": _boxes,
    "violins": _violins,
    "matrix": _matrix,
    "squares": _squares,
}


def hues() -> npt.NDArray[np.uint8]:
    """(180, 3) sRGB of a light grey moved towards every second angle, from 1 to 359 degrees.

    The radius is one that every angle reaches within sRGB, so that no hue is clamped.
    """
    grey = np.full((3, 1, 1), STRIP_GREY)
    angles = np.arange(STRIP_STEP / 2, 360, STRIP_STEP)
    moved = [np.asarray(shift_luv_polar(grey, float(a), STRIP_RADIUS)) for a in angles]
    colours: npt.NDArray[np.uint8] = np.rint(255 * np.stack(moved)).astype(np.uint8)
    return colours.reshape(-1, 3)


def _empty(width: int, height: int) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    drawn = Figure((width / 72, height / 72), layout="constrained")
    return drawn, drawn.add_subplot()


def _references(axes: "Axes", figure: FigureResult) -> None:
    style: dict[str, Any] = {"color": MUTED, "linewidth": 1, "zorder": 1.5}
    if figure.diagonal:
        axes.axline((0, 0), slope=1, dashes=(4, 3), **style)
    if figure.zero:
        axes.axhline(0, **style)


def _points(axes: "Axes", series: Sequence[SeriesResult]) -> None:
    for i, line in enumerate(series):
        axes.scatter(
            _floats(line.x),
            _floats(line.y),
            s=14,
            color=LINES[i % len(LINES)],
            alpha=0.55,
            linewidths=0,
            clip_on=False,
            label=shown(line.name),
        )


def _plot(axes: "Axes", series: Sequence[SeriesResult]) -> None:
    for i, line in enumerate(series):
        x, y = _floats(line.x), _floats(line.y)
        colour = MUTED if line.dashed else LINES[i % len(LINES)]
        marker = _MARKERS[i % len(_MARKERS)] if len(x) <= _MOST_MARKED else ""
        if line.low is not None and line.high is not None:
            low, high = _floats(line.low), _floats(line.high)
            axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
        axes.plot(
            x,
            y,
            color=colour,
            linewidth=1.8,
            linestyle="--" if line.dashed else "-",
            marker="" if line.dashed else marker,
            markersize=4,
            clip_on=False,
            label=shown(line.name),
        )


def _legend(drawn: "Figure", axes: "Axes", series: Sequence[SeriesResult], t: Language) -> None:
    if not series:
        axes.text(0.5, 0.5, t("figure.nothing"), ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    longest = max(len(line.name) for line in series)
    columns = 1 if longest > 24 else 2 if longest > 12 else 3
    drawn.legend(loc="outside upper left", ncols=min(columns, len(series)), columnspacing=1.4)


def _closed(line: SeriesResult) -> SeriesResult:
    """The line in order of its angles, with the first point again at 360 degrees."""
    order = sorted(range(len(line.x)), key=lambda i: line.x[i])
    if order and line.x[order[0]] == 0 and line.x[order[-1]] < 360:
        order.append(order[0])
    x = [line.x[i] for i in order]
    if len(order) > len(line.x):
        x[-1] = 360.0

    def ordered(values: list[float | None] | None) -> list[float | None] | None:
        return None if values is None else [values[i] for i in order]

    update = {"x": x, "y": ordered(line.y), "low": ordered(line.low), "high": ordered(line.high)}
    return line.model_copy(update=update)


def _unit(series: Sequence[SeriesResult]) -> bool:
    """Whether all points are shares or probabilities, so that both axes run from 0 to 1."""
    values = [v for line in series for v in (*line.x, *line.y) if v is not None]
    return all(0 <= value <= 1 for value in values)


def _floats(values: Sequence[float | None]) -> Floats:
    """Numbers with a gap where there is none."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


_DESCRIBED: Final = {
    "ranks": described,
    "boxes": boxes_described,
    "violins": violins_described,
    "matrix": matrix_described,
    "squares": squares_described,
}


def _description(figure: FigureResult, t: Language) -> str:
    if figure.kind in _DESCRIBED:
        return shown(_DESCRIBED[figure.kind](figure, t))
    lines = "; ".join(line.name for line in figure.series) or t("word.none")
    axes = {"y": figure.y_label, "x": figure.x_label}
    return shown(t("figure.lines", **axes, lines=lines, caption=figure.caption))
