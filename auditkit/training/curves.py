"""Loss curves of a run: curves.csv and curves.svg."""

import csv
from dataclasses import dataclass
from pathlib import Path

EVERY = 10
"""Steps behind each row."""


@dataclass(frozen=True)
class Point:
    """Training loss (a mean over the steps since the last point) or validation loss after a step."""

    step: int
    learning_rate: float
    loss: float | None = None
    validation: float | None = None


def write_csv(path: Path, points: list[Point]) -> None:
    """Write points as a table; what is not known is empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["step", "learning_rate", "loss", "validation_loss"])
        for point in points:
            known = ["" if value is None else value for value in (point.loss, point.validation)]
            table.writerow([point.step, point.learning_rate, *known])


def read_csv(path: Path) -> list[Point]:
    """Points of a table; none if there is no table."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Point(
                int(row["step"]),
                float(row["learning_rate"]),
                float(row["loss"]) if row["loss"] else None,
                float(row["validation_loss"]) if row["validation_loss"] else None,
            )
            for row in csv.DictReader(file)
        ]


def draw(path: Path, points: list[Point]) -> None:
    """Draw training and validation loss over the steps."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "auditkit", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.add_subplot()
        trained = [(p.step, p.loss) for p in points if p.loss is not None]
        validated = [(p.step, p.validation) for p in points if p.validation is not None]
        if trained:
            axes.plot(*zip(*trained, strict=True), linewidth=0.8, color="#8899aa", label="training")
        if validated:
            axes.plot(*zip(*validated, strict=True), "o-", color="#b03030", label="validation")
        axes.set(xlabel="step", ylabel="mean squared error", yscale="log")
        if trained or validated:
            axes.legend()
        figure.savefig(path, metadata={"Date": None})
