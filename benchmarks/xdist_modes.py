"""How pytest-xdist's ways of distributing items suit audits: wall time, shards, repeated measurements.

Usage: python benchmarks/xdist_modes.py [--images N] [--runs N] [--write docs/xdist.md]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures_in_page import machine, put
from small_project import write_project

WAYS = {
    "one process": [],
    "-n 2 (load)": ["-n", "2"],
    "-n 2 --dist loadscope": ["-n", "2", "--dist", "loadscope"],
    "-n 2 --dist loadfile": ["-n", "2", "--dist", "loadfile"],
    "-n 2 --dist worksteal": ["-n", "2", "--dist", "worksteal"],
}
HEAD = (
    "| | seconds | shards computed | distinct | checks measured | processor seconds of the busiest process | "
    "of all | audits |"
)
# Each check that is computed leaves a line: a process computes it once, whatever it is asked.
CONFTEST = """\
import os, time

def pytest_runtest_setup(item):
    import auditkit.session as session
    if hasattr(session, "_counted"):
        return
    session._counted, whole = True, session.compute
    def compute(check, evidence, parameters):
        began = time.monotonic()
        found = whole(check, evidence, parameters)
        line = f"{check.name} {os.getpid()} {time.monotonic() - began:.3f}\\n"
        handle = os.open(os.environ["COUNTED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, line.encode())
        os.close(handle)
        return found
    session.compute = compute

def pytest_sessionfinish(session):
    # What this process has worked, while others may have kept it from its core.
    line = f"process {os.getpid()} {time.process_time():.2f}\\n"
    handle = os.open(os.environ["COUNTED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, line.encode())
    os.close(handle)
"""


def one_run(project: Path, name: str, words: list[str]) -> dict[str, float]:
    """A run over an empty store."""
    counted = project / f"{name}.txt"
    command = [sys.executable, "-m", "pytest", "audits", "--model", "tiny", "-q", *words]
    command += ["--audit-store", f"{name}-store", "--audit-report", name]
    began = time.monotonic()
    subprocess.run(
        command,
        cwd=project,
        env=os.environ | {"COUNTED": str(counted)},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    seconds = time.monotonic() - began
    lines = [line.split() for line in counted.read_text().splitlines()]
    worked = [float(line[-1]) for line in lines if line[0] == "process"]
    results = json.loads((project / name / "results.json").read_text())
    return {
        "seconds": seconds,
        "computed": results["run"]["evidence"]["computed"],
        "shards": len(list((project / f"{name}-store").glob("??/*.json"))),
        "checks": len(lines) - len(worked),
        "busiest": max(worked),
        "work": sum(worked),
        "audits": len(results["audits"]),
    }


def table(images: int, runs: int) -> str:
    """Markdown: one row per way, medians of wall times."""
    rows = [HEAD]
    rows.append("|---" * (HEAD.count("|") - 1) + "|")
    with tempfile.TemporaryDirectory() as folder:
        project = write_project(Path(folder) / "project", images)
        (project / "conftest.py").write_text(CONFTEST)
        for way, words in WAYS.items():
            found = [one_run(project, f"run{len(rows)}-{i}", words) for i in range(runs)]
            seconds = statistics.median(each["seconds"] for each in found)
            told = [f"{each:g}" for each in list(found[-1].values())[1:]]
            rows.append(f"| {way} | {seconds:.1f} | {' | '.join(told)} |")
            print(rows[-1], flush=True)
    return "\n".join(rows)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    found = table(given.images, given.runs)
    if given.write:
        runs = f"{given.images} images, median of {given.runs} runs, {machine()}."
        put(given.write, "xdist", f"{runs}\n\n{found}")


if __name__ == "__main__":
    main()
