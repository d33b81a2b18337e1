"""Fifty random kills with resume, and what else may befall a run: what is computed again, and what is found.

Usage: python benchmarks/endurance.py [--kills 50] [--seed 1] [--engine inline|processes]
       [--only kills|faults] [--images 96] [--write docs/endurance.md]
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from endurance_faults import FAULTS, Fault, project
from endurance_kills import Endurance, Endured
from endurance_work import Audits
from figures_in_page import machine, put

ENGINES = ("inline", "processes")
WORKERS = 2
_KILLS = (
    "| engine | kills (driver, worker, while starting) | rounds | shards | computed again | "
    "in hand at kills | stolen | litter removed | seconds | |"
)
_FAULTS = "| what happened | engine | what came of it | |"


def kills_row(engine: str, found: Endured, problems: list[str]) -> str:
    """One engine's kills."""
    driver, early = sum(k.driver for k in found.kills), sum(k.early for k in found.kills)
    cells = [
        engine,
        f"{len(found.kills)} ({driver}, {len(found.kills) - driver}, {early})",
        found.rounds,
        found.total.shards,
        found.total.again,
        sum(found.lost),
        found.total.stolen,
        found.litter,
        f"{found.seconds:.0f}",
        "; ".join(problems) or "pass",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def kills(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """The table of kills, row by row, and whether each is as it should be."""
    for engine in given.engine or ENGINES:
        with tempfile.TemporaryDirectory() as folder:
            work = Audits(Path(folder) / "project", engine, WORKERS, images=given.images)
            chance = random.Random(given.seed)
            found = Endurance(work, given.kills, chance, given.spread).run()
        problems = found.problems(WORKERS)
        yield kills_row(engine, found, problems), not problems


def faults(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """The table of faults."""
    with tempfile.TemporaryDirectory() as folder:
        work, expected = project(Path(folder), given.images // 4)
        for number, fault in enumerate(FAULTS):
            made = fault.run(work, expected, f"store{number}")
            verdict = "pass" if made.passed else "FAIL"
            yield f"| {_named(fault)} | {fault.engine} | {made.says} | {verdict} |", made.passed
            if given.verbose and not made.passed:
                print(work.said(f"store{number}"))


def _named(fault: Fault) -> str:
    return (fault.check.__doc__ or "").partition("\n")[0].rstrip(".")


def main() -> int:
    """Print both tables; 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--only", choices=("kills", "faults"))
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--spread", type=float, default=3.0, help="seconds until a kill, at most")
    parser.add_argument("--verbose", action="store_true", help="what runs with a FAIL have said")
    parser.add_argument("--write", type=Path, metavar="FILE")
    given = parser.parse_args()
    tables = {"kills": (_KILLS, kills), "faults": (_FAULTS, faults)}
    well = True
    for name, (head, rows) in tables.items():
        if given.only not in (None, name):
            continue
        lines = [head, "|---" * (head.count("|") - 1) + "|"]
        print("\n".join(lines), flush=True)
        for row, passed in rows(given):
            print(row, flush=True)
            lines.append(row)
            well &= passed
        if given.write:
            measured = f"Seed {given.seed}, {given.images} images, {machine()}."
            put(given.write, name, "\n".join([measured, "", *lines]))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
