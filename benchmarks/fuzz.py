"""Feed damaged specs, cards, tables, pictures and paths to the commands: each is accepted or refused.

    python benchmarks/fuzz.py --cases 5400 --seed 0 --write docs/fuzzing-inputs.md

Specs and cards are those that are shipped; data sets are small ones with one damaged file (tests/fuzz).
A process of its own reads them as a user's command would, so that a crash is counted and not suffered.

Outcomes: ``accepted`` (exit status 0), ``problems listed`` (`auditkit data check` found some, exit
status 1), ``refused`` (one message, which names the file; exit status 2), and what must never happen:
``escaped`` (another exception), ``crashed``, ``hung``, ``slow`` (more than 10 s of processor time),
``large`` (more than 2 GiB of memory), ``unclear`` (no message, too long a one, one without a file, or
words beside a report), ``touched`` (a file appeared or vanished, or code in the input was run).
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fuzz"))

from fuzz_cases import KINDS  # noqa: E402
from fuzz_pool import BAD, FINE, Outcome, run  # noqa: E402


def wanted(kinds: list[str], cases: int) -> list[tuple[str, int]]:
    """Kind and number of every case, as many of each kind."""
    return [(kinds[index % len(kinds)], index // len(kinds)) for index in range(cases)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", dest="kinds", choices=sorted(KINDS))
    parser.add_argument("--number", type=int, help="one case of --kind, again")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="where the input of what went wrong is kept")
    parser.add_argument("--messages", action="store_true", help="print every refusal")
    parser.add_argument("--write", type=Path, help="a page with the table")
    given = parser.parse_args()
    kinds = given.kinds or list(KINDS)
    cases = wanted(kinds, given.cases) if given.number is None else [(kinds[0], given.number)]
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    started, found = time.monotonic(), []
    with tempfile.TemporaryDirectory() as work:
        for outcome in run(
            cases, given.seed, Path(work).resolve(), workers=given.workers, keep=given.keep
        ):
            found.append(outcome)
            if outcome.what in BAD or given.messages or given.number is not None:
                print(f"{described(outcome)}: {outcome.message.strip()[:2000]}", flush=True)
    text = page(given, found, time.monotonic() - started)
    print(text)
    if given.write:
        given.write.write_text(text, encoding="utf-8")
    return 1 if any(outcome.what in BAD for outcome in found) else 0


def described(outcome: Outcome) -> str:
    """Which case, and what became of it."""
    case = outcome.case
    return f"{case.folder.name} ({case.name!r:.60}, {case.operation}) {outcome.what}"


def page(given: argparse.Namespace, found: list[Outcome], seconds: float) -> str:
    """The table, as a page."""
    counts: dict[str, Counter[str]] = {}
    for outcome in found:
        counts.setdefault(outcome.case.kind, Counter())[outcome.what] += 1
    rows = [_row(kind, of, found) for kind, of in counts.items()]
    total = sum(counts.values(), Counter())
    slowest = max(found, key=lambda one: one.seconds)
    largest = max(found, key=lambda one: one.bytes)
    columns = ["kind", "cases", *FINE, *BAD, "slowest, s", "largest, MiB"]
    names = " | ".join(columns)
    most, long = largest.case, slowest.case
    last = [
        f"Slowest: {long.folder.name} ({long.name}), {slowest.seconds:.1f} s of processor time.",
        f"Largest: {most.folder.name} ({most.name}), {largest.bytes / 2**20:.0f} MiB.",
    ]
    return f"""# Damaged specs, cards, tables and pictures

Written by `python benchmarks/fuzz.py --cases {len(found)} --seed {given.seed}`, whose head says what
the columns mean, how input is damaged, and how much time and memory a case may take. The columns after
*refused*, up to *touched*, must be 0. Damaged model files: see [fuzzing.md](fuzzing.md).

| {names} |
|{"---|" * len(columns)}
{chr(10).join(rows)}
{_row("all", total, found)}

{len(found)} cases in {seconds:.0f} s with {given.workers} workers. {" ".join(last)} One case again:
`python benchmarks/fuzz.py --kind KIND --seed {given.seed} --number N --keep FOLDER`.

## Bounds on what is read

| what | at most | else |
|---|---|---|
{bounds()}

Pipes and devices are never opened, whatever names them; a path that is too long for the system is one that
does not exist. Messages have at most 20 problems per file, 2,000 letters per line, and nothing that a
terminal obeys.
"""


def bounds() -> str:
    """Rows: what is bounded, by how much, and what happens beyond."""
    from auditkit.data import parquet_cells, rows
    from auditkit.data.formats import coco
    from auditkit.data.pictures.grey import MAX_PIXELS, MAX_SIDE
    from auditkit.data.volumes.grid import MAX_VOXELS
    from auditkit.spec import regular, strict_yaml

    found = [
        ("a spec or a card (YAML)", f"{strict_yaml.MAX_BYTES:,} bytes"),
        ("its keys and values", f"{strict_yaml.MAX_NODES:,}"),
        ("its nesting", f"{strict_yaml.MAX_DEPTH} levels"),
        ("a picture, a volume, a CSV table", f"{regular.MAX_BYTES:,} bytes"),
        ("a picture, decoded", f"{MAX_PIXELS:,} pixels"),
        ("its longer side", f"{MAX_SIDE:,} pixels"),
        ("a volume, decoded", f"{MAX_VOXELS:,} voxels"),
        ("columns of a table", f"{rows.MAX_COLUMNS:,}"),
        ("cells of a table", f"{rows.MAX_CELLS:,}"),
        ("a cell (CSV, Parquet)", f"{parquet_cells.MAX_CELL:,} bytes"),
        ("columns of a Parquet table, packed", f"{parquet_cells.MAX_BYTES:,} bytes"),
        ("a COCO file", f"{coco.MAX_BYTES:,} bytes"),
        ("a gzipped table, unpacked", "200 letters per byte of the file"),
    ]
    return "\n".join(f"| {what} | {most} | refused, exit status 2 |" for what, most in found)


def _row(kind: str, counts: Counter[str], found: list[Outcome]) -> str:
    own = [one for one in found if kind in (one.case.kind, "all")]
    numbers = " | ".join(str(counts[what]) for what in (*FINE, *BAD))
    slowest, largest = max(one.seconds for one in own), max(one.bytes for one in own) / 2**20
    return f"| {kind} | {len(own)} | {numbers} | {slowest:.1f} | {largest:.0f} |"


if __name__ == "__main__":
    sys.exit(main())
