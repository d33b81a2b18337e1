"""`auditkit doctor [PATHS]`: what is missing or mismatched on this machine."""

import argparse
import dataclasses
import json
from pathlib import Path

from auditkit.commands.store import STORE
from auditkit.errors import AuditError


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register ``doctor``."""
    command = commands.add_parser("doctor", help="what is missing or mismatched on this machine")
    command.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="cards or their folders (default: here)"
    )
    command.add_argument("--store", default=STORE, metavar="PLACE", help=f"default: {STORE}")
    command.add_argument("--json", action="store_true", help="findings as JSON")
    command.set_defaults(run=doctor)


def doctor(given: argparse.Namespace) -> int:
    """Print findings; 0 if nothing wants mending, else 1.

    Raises:
        AuditError: a path is not there.
    """
    from auditkit.doctor.examine import examine

    for path in given.paths:
        if not path.exists():
            raise AuditError(
                f"{path}: there is no such file or folder; a card or a folder was expected"
            )
    found = examine(given.paths or [Path()], given.store)
    bad = sum(finding.bad for finding in found)
    if given.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in found], indent=1))
        return 1 if bad else 0
    width = max(len(finding.subject) for finding in found)
    for finding in found:
        mend = f"\n{'':<{width + 9}} -> {finding.mend}" if finding.mend else ""
        print(f"{finding.status:<8} {finding.subject:<{width}}  {finding.found}{mend}")
    notes = sum(finding.status == "note" for finding in found)
    print(f"\n{bad} to mend, {notes} notes, {len(found) - bad - notes} fine")
    return 1 if bad else 0
