"""Twenty experts at once: how long the study's server lets them wait.

    python benchmarks/study_load.py                 # 20 experts, 10,000 pairs, 60 seconds
    python benchmarks/study_load.py --pairs 500 --seconds 20 --flat-out

Each expert asks for the next pair and its two pictures, saves two changes and the answer. They pause for a
second on average before each change (an exponential pause; people take longer); with --flat-out they never
pause, so that waiting is for one another. Experts are threads of this process, the server is another: two
cores. Printed are percentiles with n, by request; exit status 1: an error, or the 99th percentile is 200 ms
or more.
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from study_hands import Hands, Server, small_study

LIMIT = 0.2


def pausing(source: random.Random) -> float:
    """Seconds until the next change."""
    return source.expovariate(1.0)


def main() -> int:
    given = _parser().parse_args()
    folder = Path(tempfile.mkdtemp())
    begun = time.perf_counter()
    references = given.pairs // 5
    small_study(folder, references=references, models=5, experts=given.experts, side=given.side)
    server = Server(folder, given.port, database=given.database)
    server.start()
    print(
        f"{given.pairs} pairs, {given.experts} experts: up in {time.perf_counter() - begun:.1f} s"
    )
    pause = (lambda _: 0.0) if given.flat_out else pausing
    hands = [Hands(given.port, server.links[f"e{n}"], n, pause) for n in range(given.experts)]
    end = time.monotonic() + given.seconds
    threads = [threading.Thread(target=_work, args=(one, end)) for one in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.stop()
    status = _report(hands, given.seconds)
    shutil.rmtree(folder)
    return status


def _work(hands: Hands, end: float) -> None:
    while time.monotonic() < end and hands.answer_one():
        pass


def _report(hands: list[Hands], seconds: float) -> int:
    print("| request | n | median | 95 % | 99 % | longest |\n|---|---|---|---|---|---|")
    every: list[float] = []
    for what in ("next", "page", "picture", "save"):
        found = [value for one in hands for value in one.seconds.get(what, [])]
        every += found
        _row(what, found)
    ninety_nine = _row("all", every)
    failures = [text for one in hands for text in one.failures]
    kept = sum(len(one.kept) for one in hands)
    print(
        f"{kept} revisions kept, {len(every) / seconds:.0f} requests a second, {len(failures)} errors"
    )
    for text in failures[:5]:
        print(text)
    return int(bool(failures) or ninety_nine >= LIMIT)


def _row(what: str, found: list[float]) -> float:
    cuts = statistics.quantiles(found, n=100)
    cells = (statistics.median(found), cuts[94], cuts[98], max(found))
    print(
        f"| {what} | {len(found)} | " + " | ".join(f"{1000 * cell:.0f} ms" for cell in cells) + " |"
    )
    return cuts[98]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--experts", type=int, default=20)
    parser.add_argument("--side", type=int, default=128, help="of a picture, in pixels")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--flat-out", action="store_true")
    parser.add_argument("--port", type=int, default=8799)
    parser.add_argument("--database", default="", help="SQLAlchemy URL")
    return parser


if __name__ == "__main__":
    sys.exit(main())
