"""How often intervals of the kernel inception distance cover the true one, on features of real networks.

The population is a set of synthetic lesions, two pictures of each patient, in the features of a shipped
network; patients are drawn from it with replacement, so that the true distance between two versions of the
population is its mean kernel over all pairs, without an error. Beside it the interval that many use: the
mean of subsets of the images by eq. 4 of arXiv:1801.01401 with 1.96 of its standard errors.

    python benchmarks/kernel_distance_coverage.py [RUNS] > table.md

With 200 runs (default) some five minutes on one core; chance then allows +-0.03 around 0.95.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import auditkit
from auditkit.colour import shift_luv_polar
from auditkit.metrics.kernel_distance import (
    kernel_distance,
    kernel_distance_margin,
    polynomial_kernel,
)
from auditkit.models.last_features import last_features
from auditkit.spec.data_card import DataCard
from auditkit.stats import Estimate

MODELS = Path(__file__).parents[1] / "fixtures" / "models"
NETWORKS = ("dermoscopy-concepts", "scanoma")
PATIENTS, EACH = 250, 2
SIZES = (30, 100, 300)
SUBSETS, BATCH, REPLICATES = 20, 16, 500
Features = Mapping[str, np.ndarray]


def versions(images: torch.Tensor, angles: np.ndarray) -> dict[str, torch.Tensor]:
    """The pictures as they are, a little and much changed; each shift in a direction of its own."""
    shifted = {
        f"shift {radius:g}": torch.cat(
            [
                shift_luv_polar(one[None], float(a), radius)
                for one, a in zip(images, angles, strict=True)
            ]
        )
        for radius in (5.0, 20.0)
    }
    return {"real": images, "darker": images * 0.97, **shifted}


def population(network: str) -> Features:
    """Features of all versions, (patients * EACH, d), in units in which they are 1 long on average."""
    card = {"n": PATIENTS * EACH, "seed": 11, "size": 128, "images_per_patient": EACH}
    data = auditkit.load_data(
        DataCard.model_validate(
            {"data": "lesions", "task": "melanoma", "format": "synthetic-dermoscopy", "with": card}
        )
    )
    model = auditkit.load_model(MODELS / f"{network}.model.yaml")
    angles = np.random.default_rng(0).uniform(0, 360, PATIENTS * EACH)
    parts: dict[str, list[np.ndarray]] = {}
    for start in range(0, PATIENTS * EACH, BATCH):
        rows = range(start, min(start + BATCH, PATIENTS * EACH))
        images = model.prepare([data.image(index) for index in rows])
        for name, version in versions(images, angles[rows.start : rows.stop]).items():
            with torch.no_grad():
                parts.setdefault(name, []).append(last_features(model, version).double().numpy())
    found = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    length = np.sqrt((found["real"] ** 2).mean())
    return {name: values / length for name, values in found.items()}


def truth(pool: Features, name: str) -> float:
    """Squared MMD between two versions of the whole population."""
    real, other = pool["real"], pool[name]
    within = polynomial_kernel(real, real).mean() + polynomial_kernel(other, other).mean()
    return float(within - 2 * polynomial_kernel(real, other).mean())


@dataclass(frozen=True)
class Sample:
    """Some patients of the population with all their pictures."""

    pool: Features
    rows: np.ndarray
    patients: np.ndarray

    @classmethod
    def draw(cls, pool: Features, count: int, rng: np.random.Generator) -> "Sample":
        """So many patients, with replacement."""
        drawn = rng.integers(PATIENTS, size=count)
        rows = (drawn[:, np.newaxis] * EACH + np.arange(EACH)).reshape(-1)
        return cls(pool, rows, np.repeat(np.arange(count), EACH))

    def halves(self) -> Estimate:
        """Distance of one half of the patients from the other."""
        real, side = self.pool["real"][self.rows], self.patients % 2 == 0
        owners = self.patients[side], self.patients[~side]
        return kernel_distance(real[side], real[~side], *owners, replicates=REPLICATES)

    def distance(self, name: str) -> Estimate:
        """Distance of a version from the pictures as they are."""
        real, other = self.pool["real"][self.rows], self.pool[name][self.rows]
        return kernel_distance(real, other, self.patients, replicates=REPLICATES)

    def margin(self) -> Estimate:
        """By how much the larger shift is farther away than the smaller one."""
        real, far, near = (self.pool[name][self.rows] for name in ("real", "shift 20", "shift 5"))
        return kernel_distance_margin(real, far, near, self.patients, replicates=REPLICATES)

    def usual(self, name: str, rng: np.random.Generator) -> tuple[float, float]:
        """Mean and standard error over subsets of half of the images."""
        real, other = self.pool["real"][self.rows], self.pool[name][self.rows]
        size, found = len(real) // 2, []
        for _ in range(SUBSETS):
            x, y = (one[rng.choice(len(one), size, replace=False)] for one in (real, other))
            own = sum(
                (k.sum() - np.trace(k)) / (size * (size - 1))
                for k in (polynomial_kernel(x, x), polynomial_kernel(y, y))
            )
            found.append(own - 2 * polynomial_kernel(x, y).mean())
        return float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(SUBSETS))


def row(estimates: list[Estimate], true: float, usual: list[tuple[float, float]]) -> list[float]:
    """True value, mean estimate, shares covered, too high and too low, median width, the usual one."""
    high = np.mean([one.low > true for one in estimates])
    low = np.mean([one.high < true for one in estimates])
    mean = np.mean([one.value for one in estimates])
    width = np.median([one.high - one.low for one in estimates])
    other = np.mean([abs(m - true) <= 1.96 * e for m, e in usual]) if usual else np.nan
    return [true, mean, 1 - high - low, high, low, width, other]


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    torch.set_num_threads(1)
    print(
        "| network | compared | patients | true | mean | covered | too high | too low | width | subsets |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for network in NETWORKS:
        pool = population(network)
        distances = {name: truth(pool, name) for name in pool if name != "real"}
        settings: list[tuple[str, float, Callable[[Sample], Estimate], str]] = [
            ("two halves", 0.0, Sample.halves, ""),
            *(
                (name, true, lambda s, n=name: s.distance(n), name)
                for name, true in distances.items()
            ),
            ("margin", distances["shift 20"] - distances["shift 5"], Sample.margin, ""),
        ]
        for name, true, estimate, subsets in settings:
            for count in SIZES:
                rngs = [np.random.default_rng([count, run]) for run in range(runs)]
                samples = [Sample.draw(pool, count, rng) for rng in rngs]
                usual = [
                    one.usual(subsets, rng)
                    for one, rng in zip(samples, rngs, strict=True)
                    if subsets
                ]
                cells = row([estimate(one) for one in samples], true, usual)
                numbers = " | ".join(f"{cell:.3g}" for cell in cells)
                print(f"| {network} | {name} | {count} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
