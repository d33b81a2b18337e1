"""How often `auditkit data check` finds pictures of the training split that leaked into the test split.

    python benchmarks/leakage.py --write docs/data.md            # about five minutes

Planted are copies of training pictures, of other patients by their names, altered as a data set's way from
hand to hand alters them. A data set has 300 training and 100 test pictures of a synthetic camera; 200 of them
per way and number of leaked pictures, 400 without any. All of it is declared here.

What leakage does to a figure: the clean stand-in's log-odds for a leaked picture are moved towards its label
by `KNOWN`, as of a network that remembers it; `performance` then sees an AUROC that is not the truth.
"""

import argparse
from pathlib import Path

import numpy as np
from figures_in_page import put, row
from PIL import Image

from auditkit.commands.proficiency_text import words
from auditkit.data.corruptions import corrupted
from auditkit.data.similar import similar_groups, thumbnail
from auditkit.evidence.engine import Engine
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.evidence.workroom import Workroom
from auditkit.proficiency.population import log_odds
from auditkit.proficiency.rates import rate
from auditkit.spec.catalogue import catalogue
from auditkit.spec.corruptions import Jpeg, Mark, Noise, Resize
from auditkit.stats import auroc_point

TRAINING, TEST = 300, 100
SPLITS, CLEAN = 200, 400
LEAKED = (1, 5)
KNOWN = 4.0
SHARES = (0.01, 0.05, 0.1, 0.2)


def cropped(share):
    """Without so much of each side, and brought back to its size."""

    def crop(picture):
        height, width = picture.shape[:2]
        y, x = round(share * height), round(share * width)
        inner = Image.fromarray(picture[y : height - y, x : width - x])
        return np.asarray(inner.resize((width, height), Image.Resampling.BICUBIC))

    return crop


def brighter(picture):
    return np.clip(picture.astype(np.float64) * 1.15, 0, 255).astype(np.uint8)


WAYS = {
    "the same pixels": lambda picture: picture,
    "JPEG of quality 50": lambda picture: corrupted(picture, Jpeg(), 0),
    "half the size": lambda picture: corrupted(picture, Resize(), 0),
    "noise": lambda picture: corrupted(picture, Noise(), 0),
    "brighter by 15 %": brighter,
    "marked in a corner": lambda picture: corrupted(picture, Mark(), 0),
    "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
    "turned by a quarter": lambda picture: np.ascontiguousarray(np.rot90(picture)),
    "1 % cropped off each side": cropped(0.01),
    "3 % cropped off each side": cropped(0.03),
    "5 % cropped off each side": cropped(0.05),
}


def crossing(small):
    """Whether a group of copies has pictures of both splits; those of training come first."""
    return any(min(group) < TRAINING <= max(group) for group in similar_groups(small))


def found(plain, copies, seed, leaked):
    """Whether a data set with so many leaked pictures is told to leak."""
    generator = np.random.default_rng(seed_of("leakage", seed))
    chosen = generator.permutation(len(plain))[: TRAINING + TEST]
    small = [plain[index] for index in chosen]
    for at, source in enumerate(generator.choice(TRAINING, leaked, replace=False).tolist()):
        small[TRAINING + at] = copies[chosen[source]]
    return crossing(small)


def table(data):
    pictures = [data.image(index) for index in range(len(data.records))]
    plain = [thumbnail(picture) for picture in pictures]
    yield row(["a leaked picture is", *(f"{n} leaked of {TEST}" for n in LEAKED)])
    yield row(["---"] * (1 + len(LEAKED)))
    alarms = rate(found(plain, plain, 10_000 + seed, 0) for seed in range(CLEAN))
    yield row(["not there", words(alarms), ""])
    for name, way in WAYS.items():
        copies = [thumbnail(way(picture)) for picture in pictures]
        rates = [
            rate(found(plain, copies, seed, leaked) for seed in range(SPLITS)) for leaked in LEAKED
        ]
        yield row([name, *map(words, rates)])
        print(name, flush=True)


def flattered(evidence):
    """What a leak does to the AUROC of test sets of 400 pictures."""
    odds, labels = log_odds(evidence.scores()), evidence.labels
    yield row(["leaked", "AUROC that the test set shows", "above the truth by"])
    yield row(["---"] * 3)
    for share in (0.0, *SHARES):
        shown, gain = [], []
        for seed in range(SPLITS):
            generator = np.random.default_rng(seed_of("flattered", seed))
            rows = generator.permutation(len(odds))[:400]
            known = generator.random(400) < share
            moved = odds[rows] + KNOWN * (2 * labels[rows] - 1) * known
            one, other = (auroc_point(labels[rows], s) for s in (moved, odds[rows]))
            shown.append(one)
            gain.append(one - other)
        spread = np.quantile(shown, [0.025, 0.975])
        cells = (
            f"{np.mean(shown):.3f} ({spread[0]:.3f} to {spread[1]:.3f})",
            f"{np.mean(gain):+.3f}",
        )
        yield row([f"{100 * share:g} %", *cells])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", type=Path, default=Path("build/leakage-store"))
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    cards = catalogue([Path("fixtures")])
    room = Workroom(Engine(Store(given.store), 2, listing=False), Settings())
    evidence = room.evidence(cards.model("scanoma-next"), cards.data("proficiency"))
    lines = [*table(evidence.data), "", *flattered(evidence)]
    print(*lines, sep="\n")
    if given.write:
        put(given.write, "leakage", "\n".join(lines))


if __name__ == "__main__":
    main()
