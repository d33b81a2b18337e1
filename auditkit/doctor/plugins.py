"""Checks of other packages, pytest and its plug-ins, and Chromium for those who develop."""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

from auditkit.doctor.finding import Finding
from auditkit.spec.declaration import CheckDeclaration
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.methods.base import Method
from auditkit.spec.plugins import CHECKS, METHODS


def plugins() -> Iterator[Finding]:
    """Findings about plug-ins."""
    yield from _declared(CHECKS, "check", _problem_of_check)
    yield from _declared(METHODS, "method", _problem_of_method)
    yield from _pytest()
    yield from _xdist()
    yield from _browser()


def _declared(group: str, what: str, problem: Callable[[Any], str]) -> Iterator[Finding]:
    """Each check or heatmap method that another package declares, loaded as specs load it."""
    for entry in entry_points(group=group):
        subject = f"{what} {entry.name}"
        mend = f"mend or remove the package that declares {entry.value}"
        try:
            wrong = problem(entry.load())
        except Exception as error:  # noqa: BLE001  a package may fail in any way
            wrong = f"{type(error).__name__}: {error}"
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        if wrong:
            yield Finding("wrong", subject, wrong, mend)
        else:
            yield Finding("ok", subject, f"of {package}")


def _problem_of_check(found: Any) -> str:
    if not isinstance(found, CheckDeclaration):
        return "is no CheckDeclaration"
    return f"'{found.name}' is the name of a shipped check" if found.name in SHIPPED else ""


def _problem_of_method(found: Any) -> str:
    fits = isinstance(found, type) and issubclass(found, Method)
    return "" if fits else "is no subclass of Method"


def _pytest() -> Iterator[Finding]:
    own = [e for e in entry_points(group="pytest11") if e.value.startswith("auditkit")]
    subject, found = "pytest", f"{version('pytest')}, plug-in auditkit"
    if not own:
        mend = 'install auditkit in this environment: pip install "pytest-auditkit"'
        yield Finding("wrong", subject, f"{found} is not registered", mend)
    elif "no:auditkit" in os.environ.get("PYTEST_ADDOPTS", ""):
        yield Finding("wrong", subject, f"{found} is switched off", "take it out of PYTEST_ADDOPTS")
    elif os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        mend = "unset PYTEST_DISABLE_PLUGIN_AUTOLOAD, or add -p auditkit"
        yield Finding("wrong", subject, f"{found} is not loaded by itself", mend)
    else:
        yield Finding("ok", subject, f"{found} active")


def _xdist() -> Iterator[Finding]:
    try:
        found = version("pytest-xdist")
    except PackageNotFoundError:
        yield Finding("ok", "pytest-xdist", "not installed; audits need it only for -n")
        return
    if found.startswith("3.8.") and version("pytest").startswith("9.2"):
        mend = "do not use --dist loadgroup; every other way works"
        yield Finding("note", "pytest-xdist", f"{found} with pytest {version('pytest')}", mend)
    else:
        yield Finding("ok", "pytest-xdist", found)


def _browser() -> Iterator[Finding]:
    """Chromium, for the tests of pages, where the packages of development are installed."""
    try:
        found = version("playwright")
    except PackageNotFoundError:
        return
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache/ms-playwright"))
    there = shutil.which("chromium") or next(cache.glob("chromium*"), None)
    if there is None:
        mend = "playwright install chromium (only for auditkit's own tests)"
        yield Finding("note", "Chromium", f"playwright {found} has none", mend)
    else:
        yield Finding("ok", "Chromium", "there, for auditkit's own tests")
