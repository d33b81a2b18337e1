"""results.json as one HTML file that needs nothing else: no network, no other file.

A page with pictures to browse has one script, which its policy allows by digest; all is there without, too.
"""

import hashlib
import re
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from auditkit.report import glossary, guidelines
from auditkit.report.banners import banners, stand_ins
from auditkit.report.counterfactuals import cases_of
from auditkit.report.crosswalk import answers
from auditkit.report.dossiers import dossiers
from auditkit.report.galleries import assets_of
from auditkit.report.grids import data_grids
from auditkit.report.language import Language
from auditkit.report.overview import glances, signatures
from auditkit.report.pictures import Pictures
from auditkit.report.scripts import in_script, script, script_digest, script_texts
from auditkit.report.sections import Anchors, Chapter, Images, Section, chapters
from auditkit.report.summary import summaries
from auditkit.report.templating import page_environment
from auditkit.report.triangulated import CHECK
from auditkit.results import Results, to_json, write_whole

NAME: Final = "report.html"
SECTIONS: Final = (
    "summary",
    "triangulation",
    "verdicts",
    "guidelines",
    "comparison",
    "subject",
    "assumptions",
    "audits",
    "data",
    "dossier",
    "method",
    "deviations",
    "environment",
    "integrity",
    "limits",
    "glossary",
    "crosswalk",
)
"""Sections of the page after its first one, in order; a section of which there is nothing is left out."""
MOST_ITEMS: Final = 4
"""Of a banner, so that the first page stays one; all of them stand among the deviations."""
# Ids that the templates give beside these.
_OWN_IDS: Final = (
    "identity",
    "decision",
    "glance",
    "registration",
    "sign-off",
    "contents",
    "multiplicity",
    "privacy",
    "gallery-assets",
    "texts",
)


def write(results: Results, folder: Path, language: str | Language | None = None) -> Path:
    """Render the report and write it into the run's folder, whole or not at all.

    Args:
        results: the run.
        folder: the run's folder, which holds the example images.
        language: in place of the run's own.

    Returns:
        Path of the file.

    Raises:
        AuditError: the folder cannot be written, or there is no such language.
    """
    path = folder / NAME
    write_whole(path, render(results, folder, language).encode("utf-8"))
    return path


def render(results: Results, folder: Path, language: str | Language | None = None) -> str:
    """The report as text: the same results and images give the same bytes.

    Args:
        results: the run.
        folder: the run's folder, which holds the example images.
        language: in place of the run's own.

    Returns:
        An HTML document.

    Raises:
        AuditError: there is no such language.
    """
    t = language if isinstance(language, Language) else Language(language or results.language)
    # As the file holds them, so that a run in memory and its results.json give the same page.
    text = to_json(results)
    results = Results.model_validate_json(text)
    pictures = Pictures(folder, t=t)
    images = Images(pictures, assets_of(results, folder, t), cases_of(results, folder, t=t))
    anchors = Anchors({*_OWN_IDS, *SECTIONS})
    found = chapters(results, images, anchors, t)
    parts = _parts(results)
    program = script(*parts)
    return (
        page_environment(t)
        .get_template("report.html.j2")
        .render(
            **_view(results, found, t),
            chapters=found,
            pictures=[picture for picture in pictures.embedded.values() if picture.uri],
            digest=hashlib.sha256(text.encode("utf-8")).hexdigest(),
            style=_style(results, parts, t),
            assets=in_script(images.assets.texts) if "gallery" in parts else "",
            script=program,
            script_texts=script_texts(t) if program else "",
            script_digest=script_digest(program),
        )
    )


def _view(results: Results, found: Sequence[Chapter], t: Language) -> dict[str, Any]:
    """What the sections show beside the audits."""
    guided = [chapter for chapter in found if chapter.guidelines]
    compared = [verdict for verdict in results.verdicts if verdict.baseline]
    triangulated = [chapter for chapter in found if any(map(_triangulates, chapter.sections))]
    absent = {
        "guidelines": not guided,
        "comparison": not compared,
        "triangulation": not triangulated,
    }
    models = [chapter.model for chapter in found]
    return {
        "results": results,
        "banners": banners(results, t),
        "most_items": MOST_ITEMS,
        "stand_ins": stand_ins(results, t),
        "sections": [name for name in SECTIONS if not absent.get(name)],
        "glances": glances(results, models),
        "signatures": signatures(results),
        "summaries": summaries(results, t),
        "guided": guided,
        "triangulated": triangulated,
        "guidelines_paper": guidelines.PAPER,
        "compared": compared,
        "waived": [verdict for verdict in results.verdicts if verdict.waiver],
        "data_grids": {data.data: data_grids(data, t) for data in results.data},
        "dossiers": dossiers(results, t),
        "terms": sorted(
            glossary.terms(results), key=lambda term: t(f"glossary.{term}.term").casefold()
        ),
        "answers": answers(results, t),
        "command": shlex.join(results.run.command),
    }


def _triangulates(section: Section) -> bool:
    return section.audit.check == CHECK


def _parts(results: Results) -> list[str]:
    """What the page has beyond text and figures: each part has a style sheet and a program."""
    galleries = any(audit.galleries for audit in results.audits)
    cases = any(audit.counterfactuals for audit in results.audits)
    return ["gallery"] * galleries + ["counterfactuals"] * cases


def _style(results: Results, parts: Sequence[str], t: Language) -> Markup:
    """The style sheet, and the run's name at the foot of every printed page."""
    folder = files("auditkit.report").joinpath("templates")
    names = ("report", "front", *parts)
    sheets = [folder.joinpath(f"{name}.css").read_text(encoding="utf-8") for name in names]
    sheet = "\n".join(sheets)
    # Letters only: nothing may end the text of the style sheet in which it stands.
    foot = re.sub(r"[^\w .:+-]", "", f"{t('front.title')} {results.run.id}")
    return Markup(sheet.replace("RUN-NAME", foot))  # noqa: S704 our sheet, and letters only
