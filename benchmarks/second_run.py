"""How much faster a second run of the same audit is: prints both wall times and their ratio.

    python benchmarks/second_run.py [--model scanoma] [--select light]

Runs `pytest audits/ --model MODEL` twice on one fresh evidence store; the second must compute nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def audit(model: str, select: str, store: Path, report: Path) -> tuple[float, dict[str, int]]:
    """Wall time of one run, and how many shards it computed and found."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "audits",
        "--model",
        model,
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    command += ["--audit-store", str(store), "--audit-report", str(report), "-k", select]
    started = time.monotonic()
    subprocess.run(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    seconds = time.monotonic() - started
    return seconds, json.loads((report / "results.json").read_text())["run"]["evidence"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="scanoma")
    parser.add_argument("--select", default="", help="as pytest's -k; default: all audits")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        first, made = audit(given.model, given.select, place / "store", place / "first")
        second, again = audit(given.model, given.select, place / "store", place / "second")
    print(f"first run   {first:7.1f} s, {made['computed']} shards computed")
    print(
        f"second run  {second:7.1f} s, {again['computed']} shards computed, {again['found']} found"
    )
    print(f"ratio       {first / second:7.1f}")


if __name__ == "__main__":
    main()
