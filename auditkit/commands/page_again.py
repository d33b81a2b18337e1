"""Whether report.html is the page that results.json gives: it is rendered again and compared."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from auditkit import __version__
from auditkit.attestation.manifest import Problem
from auditkit.attestation.outcome import Line, line
from auditkit.results import Results
from auditkit.results.folder import REPORT, REQUIREMENTS

# What a page's bytes depend on beside results and pictures.
_DRAWING = ("jinja2", "markupsafe", "matplotlib", "numpy", "pillow")
_SUBJECT = "page"
_PROVES = "the page shows what results.json says, and nothing else"


def check_page(results: Results, folder: Path) -> Line:
    """Render the report of a run again and hold it against the one that is there.

    Other versions may draw other bytes: where they differ, a difference is no proof of anything.
    """
    wrong = _difference(results, folder)
    if not wrong:
        return line(_SUBJECT, "the page is what results.json says, byte for byte", _PROVES)
    others = _other_versions(results, folder)
    if others:
        says = f"the page {wrong}, but it was drawn by {', '.join(others)}"
        return Line(_SUBJECT, "not checked", says, "")
    says = "the page is NOT what results.json says"
    return line(_SUBJECT, says, _PROVES, (Problem(REPORT, wrong),))


def _difference(results: Results, folder: Path) -> str:
    """How the page differs from a new rendering; empty if it does not."""
    from auditkit.report.html import render

    try:
        same = render(results, folder).encode() == (folder / REPORT).read_bytes()
    except Exception as error:  # noqa: BLE001 whatever a forged file makes the renderer raise
        return f"cannot be rendered again ({type(error).__name__}: {error})"
    return "" if same else "is not the page that results.json gives"


def _other_versions(results: Results, folder: Path) -> list[str]:
    """What drew the page and is here in another version, or not at all."""
    from auditkit.environment import page_version

    then = {**_listed(folder), **results.environment.packages}
    found = (
        []
        if results.environment.auditkit == __version__
        else [f"auditkit {results.environment.auditkit}"]
    )
    if not found and results.environment.page_sha256 != page_version():
        found.append(f"other code of auditkit {__version__}")
    for package in _DRAWING:
        try:
            here = version(package)
        except PackageNotFoundError:
            here = ""
        if then.get(package, here) != here:
            found.append(f"{package} {then[package]} (here: {here or 'none'})")
    return found


def _listed(folder: Path) -> dict[str, str]:
    """The versions in requirements.txt, as `name==version`."""
    try:
        text = (folder / REQUIREMENTS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    lines = re.findall(r"(?m)^([A-Za-z0-9._-]+)==(\S+)", text)
    return {re.sub(r"[-_.]+", "-", name).lower(): number for name, number in lines}
