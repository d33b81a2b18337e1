"""The renderings of a run, by name: each a function of results.json, the pictures beside it and a language.

What a format needs is imported when it is asked for: Markdown needs no figures, and a PDF an extra.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from auditkit.report.language import Language
from auditkit.results import Results, folder


@dataclass(frozen=True)
class Rendering:
    """One format.

    Attributes:
        file: name of its file in the run's folder.
        render: its bytes, of the results, the run's folder and the language; the same give the same.
    """

    file: str
    render: Callable[[Results, Path, Language], bytes]


def _html(results: Results, place: Path, t: Language) -> bytes:
    from auditkit.report.html import render

    return render(results, place, t).encode("utf-8")


def _pdf(results: Results, place: Path, t: Language) -> bytes:
    from auditkit.report.pdf import render

    return render(results, place, t)


def _markdown(results: Results, _: Path, t: Language) -> bytes:
    from auditkit.report.markdown import COMMENT, summary

    return summary(results, t, COMMENT).encode("utf-8")


def _junit(results: Results, _: Path, __: Language) -> bytes:
    """For machines: English in every language."""
    from auditkit.report.junit import render

    return render(results)


def _terminal(results: Results, _: Path, __: Language) -> bytes:
    from auditkit.report.terminal import render

    return render(results).encode("utf-8")


# pytest wrote a JUnit file of its own into the folder, which stays as it is.
RENDERINGS: Final[Mapping[str, Rendering]] = MappingProxyType(
    {
        "html": Rendering(folder.REPORT, _html),
        "pdf": Rendering(folder.PDF, _pdf),
        "markdown": Rendering(folder.MARKDOWN, _markdown),
        "junit": Rendering("report.junit.xml", _junit),
        "terminal": Rendering("report.txt", _terminal),
    }
)
