"""The page and the figure of `benchmarks/explainers.py`."""

import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explainers import Result

Found = Mapping[str, Sequence["Result"]]


_HOW = """## How it was measured

- *Settings*: photographs of `fixtures/photos`, squares of 64 pixels with a grid of 4 by 4 players, and
  of 224 pixels with ten horizontal bands. The networks have random weights, with batch normalisation settled
  on those pictures: one of four strided convolutions and three dense layers, and torchvision's
  ResNet-50. Explained is the strongest output; what is covered is black. Occlusion covers 4 by 4 windows.
- *Error*: sum |found - exact|² / sum |exact|², the mean over pictures. Exact values come from the
  network's answers for all 2^P coalitions of four pictures (224 pixels: of two): Shapley values by their
  definition; for LIME the weighted regression on all coalitions. The estimators are then run on those
  answers instead of the network, four times per picture (224 pixels: eight) with the players numbered
  anew, so that draws differ. LIME has the
  same kernel (cosine distance of coalitions, width 0.25) and no penalty on both sides; captum's own
  defaults, another distance and a lasso, estimate something else.
- *Time*: wall time of a call for one picture and for sixteen, both sides in turn, medians over rounds (64
  pixels: three rounds at 66, 256 and 1024 inputs per picture; 224 pixels: one round at 48 and 96, at 48
  for sixteen); other budgets are on a line through these. Coalitions that ours keeps between calls
  are kept.
- *Batch setting*: of each side, method and number of pictures the one that takes least time, of 16, 64, 256
  and 1024 inputs per pass (224 pixels: 4, 16 and 48, found on one picture). Captum's regressions take one
  picture at a time.
- *Equal error*: between our own budgets, on a line in the logarithms of error and inputs. Where captum's
  budget is so large that ours has asked for all coalitions, ours is exact.
"""
_COLUMNS = (
    "method",
    "images",
    "inputs per pass, ours / captum",
    "captum's inputs per picture",
    "error",
    "captum s",
    "ours s",
    "ratio",
)


def page(found: Found, threads: int, minutes: float) -> str:
    """Markdown of all results."""
    machine = f"{platform.machine()}, {threads} threads, torch {version('torch')}"
    lines = [line for name, results in found.items() for line in _summary(name, results)]
    summary = "\n".join(lines)
    details = "\n".join(_details(name, results) for name, results in found.items())
    return f"""# Heatmaps against captum

`python benchmarks/explainers.py --write docs/explainers.md`: the five methods that cover parts of a
picture, ours and those of captum {version("captum")}, on the same networks, pictures and machine ({machine}),
in one run of {minutes:.0f} minutes.

## Time to equal error

For each of captum's budgets, its time over the least time in which ours has no larger error: the least, the
median and the largest of these ratios. Feature ablation and occlusion give the same numbers on both sides
(largest difference in brackets), so that the ratio is that of the times. *Outside* is the share of the time
in which the network did not work.

| setting | method | images | least | median | largest | outside, ours | outside, captum |
|---|---|---|---|---|---|---|---|
{summary}

![Root of the relative squared error over the inputs shown to the network](explainers.svg)

{_HOW}
## Numbers

{details}"""


def _summary(name: str, results: Sequence["Result"]) -> Iterator[str]:
    for result in results:
        for images, sides in result.times.items():
            ratios = sorted(row[-1] for row in _rows(result, images))
            cells = [f"{ratios[at]:.1f}" for at in (0, len(ratios) // 2, -1)]
            if not result.contest.sampled:
                cells = [f"{ratios[0]:.1f}", f"({result.difference:.0e})", ""]
            outside = [f"{100 * sides[side].outside:.0f} %" for side in ("ours", "captum")]
            yield f"| {' | '.join([name, result.contest.name, str(images), *cells, *outside])} |"


def _rows(result: "Result", images: int) -> list[tuple[float, ...]]:
    """Captum's budget, the root of its error, its seconds, our seconds to no larger error, the ratio."""
    from explainers import least_time

    sides = result.times[images]
    if not result.contest.sampled:
        theirs, ours = sides["captum"].seconds[0], sides["ours"].seconds[0]
        return [(0, 0.0, theirs, ours, theirs / ours)]
    rows: list[tuple[float, ...]] = []
    for budget, error in result.errors["captum"].items():
        theirs, ours = sides["captum"].at(budget), least_time(result, images, error)
        rows.append((budget, math.sqrt(error), theirs, ours, theirs / ours))
    return rows


def _details(name: str, results: Sequence["Result"]) -> str:
    lines = [f"### {name}", ""]
    for result in results:
        if not result.contest.sampled:
            continue
        lines += [f"{result.contest.name}, root of the error of ours: {_errors(result)}.", ""]
    lines += [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for result in results:
        for images, sides in result.times.items():
            batch = f"{sides['ours'].rows} / {sides['captum'].rows}"
            for budget, error, theirs, ours, ratio in _rows(result, images):
                what = [f"{budget:.0f}", f"{error:.4f}"] if budget else ["", "none"]
                cells = [result.contest.name, str(images), batch, *what]
                lines.append(f"| {' | '.join(cells)} | {theirs:.3g} | {ours:.3g} | {ratio:.1f} |")
    return "\n".join([*lines, ""])


def _errors(result: "Result") -> str:
    ours = result.errors["ours"].items()
    return ", ".join(f"{math.sqrt(error):.4f} at {budget}" for budget, error in ours)


def draw(found: Found, path: Path) -> None:
    """Error at each budget, one panel per setting and sampled method."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "auditkit"
    from matplotlib import pyplot as plt

    shown = {name: [r for r in results if r.contest.sampled] for name, results in found.items()}
    columns = max(len(results) for results in shown.values())
    figure, axes = plt.subplots(
        len(shown), columns, figsize=(9, 2.8 * len(shown)), layout="constrained", squeeze=False
    )
    for row, (name, results) in zip(axes, shown.items(), strict=True):
        row[0].set_ylabel("root of relative error")
        for panel, result in zip(row, results, strict=False):
            panel.set_title(f"{result.contest.name}\n{name}", fontsize=8)
            panel.set_xlabel("inputs shown to the network", fontsize=8)
            for side, style in (("captum", "o--"), ("ours", "s-")):
                points = [(n, math.sqrt(e)) for n, e in result.errors[side].items() if e > 1e-12]
                if points:
                    panel.loglog(*zip(*points, strict=True), style, label=side, markersize=3)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
