"""`auditkit compare`: two runs side by side, and whether what changed is within limits."""

import argparse
import sys
from pathlib import Path

FORMATS = ("terminal", "markdown", "json", "html")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `auditkit compare`."""
    compare = commands.add_parser(
        "compare",
        help="two runs side by side: verdicts, paired differences, what changed",
        description="Exit status 0: within the limits; 1: outside; 2: bad input.",
    )
    compare.add_argument("old", type=Path, metavar="OLD", help="folder of the earlier run")
    compare.add_argument("new", type=Path, metavar="NEW", help="folder of the later run")
    compare.add_argument(
        "--limits",
        type=Path,
        metavar="FILE",
        help="predetermined limits of change, a *.limits.yaml (default: no blocking verdict may be "
        "worse, no regression claimed)",
    )
    compare.add_argument("--format", choices=FORMATS, default="terminal", help="default: terminal")
    compare.add_argument(
        "--out", type=Path, metavar="FILE", help="where to (default: the terminal)"
    )
    compare.set_defaults(run=run_compare)


def run_compare(given: argparse.Namespace) -> int:
    """Compare, render what was asked for, and return the exit status."""
    from auditkit.comparison.compare import compare
    from auditkit.comparison.limits import LimitsFile
    from auditkit.errors import AuditError
    from auditkit.report.comparison import RENDERINGS
    from auditkit.results import write_whole

    if given.out is not None and given.out.is_dir():
        raise AuditError(f"--out {given.out} is a folder; the name of a file was expected")
    limits = LimitsFile.read(given.limits) if given.limits is not None else None
    result = compare(given.old, given.new, limits)
    text = RENDERINGS[given.format](result)
    if given.out is None:
        sys.stdout.write(text)
    else:
        write_whole(given.out, text.encode("utf-8"))
        sys.stdout.write(f"{given.out}\n")
    return 0 if result.within else 1
