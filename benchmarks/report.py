"""How large the renderings of a run are, how long they take, and how soon its page stands in a browser.

    python benchmarks/report.py reports/RUN

The page is opened from disk in a fresh headless Chromium, five times; seconds are until two frames after the
load event, when it was laid out and painted. Limits: 15 MB and two seconds. Exit status 1: not kept.
"""

import argparse
import shutil
import statistics
import sys
import time
from pathlib import Path

from auditkit.report.language import Language
from auditkit.report.renderings import RENDERINGS
from auditkit.results import read_results

MOST_BYTES = 15_000_000
MOST_SECONDS = 2.0
PAINTED = """() => new Promise(done =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""


def main() -> int:
    given = _parser().parse_args()
    results = read_results(given.run / "results.json")
    folder = given.to or given.run
    sizes = {}
    for name in given.formats:
        rendering = RENDERINGS[name]
        begun = time.perf_counter()
        content = rendering.render(results, given.run, Language(given.language))
        seconds = time.perf_counter() - begun
        (folder / rendering.file).write_bytes(content)
        sizes[name] = len(content)
        print(f"{name:<9} {len(content):>12,} bytes  rendered in {seconds:6.1f} s")
    if "html" not in sizes:
        return 0
    seconds = opened(folder / RENDERINGS["html"].file, given.times)
    median, most = statistics.median(seconds), max(seconds)
    print(
        f"page      {median:.2f} s until painted (median of {len(seconds)}; longest {most:.2f} s)"
    )
    return int(sizes["html"] > MOST_BYTES or median > MOST_SECONDS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument(
        "--to", type=Path, help="where renderings are written (default: the run's folder)"
    )
    parser.add_argument("--formats", nargs="+", choices=RENDERINGS, default=list(RENDERINGS))
    parser.add_argument("--language", default="en")
    parser.add_argument("--times", type=int, default=5, help="how often the page is opened")
    return parser


def opened(path: Path, times: int) -> list[float]:
    """Seconds from the navigation until the page is painted, in a browser that has not seen it before."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as driver:
        for _ in range(times):
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            tab = browser.new_page(viewport={"width": 1200, "height": 900})
            tab.goto(path.resolve().as_uri())
            found.append(tab.evaluate(PAINTED) / 1000)
            browser.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
