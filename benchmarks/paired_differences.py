"""How often two releases of which one is worse are told apart, and two equal ones by mistake.

Both releases are asked about the same 1000 images. A regression is claimed as `auditkit compare` claims it of
a single measure: the one-sided p-value of "new is not worse" is at most 0.025. 200 pairs of releases have a
planted loss of 0.03, 400 are equally good.

* AUROC: scores are normal, shifted where the label is positive; the two releases' errors are correlated.
* Accuracy: an image is right where a normal variable, correlated between releases, is below a quantile.
* Two images of a patient share a part of the variable (intraclass correlation 0.5), and the label.

A second table shows how often each limit of a share's difference misses the true one, where few images are
discordant. Its nominal rate is 0.025.

    nice -n 10 python benchmarks/paired_differences.py > table.md

Needs about five minutes on one core.
"""

import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy import special

from auditkit.stats import Sample, proportion
from auditkit.stats.inputs import Floats, Integers
from auditkit.stats.paired import paired_difference

IMAGES, PLANTED, NULL, LOSS, ALPHA, WITHIN = 1000, 200, 400, 0.03, 0.025, 0.5
MISSES = 400

Pair = tuple[Sample, Sample]


@dataclass(frozen=True)
class Setting:
    """Two releases on the same images.

    Attributes:
        statistic: ``auroc`` or ``accuracy``.
        before: the quantity of the earlier release.
        correlation: of the two releases' errors.
        per_patient: images of a patient.
        prevalence: share of positive images.
    """

    statistic: str
    before: float
    correlation: float
    per_patient: int
    prevalence: float = 0.3

    def draw(self, loss: float, generator: np.random.Generator) -> Pair:
        """One pair of releases."""
        patients = np.arange(IMAGES) // self.per_patient
        errors = self._errors(patients, generator)
        quantities = (self.before, self.before - loss)
        if self.statistic == "accuracy":
            right = [e < special.ndtri(q) for e, q in zip(errors, quantities, strict=True)]
            return _samples(patients, [side.astype(np.float64) for side in right])
        labels = (generator.random(patients.max() + 1) < self.prevalence)[patients].astype(np.int64)
        shifts = [math.sqrt(2) * float(special.ndtri(q)) for q in quantities]
        return _samples(
            patients, [e + s * labels for e, s in zip(errors, shifts, strict=True)], labels
        )

    def _errors(self, patients: Integers, generator: np.random.Generator) -> Floats:
        """(2, n) standard normal, correlated between releases and within patients."""
        within = WITHIN if self.per_patient > 1 else 0.0
        shared = _correlated(patients.max() + 1, self.correlation, generator)[:, patients]
        own = _correlated(patients.size, self.correlation, generator)
        return math.sqrt(within) * shared + math.sqrt(1 - within) * own


SETTINGS = [
    Setting("auroc", before, correlation, per_patient)
    for before, correlation in ((0.85, 0.9), (0.85, 0.8), (0.75, 0.9))
    for per_patient in (1, 2)
] + [
    Setting("accuracy", 0.85, correlation, per_patient)
    for correlation in (0.9, 0.8)
    for per_patient in (1, 2)
]


def _correlated(count: int, correlation: float, generator: np.random.Generator) -> Floats:
    both = generator.normal(size=(2, count))
    both[1] = correlation * both[0] + math.sqrt(1 - correlation**2) * both[1]
    return both


def _samples(patients: Integers, sides: list[Floats], labels: Integers | None = None) -> Pair:
    images, names = [str(i) for i in range(patients.size)], patients.astype(str).tolist()
    if labels is None:
        return Sample("mean", images, names, sides[0]), Sample("mean", images, names, sides[1])
    old, new = (Sample("auroc", images, names, values, labels) for values in sides)
    return old, new


def claimed(setting: Setting, loss: float, runs: int, number: int) -> list[bool]:
    """Whether each pair's regression is claimed."""
    found = []
    for run in range(runs):
        generator = np.random.default_rng([number, round(100 * loss), run])
        paired = paired_difference(*setting.draw(loss, generator), bounds=(0.0, 1.0))
        found.append(paired.estimate.p_below(0) <= ALPHA)
    return found


def _rate(hits: list[bool]) -> str:
    found = proportion(hits)
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def power_table() -> Iterator[str]:
    """A row per setting."""
    yield (
        "| quantity | earlier release | correlation of errors | images per patient "
        "| loss of 0.03 found (200 pairs) | claimed of equal ones (400 pairs) |"
    )
    yield "|---|---|---|---|---|---|"
    for number, setting in enumerate(SETTINGS):
        power = _rate(claimed(setting, LOSS, PLANTED, number))
        size = _rate(claimed(setting, 0.0, NULL, number))
        yield (
            f"| {setting.statistic} | {setting.before} | {setting.correlation} "
            f"| {setting.per_patient} | {power} | {size} |"
        )


def _few(n: int, gained: float, lost: float, generator: np.random.Generator) -> Pair:
    """Images in pairs of one patient, who mostly turns with both."""
    patients = np.arange(n) // 2
    kind = np.array([0.0, 1.0, -1.0])
    shares = [1 - (gained + lost) / n, gained / n, lost / n]
    whole = generator.choice(kind, p=shares, size=n // 2)[patients]
    own = generator.choice(kind, p=shares, size=n)
    change = np.where(generator.random(n // 2)[patients] < WITHIN, whole, own)
    return _samples(patients, [np.asarray(change < 0, float), np.asarray(change > 0, float)])


def misses_table() -> Iterator[str]:
    """How often the true difference lies below the lower and above the upper limit."""
    yield "| images | gained, lost (expected) | below the interval | above it |"
    yield "|---|---|---|---|"
    for n in (60, 200, 1000):
        for gained, lost in ((0, 3), (2, 2), (1, 5), (5, 5)):
            truth, sides = (gained - lost) / n, []
            for run in range(MISSES):
                generator = np.random.default_rng([n, gained, lost, run])
                pair = _few(n, gained, lost, generator)
                found = paired_difference(*pair, bounds=(0.0, 1.0)).estimate
                sides.append((truth < found.low, truth > found.high))
            below, above = (float(np.mean(side)) for side in zip(*sides, strict=True))
            yield f"| {n} | {gained}, {lost} | {below:.3f} | {above:.3f} |"


def main() -> None:
    """Print both tables."""
    tables: list[tuple[str, Callable[[], Iterator[str]]]] = [
        ("Planted losses and equal releases, 1000 images, prevalence 0.3", power_table),
        ("Misses of a share's difference, two images per patient, 400 runs", misses_table),
    ]
    for title, rows in tables:
        sys.stdout.write(f"## {title}\n\n")
        for row in rows():
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
