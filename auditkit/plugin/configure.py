"""The beginning of a run: options resolved, the folder checked, the listener set up."""

import os
import shutil
from pathlib import Path

import pytest

from auditkit.errors import AuditError
from auditkit.plugin.keys import OPTIONS
from auditkit.plugin.options import is_worker, read_options, worker_input
from auditkit.plugin.pinning import pin_gpu
from auditkit.plugin.recording import CollectionListener, Listener


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Resolve names at once, so that a misspelt model ends the run before it begins."""
    try:
        options = read_options(config)
    except AuditError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[OPTIONS] = options
    if is_worker(config):
        pin_gpu(worker_input(config).get("workerid", ""), options.device)
    # diffusers' schedulers meet NumPy 2 once per batch; nobody who runs audits can mend it.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy keyword"
    )
    config.pluginmanager.register(CollectionListener(config), "auditkit-collection")
    if not is_worker(config):
        config.pluginmanager.register(Listener(config), "auditkit-listener")
    if not options.models or config.option.collectonly or is_worker(config):
        return
    if options.release and getattr(config.option, "reruns", None):
        raise pytest.UsageError(
            "--audit-release refuses --reruns: running again until green is no audit"
        )
    _check_writable(options.folder)
    _clear(options.folder)
    if hasattr(config.option, "xmlpath") and not config.option.xmlpath:
        config.option.xmlpath = str(options.folder / "junit.xml")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is audited."""
    options = config.stash[OPTIONS]
    if not options.models:
        return None
    names = [card.model + (" (stand-in)" if card.stand_in else "") for card in options.models]
    return f"audit: {', '.join(names)}; evidence in {_place(options.store, config)}"


def _place(store: Path | str, config: pytest.Config) -> str:
    return _short(store, config) if isinstance(store, Path) else store


def _check_writable(folder: Path) -> None:
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise pytest.UsageError(
            f"the report folder {folder} cannot be written; choose another with --audit-report"
        )


def _clear(folder: Path) -> None:
    """Take away what an earlier run has left in the folder, since everything in it will be sealed."""
    from auditkit.results.folder import RESULTS, SIGNATURES, WRITTEN

    if not folder.is_dir():
        return
    if (folder / RESULTS).is_file():
        signed = folder / SIGNATURES
        if signed.is_dir() and any(signed.iterdir()):
            raise pytest.UsageError(
                f"{folder} holds a signed report; choose another folder with --audit-report"
            )
        for name in WRITTEN:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if others:
        raise pytest.UsageError(
            f"{folder} holds other files ({', '.join(others[:3])}), and all that is in a report's folder is "
            "sealed with it; choose a new or empty one with --audit-report"
        )


def _short(path: Path, config: pytest.Config) -> str:
    return (
        str(path.relative_to(config.rootpath))
        if path.is_relative_to(config.rootpath)
        else str(path)
    )
