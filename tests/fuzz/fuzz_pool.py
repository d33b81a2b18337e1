"""Runs cases in processes that may die of them, and says what became of each."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import fuzz_data  # noqa: F401 registers kinds
import fuzz_paths  # noqa: F401 the same
from fuzz_cases import ROOT, Case, make

# Seconds of processor time and bytes that one case may take, and seconds of waiting before it is called hung.
SECONDS, BYTES, PATIENCE = 10.0, 2 << 30, 120.0
LONGEST, LINES = 20_000, 60
FINE = ("accepted", "problems listed", "refused")
BAD = ("escaped", "crashed", "hung", "slow", "large", "unclear", "touched")


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        what: one of `FINE` or `BAD`.
        message: what was said, or what was wrong with it.
        seconds: of processor time.
        bytes: of memory at most, above what the process held before.
    """

    case: Case
    what: str
    message: str
    seconds: float = 0.0
    bytes: int = 0


class Reader:
    """The process that may die; started anew when it did."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def answer(self, case: Case) -> dict | str:
        """The worker's answer, or how it ended."""
        process = self._process or self._started()
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps([case.operation, case.arguments]) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        line = process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        process.kill()
        status, self._process = process.wait(), None
        return f"crashed: status {status}" if ready else f"hung: over {PATIENCE:g} s"

    def _started(self) -> "subprocess.Popen[str]":
        names = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "default"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fuzz_worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, **names},
        )
        return self._process

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def unclear(answer: dict, case: Case) -> str:
    """What is wrong with how a refusal is worded, or ""."""
    said = answer["err"].strip()
    lines = said.splitlines()
    if not said:
        return "says nothing"
    if "Traceback" in said or "pydantic" in said:
        return "shows the program's inside"
    if len(said) > LONGEST or len(lines) > LINES:
        return f"has {len(said)} letters in {len(lines)} lines"
    if any(len(line) > LONGEST // 4 for line in lines):
        return "has a line that nobody reads"
    if case.kind != "argument" and not any(name in said for name in _names(case)):
        return "names no file"
    return ""


def _names(case: Case) -> list[str]:
    named = [Path(one).name for one in case.arguments if "/" in one]
    return [case.name, str(case.folder), *named]


def _listing(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def outcome(case: Case, reader: Reader) -> Outcome:
    """Run a case and judge what came of it."""
    before = _listing(case.folder)
    answer = reader.answer(case)
    if isinstance(answer, str):
        return Outcome(case, answer.partition(":")[0], answer)
    cost = answer["seconds"], answer["bytes"]
    what, message = _judged(answer, case)
    if _listing(case.folder) != before or (ROOT / "canary").exists():
        what, message = "touched", "a file appeared or vanished"
    elif what in FINE and answer["seconds"] > SECONDS:
        what = "slow"
    elif what in FINE and answer["bytes"] > BYTES:
        what = "large"
    return Outcome(case, what, message, *cost)


def _judged(answer: dict, case: Case) -> tuple[str, str]:
    status = answer["status"]
    if answer["escaped"]:
        return "escaped", answer["escaped"]
    if status in (0, 1) and answer["err"]:
        return "unclear", f"exit status {status}, but says: {answer['err'][:300]}"
    if status == 0:
        return "accepted", ""
    if status == 1 and "problems" in answer["out"]:
        return "problems listed", answer["out"]
    if status != 2:
        return "unclear", f"exit status {status}"
    wrong = unclear(answer, case)
    return ("unclear", f"{wrong}: {answer['err'][:300]}") if wrong else ("refused", answer["err"])


def run(
    wanted: Iterable[tuple[str, int]],
    seed: int,
    work: Path,
    *,
    workers: int = 1,
    keep: Path | None = None,
) -> Iterator[Outcome]:
    """Outcomes of cases in their order; the folders of those that went wrong are moved to ``keep``."""
    readers: SimpleQueue[Reader] = SimpleQueue()
    for _ in range(workers):
        readers.put(Reader())

    def one(kind: str, number: int) -> Outcome:
        case, reader = make(kind, seed, number, work), readers.get()
        try:
            found = outcome(case, reader)
        finally:
            readers.put(reader)
        if found.what in BAD and keep is not None:
            shutil.rmtree(keep / case.folder.name, ignore_errors=True)
            shutil.move(case.folder, keep / case.folder.name)
        shutil.rmtree(case.folder, ignore_errors=True)
        return found

    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(lambda pair: one(*pair), wanted)
    finally:
        while not readers.empty():
            readers.get().close()
