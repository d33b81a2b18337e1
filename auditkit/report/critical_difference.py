"""Critical-difference diagram: mean ranks on an axis, bars over methods that do not differ.

Demsar 2006, JMLR 7:1-30, section 3.2.4. The better half of the methods is named on the left, the other on
the right; a leader goes straight down from its rank, so that no two leaders cross.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.report.language import Language
from auditkit.report.words import fixed, shown
from auditkit.results import FigureResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In CSS pixels; letters as wide as the widest that a browser may choose for the names.
WIDTH, MARGIN, LETTER, LEAST_AXIS = 640, 6, 7.1, 200
LABEL, BRACKET, TOP, AXIS, BAR, ROW, GAP = 10, 32, 66, 14, 11, 20, 10


@dataclass(frozen=True)
class Colours:
    """What stands for the page's colours."""

    ink: str
    muted: str
    bar: str


def groups(ranks: Sequence[float], difference: float) -> list[tuple[int, int]]:
    """Maximal runs of at least two methods whose mean ranks lie closer than the critical difference.

    Args:
        ranks: mean ranks, rising.
        difference: the critical difference.

    Returns:
        First and last place of each run.

    Example:
        >>> groups([1.0, 1.5, 2.4, 4.0], 1.0)
        [(0, 1), (1, 2)]
    """
    found: list[tuple[int, int]] = []
    for first, low in enumerate(ranks):
        close = (i for i, rank in enumerate(ranks) if i >= first and rank - low < difference)
        last = max(close, default=first)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def levels(bars: Sequence[tuple[float, float]], apart: float) -> list[int]:
    """The first level in which each bar, from left to right, keeps its distance from the one before.

    Example:
        >>> levels([(1.0, 2.0), (1.5, 3.0), (2.5, 4.0)], 0.1)
        [0, 1, 0]
    """
    ends: list[float] = []
    found = []
    for low, high in bars:
        level = next((i for i, end in enumerate(ends) if low - end > apart), len(ends))
        ends[level : level + 1] = [high]
        found.append(level)
    return found


def ranked(figure: FigureResult) -> list[tuple[str, float]]:
    """Methods with their mean ranks, the best first."""
    line = figure.series[0] if figure.series else None
    pairs = zip(line.x, line.y, strict=True) if line else ()
    found = [(figure.labels[int(place)], rank) for place, rank in pairs if rank is not None]
    return sorted(found, key=lambda pair: pair[1])


def described(figure: FigureResult, t: Language) -> str:
    """The diagram in words: the ranking, and which methods do not differ."""
    methods = ranked(figure)
    ranking = "; ".join(f"{name} {rank:.2f}" for name, rank in methods) or t("word.none")
    runs = groups([rank for _, rank in methods], figure.critical_difference or 0.0)
    spans = [t("figure.span", first=methods[a][0], last=methods[b][0]) for a, b in runs]
    return t(
        "figure.ranks",
        y=figure.y_label,
        ranking=ranking,
        difference=f"{figure.critical_difference or 0.0:.2f}",
        joined="; ".join(spans) or t("word.none"),
        caption=figure.caption,
    )


def critical_difference_diagram(figure: FigureResult, colours: Colours, t: Language) -> "Figure":
    """The diagram."""
    from matplotlib.figure import Figure

    diagram = _Diagram(figure, colours, t)
    drawn = Figure((diagram.width / 72, diagram.height / 72))
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, diagram.width), ylim=(diagram.height, 0))
    axes.axis("off")
    diagram.draw(axes)
    return drawn


class _Diagram:
    """Where everything is, in CSS pixels from the upper left."""

    def __init__(self, figure: FigureResult, colours: Colours, t: Language) -> None:
        self.figure, self.colours, self.t = figure, colours, t
        self.methods = ranked(figure)
        self.half = (len(self.methods) + 1) // 2
        left, right = _side(self.methods[: self.half]), _side(self.methods[self.half :])
        self.width = max(WIDTH, left + right + LEAST_AXIS)
        self.left, self.right = left, self.width - right
        self.first, self.last = self._ends()
        ranks = [rank for _, rank in self.methods]
        self.bars = [(ranks[a], ranks[b]) for a, b in groups(ranks, self.difference)]
        self.levels = levels(self.bars, apart=16 / self.step)
        self.rows = TOP + AXIS + BAR * (max(self.levels, default=-1) + 1) + ROW / 2
        self.height = self.rows + ROW * self.half + MARGIN if self.methods else 80

    def _ends(self) -> tuple[int, int]:
        """Whole ranks at the ends of the axis: round all methods, with room for the bracket."""
        ranks = [rank for _, rank in self.methods] or [1.0]
        first, last = math.floor(min(ranks)), math.ceil(max(ranks))
        room = max(1, math.ceil(self.difference))
        last = max(last, min(len(ranks), first + room), 2)
        return max(1, min(first, last - room)), last

    @property
    def difference(self) -> float:
        """The critical difference; 0 where there is none."""
        return self.figure.critical_difference or 0.0

    @property
    def step(self) -> float:
        """Pixels of one rank."""
        return (self.right - self.left) / (self.last - self.first)

    def x(self, rank: float) -> float:
        """Place of a mean rank."""
        return self.left + (rank - self.first) * self.step

    def draw(self, axes: "Axes") -> None:
        """All parts."""
        if not self.methods:
            axes.text(self.width / 2, 40, self.t("figure.nothing"), ha="center", va="center")
            return
        self._axis(axes)
        self._bracket(axes)
        for (low, high), level in zip(self.bars, self.levels, strict=True):
            ends, y = (self.x(low) - 4, self.x(high) + 4), TOP + AXIS + BAR * level
            axes.plot(ends, (y, y), color=self.colours.bar, linewidth=4.5, solid_capstyle="round")
        for place, (name, rank) in enumerate(self.methods):
            self._method(axes, place, name, rank)

    def _axis(self, axes: "Axes") -> None:
        """Ranks from the best, with as many numbers as have room."""
        label = shown(self.figure.y_label)
        axes.text(self.left, LABEL, label, ha="left", va="center", color=self.colours.ink)
        axes.plot((self.left, self.right), (TOP, TOP), color=self.colours.muted, linewidth=1)
        every = next(n for n in (1, 2, 3, 5, 10, 20, 50) if n * self.step >= 22)
        for rank in range(self.first, self.last + 1):
            numbered = (rank - self.first) % every == 0
            x, length = self.x(rank), 5 if numbered else 3
            axes.plot((x, x), (TOP - length, TOP), color=self.colours.muted, linewidth=1)
            if numbered:
                axes.text(x, TOP - 8, str(rank), ha="center", va="bottom", color=self.colours.ink)

    def _bracket(self, axes: "Axes") -> None:
        """The critical difference at the axis' own scale, no longer than the axis."""
        end = min(self.left + self.difference * self.step, self.right)
        axes.plot((self.left, end), (BRACKET, BRACKET), color=self.colours.bar, linewidth=1.8)
        for x in (self.left, end):
            axes.plot((x, x), (BRACKET - 4, BRACKET + 4), color=self.colours.bar, linewidth=1.8)
        text = self.t("figure.difference", value=fixed(self.difference, 2))
        axes.text(end + 8, BRACKET, text, ha="left", va="center", color=self.colours.ink)

    def _method(self, axes: "Axes", place: int, name: str, rank: float) -> None:
        """A leader down from the rank and out to the name; the outermost rank has the first row."""
        better = place < self.half
        row = place if better else len(self.methods) - 1 - place
        x, y = self.x(rank), self.rows + ROW * (row + 0.5)
        edge, side = (self.left, -1) if better else (self.right, 1)
        edge += side * 2
        axes.plot((x, x, edge), (TOP, y, y), color=self.colours.muted, linewidth=1)
        axes.plot((x,), (TOP,), color=self.colours.ink, marker="o", markersize=4, linestyle="")
        text = f"{shown(name)}  {rank:.2f}" if better else f"{rank:.2f}  {shown(name)}"
        align = "right" if better else "left"
        axes.text(edge + side * GAP / 2, y, text, ha=align, va="center", color=self.colours.ink)


def _side(methods: Sequence[tuple[str, float]]) -> float:
    """Room for the longest name with its rank."""
    longest = max((len(f"{shown(name)} {rank:.2f}") for name, rank in methods), default=0)
    return longest * LETTER + MARGIN + GAP
