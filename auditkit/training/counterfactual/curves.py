"""Curves of all loss terms, as in the paper's Supplementary Figs. 5 and 6: curves.csv and curves.svg."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from auditkit.spec.training_counterfactual import Weights

TERMS = ("discriminator", "gan", "reconstruction", "cycle", "classifier")
# Of the grey line; a picture of more is as large as a sample sheet, and no clearer.
_DRAWN = 1500
# The paper's share of a new value in its average, and its number of steps times that.
_SLOWEST, _SPANS = 0.001, 60.0
Row = tuple[int, tuple[float, ...]]


def row(step: int, terms: Mapping[str, float], weights: Weights) -> Row:
    """The terms after a step, each times its weight, as the paper plots them; in `TERMS`' order."""
    scale = {**weights.model_dump(), "discriminator": weights.gan}
    # Six digits, so that a table that was read gives the table again.
    return step, tuple(float(f"{scale[name] * terms[name]:.6g}") for name in TERMS)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a table."""
    half = path.with_name(f".half-{path.name}")
    with half.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["step", *TERMS])
        table.writerows([step, *values] for step, values in rows)
    half.replace(path)


def read_csv(path: Path) -> list[Row]:
    """Rows of a table; none if there is no table."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [(int(one["step"]), tuple(float(one[name]) for name in TERMS)) for one in rows]


def averaged(values: Sequence[float], share: float) -> list[float]:
    """Exponential moving average a_t = (1 - s) a_(t-1) + s v_t from a_0 = v_0.

    Example:
        >>> averaged([1.0, 3.0, 3.0], 0.5)
        [1.0, 2.0, 2.5]
    """
    found: list[float] = []
    for value in values:
        found.append(found[-1] + share * (value - found[-1]) if found else value)
    return found


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw each term: what it was at each step in grey, its moving average in black."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    if not rows:
        return
    steps, values = [step for step, _ in rows], np.array([given for _, given in rows])
    share = min(1.0, max(_SLOWEST, _SPANS / len(rows)))
    shown = np.unique(np.linspace(0, len(rows) - 1, _DRAWN).astype(int))
    with rc_context({"svg.hashsalt": "auditkit", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 2.4), layout="constrained")
        for axes, name, term in zip(figure.subplots(1, len(TERMS)), TERMS, values.T, strict=True):
            smooth = np.array(averaged(term.tolist(), share))
            axes.plot(np.array(steps)[shown], term[shown], color="#b8b8b8", linewidth=0.6)
            axes.plot(np.array(steps)[shown], smooth[shown], color="black", linewidth=1.2)
            axes.set(title=name, xlabel="step")
        figure.savefig(path, metadata={"Date": None})
