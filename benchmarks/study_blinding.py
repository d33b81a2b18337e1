"""What a browser of the expert study tells of side, model and repeats, decoded pixels apart.

A study of pairs whose files betray everything (formats, metadata, names, times, how well they compress) is
built, served, and gone through by an expert's browser; classifiers are asked about all that it received.
The same with leaks that are planted. Prints the table of docs; run from the repository's root::

    python benchmarks/study_blinding.py --references 250 --studies 2 --leaks
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "study"))

import study_pairs_world as world
from study_blinding_crawl import Browser, served
from study_blinding_leaks import LEAKS, Leak
from study_blinding_told import Told, questions, told


def asked(folder: Path, references: int, rng: np.random.Generator, leak: Leak | None) -> list[Told]:
    """All that is told by one study, as its first expert sees it."""
    world.pairs(folder, references)
    clean = leak is None
    settings = {"repeats": 0.2 * clean, "stage_one": 100_000, "prescreen": clean}
    built, _, _ = world.built(folder, references=references, seed=None, **settings)
    how = leak or Leak("")
    if how.folder:
        how.folder(built.folder)
    found: list[Told] = []
    with served(built.folder, wrapped=how.wrapped, prepared=how.prepared) as running:
        browser = Browser(running, "ada")
        while running.store.phase in ("screening", "stage-1"):
            phase = running.store.phase
            started = time.perf_counter()
            seen, truths = browser.crawl(), running.truths("ada", phase)
            print(
                f"  {phase}: {len(seen)} tasks in {time.perf_counter() - started:.0f} s", flush=True
            )
            every = questions(seen, truths, rng)
            found += [one for question in every for one in told(question, rng)]
            running.store.advance(running.store.people()[-1], "only one expert is needed here")
    return found


def rows(title: str, found: list[Told]) -> None:
    """One line per question and classifier; answers of several studies are added up."""
    for key in dict.fromkeys((one.question, one.classifier) for one in found):
        own = [one for one in found if (one.question, one.classifier) == key]
        total = Told(*key, sum(one.right for one in own), sum(one.n for one in own))
        low, high = total.interval
        print(
            f"| {title} | {key[0]} | {key[1]} | {total.right / total.n:.3f} ({low:.3f} to {high:.3f}) "
            f"| {total.n} | {total.p:.2g} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--references", type=int, default=250)
    parser.add_argument("--studies", type=int, default=2)
    parser.add_argument("--leaks", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    found: list[Told] = []
    for _ in range(given.studies):
        with tempfile.TemporaryDirectory() as folder:
            found += asked(Path(folder), given.references, rng, None)
    # Both answers are equally frequent by design, so that accuracy is balanced accuracy.
    print("| study | question | classifier | balanced accuracy (95 %) | n | p |")
    print("|---|---|---|---|---|---|")
    rows("as built", found)
    for name, leak in LEAKS.items() if given.leaks else ():
        with tempfile.TemporaryDirectory() as folder:
            own = asked(Path(folder), min(60, given.references), rng, leak)
        rows(name, [one for one in own if one.question == leak.question])


if __name__ == "__main__":
    main()
