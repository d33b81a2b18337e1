"""Fresh processes and what they cost: seconds, processor seconds, peak memory of each process."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TOLD = "AUDITKIT_SCALE_TOLD"
# One thread per operation everywhere: what is measured is the product, not the library's thread pools.
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_POLL = 0.05


class ScaleError(Exception):
    """A process that was measured failed."""


@dataclass(frozen=True)
class Ran:
    """What a process cost.

    Attributes:
        seconds: from start to end, with everything that starting takes.
        cpu: processor seconds, of its children too.
        peak: largest resident memory (VmHWM) of one process of the tree, in bytes.
        told: what the process said of itself.
    """

    seconds: float
    cpu: float
    peak: int
    told: Mapping[str, Any] = field(default_factory=dict)


def script(name: str, *arguments: object) -> Ran:
    """Run a script of this folder, which tells what it measured by `tell`."""
    return run([sys.executable, str(HERE / name), *map(str, arguments)], HERE)


def audit(project: Path, spec: str, *arguments: object, model: str = "scanoma") -> Ran:
    """Run pytest on a spec as a user does, with `scale_probe` looking at the session at its end."""
    asked = ["-p", "scale_probe", f"audits/{spec}.audit.yaml", "--model", model, "-q"]
    return run([sys.executable, "-m", "pytest", *asked, *map(str, arguments)], project)


def run(command: Sequence[str], folder: Path) -> Ran:
    """Run a command and watch it.

    Raises:
        ScaleError: it failed; with the end of what it printed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        told, printed = Path(scratch) / "told.json", Path(scratch) / "printed.txt"
        paths = os.pathsep.join([str(HERE), str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, **_THREADS, TOLD: str(told), "PYTHONPATH": paths}
        began = time.monotonic()
        with printed.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT
            )
            with _Watch(process.pid) as watch:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        if process.returncode != 0:
            text = printed.read_text(encoding="utf-8", errors="replace")
            raise ScaleError(f"{' '.join(command)}: status {process.returncode}\n{text[-3000:]}")
        said = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
    # A process that ends between two looks has said itself what its peak was.
    peak = max(watch.peak, said.get("peak", 0))
    return Ran(seconds, usage.ru_utime + usage.ru_stime, peak, said)


def tell(**found: object) -> None:
    """Tell the process that measures this one; with this process' peak memory."""
    place = os.environ.get(TOLD)
    text = json.dumps({**found, "peak": peak_memory()})
    if place:
        Path(place).write_text(text, encoding="utf-8")
    else:
        print(text)


def peak_memory(pid: int | str = "self") -> int:
    """VmHWM of a process in bytes: its largest resident memory so far; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return 1024 * int(found.split()[1])


class _Watch:
    """Looks at a process and its descendants again and again."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_POLL):
            self.peak = max(self.peak, *(peak_memory(pid) for pid in _tree(self._pid)))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text(encoding="utf-8").split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))
