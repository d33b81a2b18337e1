"""`auditkit gate`: stored results judged under another policy; nothing is measured again."""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit.errors import AuditError

if TYPE_CHECKING:
    from datetime import date

    from auditkit.gating import Stored
    from auditkit.results import Results
    from auditkit.spec.profile import Profile

FORMATS = ("terminal", "markdown", "json")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `auditkit gate`."""
    gate = commands.add_parser("gate", help="judge stored results under another policy")
    gate.add_argument(
        "folder", type=Path, metavar="RUN", help="a run's folder, or its results.json"
    )
    gate.add_argument(
        "--profile",
        metavar="NAME|FILE",
        help="limits, severities and waivers (default: those of the run)",
    )
    gate.add_argument(
        "--today",
        metavar="DATE",
        help="day on which waivers have to hold, YYYY-MM-DD (default: today, UTC)",
    )
    gate.add_argument(
        "--format", choices=FORMATS, default="terminal", help="what is printed (default: terminal)"
    )
    gate.set_defaults(run=run_gate)


def run_gate(given: argparse.Namespace) -> int:
    """Judge and print; 0 if every model's release may pass, else 1."""
    from auditkit.commands.gate_text import in_markdown, in_terminal
    from auditkit.gating import check_names, gate

    stored = _stored(given.folder)
    profile = _profile(given.profile, given.folder, stored.results) if given.profile else None
    if profile is not None:
        check_names(profile, stored.results)
    origin = _origin(profile.path) if profile is not None else ""
    found = gate(stored, profile, _today(given.today), origin)
    if given.format == "json":
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
    else:
        sys.stdout.write(in_markdown(found) if given.format == "markdown" else in_terminal(found))
    return 0 if found.passes else 1


def _stored(path: Path) -> "Stored":
    from pydantic import ValidationError

    from auditkit.gating import Stored
    from auditkit.results import Results
    from auditkit.results.folder import RESULTS

    file = path / RESULTS if path.is_dir() else path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise AuditError(f"{file} cannot be read: {error.strerror}") from error
    try:
        results = Results.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AuditError(f"{file} is no results.json: {place}: {first['msg']}") from error
    return Stored(results, hashlib.sha256(content).hexdigest(), file.parent)


def _profile(name: str, run: Path, results: "Results") -> "Profile":
    from auditkit.spec.profile import find_profile

    specs = {Path(verdict.file).parent for verdict in results.verdicts}
    places = [folder for folder in sorted(specs) if folder.is_dir()]
    return find_profile(name, places or [run], Path.cwd())


def _today(text: str | None) -> "date":
    import datetime as dt

    if text is None:
        return dt.datetime.now(dt.UTC).date()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise AuditError(f"--today {text}: a date was expected, YYYY-MM-DD") from None


def _origin(path: Path) -> str:
    here = Path.cwd()
    whole = path.resolve()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.as_posix()
