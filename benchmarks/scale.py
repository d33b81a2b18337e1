"""Does it scale? Two workers, 20,000 images, a driver of 10^5 shards, a cluster in virtual time.

    python benchmarks/scale.py                              # everything, about 20 minutes on two cores
    python benchmarks/scale.py --only speedup driver        # some parts
    python benchmarks/scale.py --small                      # all parts in miniature, in about two minutes
    python benchmarks/scale.py --write docs                 # and put the tables into docs/scaling.md

Every measurement is a fresh process. Audits are run as users run them, by pytest from a spec, on JPEG files
on disk (128 pixels, written once into --folder) and the stand-in of a uint8 network at 128 pixels. Seconds
are only worth something on a quiet machine: the load before and after is printed. Linux only (/proc). Exit
status 1: something that is required does not hold.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cluster_simulation as simulation
from scale_heatmaps import MEASURED
from scale_parts import Row, Scale
from scale_runs import ScaleError

SMALL = {
    "sizes": [32, 64, 128],
    "start": 16,
    "shards": 1_000,
    "heatmaps": 32,
    "repeats": 1,
    "methods": ["occlusion"],
}


HEADER = "| quantity | measured | required | holds | on what |\n|---|---|---|---|---|"


PARTS = ("speedup", "memory", "linear", "overhead", "rejudge", "driver", "cluster")


def main() -> int:
    given = _parser().parse_args()
    if given.small:
        vars(given).update(SMALL)
    scale, rows, failed = Scale(given), [], False
    print(f"{machine()}\n\n{HEADER}", flush=True)
    for part in given.only:
        began = time.monotonic()
        print(f"{part} ...", file=sys.stderr, flush=True)
        try:
            for row in getattr(scale, part)():
                rows.append(row)
                print(row, flush=True)
        except ScaleError as error:
            failed = True
            print(f"{part}: {error}", file=sys.stderr)
        print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if scale.simulated:
        print("\n".join(["", *scale.simulated]))
    print(f"\nload at the end: {os.getloadavg()[0]:.1f}")
    if given.write:
        write(given.write, scale, rows, given.only)
    if given.scratch is None:
        shutil.rmtree(scale.scratch, ignore_errors=True)
    return int(failed or any(row.holds is False for row in rows))


def machine() -> str:
    """What it was measured on."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*: (.*)", info)
    names = ("torch", "numpy", "safetensors")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return (
        f"{model.group(1) if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores; Python "
        f"{platform.python_version()}, {versions}; load at the start {os.getloadavg()[0]:.1f}; "
        f"command: `python benchmarks/scale.py {' '.join(sys.argv[1:])}`"
    )


def write(folder: Path, scale: Scale, rows: Sequence[Row], only: Sequence[str] = PARTS) -> None:
    """Put the tables between the marks in scaling.md; keep the seconds that were drawn from.

    Where only some parts were measured, their rows take the place of the old ones, and a line says so.
    """
    page = folder / "scaling.md"
    text = page.read_text(encoding="utf-8")
    if set(only) == set(PARTS):
        text = between(text, "scale", [machine(), "", HEADER, *map(str, rows)])
    else:
        text = mended(text, rows, f"Measured again later, {' and '.join(only)}: {machine()}")
    if scale.simulated:
        text = between(text, "cluster", scale.simulated)
        kept = {"machine": machine(), "seconds": scale.measured}
        simulation.RECORDED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    page.write_text(text, encoding="utf-8")


def mended(text: str, rows: Sequence[Row], said: str) -> str:
    """The text with new rows in the place of those of the same quantities."""
    for row in rows:
        start = f"| {row.quantity} |"
        lines = [str(row) if line.startswith(start) else line for line in text.splitlines()]
        if str(row) not in lines:
            raise SystemExit(f"the page has no row of '{row.quantity}'; measure all parts")
        text = "\n".join([*lines, ""])
    end = "<!-- scale: end -->"
    return text.replace(end, f"\n{said}\n{end}")


def between(text: str, name: str, lines: Sequence[str]) -> str:
    """The text with other lines between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"the page has no place for this: {begin} ... {end}")
    return "\n".join([f"{before}{begin}", *lines, f"{end}{after}"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--small", action="store_true", help="everything in miniature; shows that it runs"
    )
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=[1_000, 5_000, 20_000], help="images"
    )
    parser.add_argument(
        "--start", type=int, default=64, help="images of the audit that shows what starting takes"
    )
    parser.add_argument("--shards", type=int, default=100_000, help="of the driver")
    parser.add_argument("--heatmaps", type=int, default=96, help="images of the heatmaps")
    parser.add_argument("--methods", nargs="+", choices=MEASURED, default=list(MEASURED))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--radii", type=int, default=1, help="of the colour shift")
    parser.add_argument("--angles", type=int, default=4, help="of the colour shift")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "auditkit-scale-pictures"
    )
    parser.add_argument(
        "--scratch", help="folder for stores and reports, kept; default: one that is removed"
    )
    parser.add_argument("--write", type=Path, help="folder of scaling.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
