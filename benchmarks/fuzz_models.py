"""Feed damaged model files to every reader: each must load or be refused with one clear error.

    python benchmarks/fuzz_models.py --files 500 --seed 0 --write docs/fuzzing.md

Every format's small sample is damaged in seeded ways (cut off, bits flipped, numbers made absurd, parts
zeroed, doubled, swapped, inserted), read by the same code as an audit's, and run on one input if it
loads. A process of its own reads them, so that a crash is counted and not suffered; its address space
is limited, and the folder beside the file is compared before and after.

Outcomes: ``refused`` (an `AuditError`, what a user should see), ``loaded`` (the damage did not matter to
the format, or changed numbers only), and what must never happen: ``escaped`` (another exception),
``crashed``, ``too slow``, ``touched`` (a file appeared or changed).
"""

import argparse
import io
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 60.0
GIGABYTES = 12
BAD = ("escaped", "crashed", "too slow", "touched")


def mutations(content: bytes, seed: int) -> bytes:
    """One damaged copy; the same seed gives the same bytes.

    Of archives, two in three have a damaged member and are whole otherwise, checksums included.
    """
    random = np.random.default_rng(seed)
    if content[:4] == b"PK\x03\x04" and random.integers(3):
        return _with_damaged_member(content, random)
    return _damaged(content, random)


def _with_damaged_member(content: bytes, random: np.random.Generator) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as copy:
        members = source.infolist()
        # Small members hold the structure, large ones numbers.
        weights = np.array([1 / (100 + member.file_size) for member in members])
        victim = int(random.choice(len(members), p=weights / weights.sum()))
        for place, member in enumerate(members):
            held = source.read(member)
            copy.writestr(member.filename, _damaged(held, random) if place == victim else held)
    return target.getvalue()


def _damaged(content: bytes, random: np.random.Generator) -> bytes:
    data = bytearray(content)
    for _ in range(int(random.integers(1, 4))):
        _DAMAGES[int(random.integers(len(_DAMAGES)))](data, random)
    return bytes(data)


def _place(data: bytearray, random: np.random.Generator) -> int:
    """Headers and tables stand at the ends: half of all damage goes there."""
    size = max(1, len(data))
    near = int(min(size - 1, random.exponential(200)))
    return (near, size - 1 - near, int(random.integers(size)))[int(random.integers(3))]


def _flip(data: bytearray, random: np.random.Generator) -> None:
    for _ in range(int(random.integers(1, 9))):
        if data:
            data[_place(data, random)] ^= 1 << int(random.integers(8))


def _cut(data: bytearray, random: np.random.Generator) -> None:
    del data[_place(data, random) :]


def _absurd(data: bytearray, random: np.random.Generator) -> None:
    numbers = (b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\xff" * 8, b"\x00" * 4)
    number = numbers[int(random.integers(len(numbers)))]
    start = _place(data, random) // 4 * 4
    data[start : start + len(number)] = number


def _zero(data: bytearray, random: np.random.Generator) -> None:
    start, length = _place(data, random), int(random.integers(1, 64))
    data[start : start + length] = bytes(len(data[start : start + length]))


def _double(data: bytearray, random: np.random.Generator) -> None:
    start, length = _place(data, random), int(random.integers(1, 512))
    data[start:start] = data[start : start + length]


def _swap(data: bytearray, random: np.random.Generator) -> None:
    first, second, length = _place(data, random), _place(data, random), int(random.integers(1, 32))
    one, other = data[first : first + length], data[second : second + length]
    if len(one) == len(other) and abs(first - second) >= length:
        data[first : first + length], data[second : second + length] = other, one


def _insert(data: bytearray, random: np.random.Generator) -> None:
    start = _place(data, random)
    data[start:start] = random.bytes(int(random.integers(1, 32)))


_DAMAGES: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    _flip,
    _flip,
    _cut,
    _absurd,
    _absurd,
    _zero,
    _double,
    _swap,
    _insert,
)


def read(name: str, folder: Path) -> None:
    """Load the sample in the folder and ask it once. Runs in the process that may die."""
    import torch
    from model_samples import SAMPLES

    network, given = SAMPLES[name].load(folder)
    with torch.no_grad():
        network(*given)


def serve() -> None:
    """Read one request per line, answer one outcome per line."""
    import torch

    sys.path.insert(0, str(ROOT / "benchmarks"))
    from auditkit.errors import AuditError

    torch.set_num_threads(1)
    limit = GIGABYTES << 30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nobody else may write to the pipe
    for line in sys.stdin:
        name, folder = json.loads(line)
        try:
            read(name, Path(folder))
            outcome = ["loaded", ""]
        except AuditError as error:
            outcome = ["refused", str(error)]
        except BaseException as error:  # noqa: BLE001 that is what is looked for
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            outcome = ["escaped", f"{type(error).__name__} at {where}: {error}"[:300]]
        print(json.dumps(outcome), file=answers, flush=True)


class Reader:
    """The process that may die; started anew when it did."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def outcome(self, name: str, folder: Path) -> tuple[str, str]:
        """What became of one file."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, __file__, "--serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([name, str(folder)]) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if line:
            what, message = json.loads(line)
            return what, message
        self.process.kill()
        status, self.process = self.process.wait(), None
        return ("crashed", f"status {status}") if ready else ("too slow", f"over {SECONDS:g} s")


def listing(folder: Path, own: Path) -> set[tuple[str, int, int]]:
    """Everything in and beside the folder but the damaged files themselves."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and own not in path.parents:
            found.add((str(path), path.stat().st_size, path.stat().st_mtime_ns))
    return found


def damaged(name: str, count: int, seed: int, work: Path) -> Iterator[Path]:
    """Folders that each hold one damaged copy of a format's sample."""
    from model_samples import SAMPLES

    whole = work / name / "whole"
    whole.mkdir(parents=True)
    files = SAMPLES[name].make(whole)
    for number in range(count):
        folder = work / name / "in" / f"{number:05d}"
        folder.mkdir(parents=True)
        victim = files[number % len(files)]
        for path in files:
            content = path.read_bytes()
            if path == victim:
                content = mutations(content, hash_seed(name, seed, number))
            (folder / path.name).write_bytes(content)
        yield folder


def hash_seed(name: str, seed: int, number: int) -> int:
    """A seed of its own for every file."""
    return int(np.random.SeedSequence([seed, number, *name.encode()]).generate_state(1)[0])


def fuzz(name: str, count: int, seed: int, work: Path) -> tuple[Counter[str], list[str], float]:
    """Outcomes of one format, and a line on each that must not happen."""
    import shutil

    outcomes: Counter[str] = Counter()
    bad: list[str] = []
    reader, started = Reader(), time.monotonic()
    for number, folder in enumerate(damaged(name, count, seed, work)):
        before = listing(work, folder)
        inside = {path.name for path in folder.iterdir()}
        what, message = reader.outcome(name, folder)
        if listing(work, folder) != before or {p.name for p in folder.iterdir()} != inside:
            what = "touched"
        outcomes[what] += 1
        if what in BAD:
            bad.append(f"{name} file {number}: {what}: {message}")
            print("  ", bad[-1], flush=True)
        shutil.rmtree(folder)
    return outcomes, bad, time.monotonic() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--files", type=int, default=500, help="damaged files per format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", action="append", dest="formats")
    parser.add_argument("--write", type=Path, help="a page with the table")
    given = parser.parse_args()
    if given.serve:
        serve()
        return 0
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from model_samples import SAMPLES

    rows, failures = [], []
    with tempfile.TemporaryDirectory() as work:
        for name in given.formats or SAMPLES:
            outcomes, bad, seconds = fuzz(name, given.files, given.seed, Path(work))
            failures += bad
            counts = " | ".join(str(outcomes[what]) for what in ("refused", "loaded", *BAD))
            rows.append(f"| {name} | {given.files} | {counts} | {seconds:.0f} |")
            print(rows[-1], flush=True)
    if given.write:
        given.write.write_text(_page(given, rows), encoding="utf-8")
    return 1 if failures else 0


def _page(given: argparse.Namespace, rows: list[str]) -> str:
    return f"""# Damaged model files

Written by `python benchmarks/fuzz_models.py --files {given.files} --seed {given.seed}`, whose head says how
files are damaged and what the columns mean. The last four must be 0.

| format | files | refused | loaded | escaped | crashed | too slow | touched | seconds |
|---|---|---|---|---|---|---|---|---|
{chr(10).join(rows)}
"""


if __name__ == "__main__":
    sys.exit(main())
