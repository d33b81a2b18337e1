"""`auditkit report`: results.json as a page, a PDF, Markdown, JUnit XML or a table."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit.errors import AuditError

if TYPE_CHECKING:
    from auditkit.report.language import Language
    from auditkit.results import Results

FORMATS = ("html", "pdf", "markdown", "junit", "terminal")
ALL = "all"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `auditkit report`."""
    report = commands.add_parser("report", help="render a run's results.json again")
    report.add_argument("folder", type=Path, metavar="RUN", help="a run's folder")
    report.add_argument(
        "--format",
        choices=(*FORMATS, ALL),
        default="html",
        help="what to render (default: html); a PDF needs the extra `pdf`",
    )
    report.add_argument(
        "--language",
        metavar="LANG",
        help="language of the fixed texts, such as en (default: that of the run)",
    )
    report.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where to (default: beside results.json; a table goes to the terminal)",
    )
    report.set_defaults(run=run_report)


def run_report(given: argparse.Namespace) -> int:
    """Render what was asked for; returns the exit status."""
    from auditkit.report.language import Language

    if given.out is not None and given.format == ALL:
        raise AuditError("--out names one file, but --format all gives several; name one format")
    results = _read(given.folder / "results.json")
    t = Language(given.language or results.language)
    if given.format == "terminal" and given.out is None:
        _print(results)
        return 0
    for name in FORMATS if given.format == ALL else (given.format,):
        sys.stdout.write(f"{_write(name, results, given.folder, t, given.out)}\n")
    return 0


def _write(name: str, results: "Results", folder: Path, t: "Language", out: Path | None) -> Path:
    from auditkit.report.renderings import RENDERINGS
    from auditkit.results import write_whole

    rendering = RENDERINGS[name]
    path = out or folder / rendering.file
    if path.is_dir():
        raise AuditError(f"--out {path} is a folder; the name of a file was expected")
    content = rendering.render(results, folder, t)
    if out is None:
        _leave_signed_alone(folder, path, content)
    write_whole(path, content)
    return path


def _leave_signed_alone(folder: Path, path: Path, content: bytes) -> None:
    """What somebody has signed is not changed unawares; the same bytes change nothing."""
    from auditkit.results.folder import SIGNATURES

    signed = folder / SIGNATURES
    same = path.is_file() and path.read_bytes() == content
    if not same and signed.is_dir() and any(signed.iterdir()):
        raise AuditError(
            f"{folder} is signed, and {path.name} would be another file than the one signed for; write it "
            "elsewhere with --out"
        )


def _print(results: "Results") -> None:
    from auditkit.report.terminal import render, wants_colour

    sys.stdout.write(render(results, coloured=wants_colour(sys.stdout)))


def _read(file: Path) -> "Results":
    from pydantic import ValidationError

    from auditkit.results import read_results

    try:
        return read_results(file)
    except OSError as error:
        raise AuditError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AuditError(f"{file} is not a results file: it is not UTF-8") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AuditError(
            f"{file} is not a results file of this version: {place}: {first['msg']}"
        ) from error
