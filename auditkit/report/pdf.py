"""The report as a tagged PDF on A4, laid out by WeasyPrint from the same page that browsers show.

Nothing is fetched: the page holds all that it needs, and whatever else it might ask for is refused.
"""

import contextlib
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from PIL import ImageFile

from auditkit.errors import AuditError
from auditkit.report import html
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.paper import for_paper
from auditkit.results import Results, to_json

# Tagged, with a language, a title and alternative texts, as ISO 14289-1 asks.
_EPOCH: Final = "SOURCE_DATE_EPOCH"
_OPTIONS: Final = {"pdf_variant": "pdf/ua-1", "pdf_tags": True, "presentational_hints": True}


def render(results: Results, folder: Path, t: Language = IN_ENGLISH) -> bytes:
    """The document; the same results, pictures, packages and fonts give the same bytes.

    Args:
        results: the run.
        folder: the run's folder, which holds the example images.
        t: the language of the texts.

    Raises:
        AuditError: WeasyPrint is not installed.
    """
    drawn_by = engine()
    sha256 = hashlib.sha256(to_json(results).encode("utf-8")).hexdigest()
    page = drawn_by.HTML(string=html.render(results, folder, t), url_fetcher=fetcher())
    for_paper(
        page.etree_element,
        _sheet(results.run.id, sha256),
        lambda count: t("markdown.left-out", count=count),
    )
    document = page.render(**_OPTIONS)
    document.metadata.generator = f"auditkit {results.environment.auditkit}"
    document.metadata.created = document.metadata.modified = _date(results.run.finished)
    document.metadata.description = f"sha256 of results.json: {sha256}"
    with _undated_fonts():
        written: bytes = document.write_pdf(pdf_identifier=bytes.fromhex(sha256[:32]), **_OPTIONS)
    return written


@contextlib.contextmanager
def _undated_fonts() -> Iterator[None]:
    """Fonts cut to the letters in use are dated by fontTools; without this, by the second they are cut in."""
    before = os.environ.get(_EPOCH)
    os.environ[_EPOCH] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_EPOCH]
        else:
            os.environ[_EPOCH] = before


def engine() -> ModuleType:
    """WeasyPrint, with everything that it draws with.

    Raises:
        AuditError: something of it is not installed.
    """
    # WeasyPrint has Pillow accept truncated pictures everywhere, which audits must refuse.
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        found = import_module("weasyprint")
    except ImportError as error:
        raise AuditError(
            'a PDF needs WeasyPrint, which is not installed; run: pip install "pytest-auditkit[pdf]"'
        ) from error
    except OSError as error:
        raise AuditError(
            f"WeasyPrint is installed, but a library that it draws with is not: {error}; install Pango"
        ) from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
    # What a browser knows of CSS and an engine for paper does not is no news to the reader.
    for name in ("weasyprint", "fontTools"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return found


def fetcher() -> Any:
    """Reads data URIs and refuses whatever else a page may name, files and redirections included."""
    urls = import_module("weasyprint.urls")
    return urls.URLFetcher(allowed_protocols=["data"], allow_redirects=False)


def _date(text: str) -> str | None:
    """A date of results.json as a PDF takes it, if it is one."""
    try:
        return datetime.fromisoformat(text).isoformat(timespec="seconds")
    except ValueError:
        return None


def _sheet(run: str, sha256: str) -> str:
    """The style sheet of print; what stands on every page is letters and digits only."""
    sheet = files("auditkit.report").joinpath("templates", "pdf.css").read_text(encoding="utf-8")
    name = re.sub(r"[^A-Za-z0-9_.:+-]", "", run)[:80]
    return sheet.replace("RUN-NAME", name).replace("RESULTS-SHA256", sha256)
