"""Split violins, one row per label: the distribution of one group above, that of the other below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from auditkit.report.language import Language
from auditkit.report.words import NONE, short, shown
from auditkit.results import FigureResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

# In CSS pixels: one label with its two halves; the legend, the axis and its label.
WIDTH, ROW, MARGIN = 600, 62, 96
HALF: Final = 0.44
"""Height of the highest half, of the distance between two rows."""

POINTS: Final = 96
LEAST: Final = 3
"""Fewer values have dots and no outline: it would be the kernel's and not theirs."""

_GOLDEN: Final = 0.6180339887498949
_DOT: Final[dict[str, Any]] = {"s": 9, "linewidths": 0, "zorder": 3}


@dataclass(frozen=True)
class Shades:
    """What stands for the page's colours: of text, of the upper halves and of the lower ones."""

    ink: str
    muted: str
    halves: tuple[str, str]


@dataclass(frozen=True)
class Half:
    """The values of one group in one row.

    Attributes:
        label: of the row.
        name: of the group.
        values: in order.
    """

    label: str
    name: str
    values: Floats

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Lower quartile, median, upper quartile."""
        lower, middle, upper = np.percentile(self.values, (25, 50, 75)).tolist()
        return lower, middle, upper


def violins_plot(figure: FigureResult, shades: Shades, t: Language) -> "Figure":
    """The halves of a figure, each at the label that it belongs to."""
    from matplotlib.figure import Figure

    rows = max(len(figure.labels), 1)
    drawn = Figure((WIDTH / 72, (ROW * rows + MARGIN) / 72), layout="constrained")
    axes = drawn.add_subplot()
    found = halves(figure)
    if not found:
        axes.text(0.5, 0.5, t("figure.nothing"), ha="center", transform=axes.transAxes)
        axes.axis("off")
        return drawn
    for place in range(rows):
        axes.axhline(place, color=shades.muted, linewidth=0.8, zorder=1.5)
    for (place, side), half in found.items():
        _half(axes, place, half, (-1, 1)[side], shades.halves[side])
    for side, line in enumerate(figure.series):
        name = t(f"figure.half-{('above', 'below')[side]}", name=line.name)
        axes.scatter([], [], color=shades.halves[side], label=shown(name))
    drawn.legend(loc="outside upper left", ncols=len(figure.series), columnspacing=1.4)
    axes.set_yticks(range(len(figure.labels)), [shown(label) for label in figure.labels])
    axes.set(ylim=(rows - 0.5, -0.5), xlabel=shown(figure.y_label))
    axes.tick_params(left=False)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return drawn


def halves(figure: FigureResult) -> Mapping[tuple[int, int], Half]:
    """By place among the labels and by side (0 above, 1 below), where there are values."""
    found = {}
    for side, line in enumerate(figure.series):
        places, values = np.array(line.x), np.array([np.nan if y is None else y for y in line.y])
        for place, label in enumerate(figure.labels):
            own = np.sort(values[(places == place) & np.isfinite(values)])
            if own.size:
                found[place, side] = Half(label, line.name, own)
    return dict(sorted(found.items()))


def density(values: Floats, at: Floats) -> Floats:
    """Gaussian kernel density of values within [0, 1] at some places, 1 at its highest.

    Bandwidth by Silverman's rule of thumb (1986, eq. 3.31); what would lie beyond 0 or 1 is reflected,
    so that a distribution at the end of the range does not look as if it ended before.
    """
    spread = min(
        float(values.std(ddof=1)), float(np.subtract(*np.percentile(values, (75, 25)))) / 1.34
    )
    width = max(0.9 * (spread or float(values.std(ddof=1))) * values.size**-0.2, 0.004)
    images = np.concatenate([values, -values, 2 - values])
    heights = np.exp(-(((at[:, np.newaxis] - images) / width) ** 2) / 2).sum(axis=1)
    found: Floats = heights / max(float(heights.max()), 1e-300)
    return found


def _half(axes: "Axes", place: int, half: Half, sign: int, colour: str) -> None:
    values = half.values
    reach = np.full(values.size, 0.5)
    if values.size >= LEAST:
        room = 0.05 * max(float(np.ptp(values)), 0.05)
        at = np.linspace(max(0.0, values[0] - room), min(1.0, values[-1] + room), POINTS)
        heights = density(values, at)
        edge = place + sign * HALF * heights
        axes.fill_between(at, place, edge, color=colour, alpha=0.22, linewidth=0)
        axes.plot(at, edge, color=colour, linewidth=1.2)
        reach = np.interp(values, at, heights)
        for number, quartile in enumerate(half.quartiles):
            end = place + sign * HALF * float(np.interp(quartile, at, heights))
            style: dict[str, Any] = {"linewidth": 1.8} if number == 1 else {"dashes": (3, 2)}
            axes.plot((quartile, quartile), (place, end), color=colour, **style)
    # Dots fill the half evenly and always alike: no draw of random numbers.
    steps = (np.arange(1, values.size + 1) * _GOLDEN) % 1
    height = place + sign * HALF * reach * (0.08 + 0.84 * steps)
    axes.scatter(values, height, color=colour, **_DOT)


def violins_described(figure: FigureResult, t: Language) -> str:
    """Medians and quartiles in words."""
    found = []
    for half in halves(figure).values():
        lower, middle, upper = half.quartiles
        count = half.values.size
        name = f"{half.label}, {half.name}:"
        quartiles = {"median": short(middle), "low": short(lower), "high": short(upper)}
        told = t("figure.quartiles", name=name, **quartiles)
        found.append(f"{told}, {t.counted('value', count)}")
    return t(
        "figure.distributions",
        y=figure.y_label,
        x=figure.x_label,
        found="; ".join(found) or t("word.none"),
        caption=figure.caption,
    )


_HEADS: Final = (
    "group",
    "values",
    "least",
    "lower quartile",
    "median",
    "upper quartile",
    "largest",
)


def violins_rows(figure: FigureResult, t: Language) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the table of a figure's numbers."""
    rows = [
        [half.label, half.name, str(half.values.size), *_five(half)]
        for half in halves(figure).values()
    ]
    return [figure.x_label, *(t(f"figure.{head}") for head in _HEADS)], rows


def _five(half: Half) -> Sequence[str]:
    if half.values.size == 0:
        return [NONE] * 5
    return [short(v) for v in (half.values[0], *half.quartiles, half.values[-1])]
