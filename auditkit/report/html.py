"""results.json as one HTML file that needs nothing else: no network, no other file.

A page with pictures to browse has one script, which its policy allows by digest; all is there without, too.
"""

import hashlib
import re
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from auditkit.report import guidelines, words
from auditkit.report.banners import banners
from auditkit.report.bars import bar
from auditkit.report.counterfactuals import cases_of
from auditkit.report.galleries import assets_of
from auditkit.report.grids import data_grids
from auditkit.report.pictures import Pictures
from auditkit.report.scripts import in_script, script, script_digest
from auditkit.report.sections import Anchors, Images, chapters
from auditkit.results import Results, to_json, write_whole
from auditkit.verdict import Verdict

NAME: Final = "report.html"
# Ids that the templates themselves give.
_OWN_IDS: Final = (
    "contents decision subject verdicts guidelines sign-off audits data dossier method environment limits "
    "where gallery-assets"
)


def write(results: Results, folder: Path) -> Path:
    """Render the report and write it into the run's folder, whole or not at all.

    Args:
        results: the run.
        folder: the run's folder, which holds the example images.

    Returns:
        Path of the file.

    Raises:
        AuditError: the folder cannot be written.
    """
    path = folder / NAME
    write_whole(path, render(results, folder).encode("utf-8"))
    return path


def render(results: Results, folder: Path) -> str:
    """The report as text: the same results and images give the same bytes.

    Args:
        results: the run.
        folder: the run's folder, which holds the example images.

    Returns:
        An HTML document.
    """
    # As the file holds them, so that a run in memory and its results.json give the same page.
    text = to_json(results)
    results = Results.model_validate_json(text)
    pictures = Pictures(folder)
    images = Images(pictures, assets_of(results, folder), cases_of(results, folder))
    found = chapters(results, images, Anchors(set(_OWN_IDS.split())))
    parts = _parts(results)
    program = script(*parts)
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            banners=banners(results),
            chapters=found,
            guided=[chapter for chapter in found if chapter.guidelines],
            pictures=[picture for picture in pictures.embedded.values() if picture.uri],
            data_grids={data.data: data_grids(data) for data in results.data},
            command=shlex.join(results.run.command),
            digest=hashlib.sha256(text.encode("utf-8")).hexdigest(),
            style=_style(results, parts),
            assets=in_script(images.assets.texts) if "gallery" in parts else "",
            script=program,
            script_digest=script_digest(program),
        )
    )


def page_environment() -> Environment:
    """Templates with the filters that pages use."""
    environment = Environment(
        loader=PackageLoader("auditkit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"verdict_words": list(Verdict), "meanings": words.MEANINGS}
    environment.globals["guidelines_paper"] = guidelines.PAPER
    environment.filters |= {
        "at": words.at,
        "bar": bar,
        "breakable": breakable,
        "counted": words.counted,
        "decision": words.decision,
        "estimate": words.estimate,
        "label": words.label,
        "linked": linked,
        "p_value": words.p_value,
        "percent": words.percent,
        "plain": words.plain,
        "qualifier": words.qualifier,
        "signed": words.signed,
        "stated": words.stated,
    }
    return environment


def _harmless(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else words.shown(value)


def _parts(results: Results) -> list[str]:
    """What the page has beyond text and figures: each part has a style sheet and a program."""
    galleries = any(audit.galleries for audit in results.audits)
    cases = any(audit.counterfactuals for audit in results.audits)
    return ["gallery"] * galleries + ["counterfactuals"] * cases


def _style(results: Results, parts: Sequence[str]) -> Markup:
    """The style sheet, and the run's name at the foot of every printed page."""
    folder = files("auditkit.report").joinpath("templates")
    sheets = [
        folder.joinpath(f"{name}.css").read_text(encoding="utf-8") for name in ("report", *parts)
    ]
    sheet = "\n".join(sheets)
    name = re.sub(r"[^A-Za-z0-9_.:+-]", "", results.run.id)
    return Markup(sheet.replace("RUN-NAME", name))  # noqa: S704 our sheet, and letters only


def breakable(text: str) -> Markup:
    """A technical name that may be broken after its separators."""
    return Markup(re.sub(r"([._/])(?=\w)", r"\1<wbr>", str(escape(words.shown(text)))))  # noqa: S704 escaped first


def linked(text: str) -> Markup:
    """Text in which DOIs and arXiv ids are links."""
    safe = str(escape(words.shown(text)))
    safe = re.sub(
        r"(?i)\b(doi:\s?)(10\.\d{4,9}/[\w.()/:-]*\w)",
        r'<a href="https://doi.org/\2" rel="noreferrer">\1\2</a>',
        safe,
    )
    safe = re.sub(
        r"(?i)\b(arxiv:\s?)(\d{4}\.\d{4,5})",
        r'<a href="https://arxiv.org/abs/\2" rel="noreferrer">\1\2</a>',
        safe,
    )
    return Markup(safe)  # noqa: S704 escaped first; only the two patterns become links
