"""benchmark.json as one HTML file that needs nothing else: no network, no other file, no script."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Final

from markupsafe import Markup

from auditkit.benchmarking.result import NAME as JSON
from auditkit.benchmarking.result import BenchmarkResult, TargetResult, read, to_text
from auditkit.report.figures import draw
from auditkit.report.grids import Grid, grid, numbers
from auditkit.report.sections import Anchors, Drawing
from auditkit.report.templating import page_environment
from auditkit.results import FigureResult, TableResult, write_whole

NAME: Final = "benchmark.html"
# Ids that the template itself gives.
_OWN_IDS: Final = ("reading", "tables", "figures", "targets", "provenance")


def write_benchmark(folder: Path) -> Path:
    """Render a folder's benchmark.json into benchmark.html beside it, whole or not at all.

    Args:
        folder: where benchmark.json is.

    Returns:
        Path of the page.

    Raises:
        AuditError: there is no benchmark.json of this version, or the folder cannot be written.
    """
    path = folder / NAME
    write_whole(path, render_benchmark(read(folder)).encode("utf-8"))
    return path


def render_benchmark(result: BenchmarkResult) -> str:
    """The page as text: the same results give the same bytes."""
    anchors = Anchors(set(_OWN_IDS))
    template = page_environment().get_template("benchmark.html.j2")
    digest = hashlib.sha256(to_text(result).encode("utf-8")).hexdigest()
    return template.render(
        result=result,
        drawings=[_drawing(figure, anchors) for figure in result.figures],
        tables=[grid(table) for table in result.tables],
        targets=[_importances(result, name) for name in _ranked(result)],
        style=_style(),
        digest=digest,
    )


def _drawing(figure: FigureResult, anchors: Anchors) -> Drawing:
    own = numbers(figure, file=JSON)
    return Drawing(figure, draw(figure, anchors("figure", figure.name)), own)


def _ranked(result: BenchmarkResult) -> list[str]:
    """Oracles and methods, in order."""
    return list(
        dict.fromkeys(
            [one.oracle for one in result.agreement] + [one.method for one in result.agreement]
        )
    )


def _importances(result: BenchmarkResult, name: str) -> Grid:
    """What one method says of every target."""
    concepts = [one.concept for one in result.concepts]
    rows = [_row(target, name, concepts) for target in result.targets]
    title = f"Importance by {name}"
    return grid(
        TableResult(name=title, title=title, columns=["target", *concepts], rows=rows, caption="")
    )


def _row(target: TargetResult, name: str, concepts: list[str]) -> list[str]:
    found = target.importance[name]
    cells = [found[concept] for concept in concepts]
    return [target.name, *("not evaluable" if cell is None else f"{cell:.4f}" for cell in cells)]


def _style() -> Markup:
    sheet = files("auditkit.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    return Markup(sheet.replace("RUN-NAME", "DEPICT benchmark"))  # noqa: S704 our sheet
