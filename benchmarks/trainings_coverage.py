"""How often intervals of a mean over trainings cover the true one, on simulated patients and trainings.

d_ik = truth + training k + patient i + both, all normal. Beside `mean_over_trainings`: one number
of degrees of freedom for its two parts (Satterthwaite), and all K n values taken for independent.

    python benchmarks/trainings_coverage.py [RUNS] > table.md

With 2000 runs (default) about a minute on one core; chance then allows +-0.01 around 0.95.
"""

import sys

import numpy as np
from scipy import stats

from auditkit.stats.inputs import cluster_images
from auditkit.stats.trainings import mean_over_trainings

TRUTH, DRAWS = 0.1, 300
# Trainings, patients, and standard deviations between trainings, of patients, and of both together.
SETTINGS = [
    (5, 60, 0.0, 0.2, 0.2),
    (5, 60, 0.03, 0.2, 0.2),
    (5, 60, 0.1, 0.2, 0.2),
    (5, 60, 0.03, 0.0, 0.2),
    (3, 60, 0.1, 0.2, 0.2),
    (2, 60, 0.1, 0.2, 0.2),
]


def satterthwaite(values: np.ndarray) -> float:
    """Half the width of the interval with one number of degrees of freedom."""
    n, trainings = values.shape
    own = values.mean(axis=0).var(ddof=1) / trainings
    covariance = np.cov(values.T) / n
    pairs = trainings * (trainings - 1)
    shared = max((covariance.sum() - np.trace(covariance)) / pairs, 0.0)
    degrees = (own + shared) ** 2 / (own**2 / (trainings - 1) + shared**2 / (n - 1))
    return float(stats.t.ppf(0.975, degrees) * np.sqrt(own + shared))


def pooled(values: np.ndarray) -> float:
    """Half the width of the interval of K n independent values."""
    error = values.std(ddof=1) / np.sqrt(values.size)
    return float(stats.t.ppf(0.975, values.size - 1) * error)


def coverage(setting: tuple[int, int, float, float, float], runs: int) -> np.ndarray:
    """Shares of the runs in which each of the three intervals has the truth."""
    trainings, n, between, patients, both = setting
    rng, groups, hits = np.random.default_rng(0), cluster_images(None, n), np.zeros(3)
    for _ in range(runs):
        effects = between * rng.normal(size=trainings) + patients * rng.normal(size=(n, 1))
        values = TRUTH + effects + both * rng.normal(size=(n, trainings))
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS) @ values / n
        own = mean_over_trainings(values.mean(axis=0), drawn, groups, bounds=(-9.0, 9.0))
        away = abs(values.mean() - TRUTH)
        covered = own.low <= TRUTH <= own.high
        hits += [covered, away <= satterthwaite(values), away <= pooled(values)]
    return hits / runs


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    sys.stdout.write(
        "| K | G | trainings, patients, both | this interval | Satterthwaite | pooled |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for setting in SETTINGS:
        trainings, n, *deviations = setting
        cells = " | ".join(f"{share:.3f}" for share in coverage(setting, runs))
        sizes = ", ".join(f"{one:g}" for one in deviations)
        sys.stdout.write(f"| {trainings} | {n} | {sizes} | {cells} |\n")


if __name__ == "__main__":
    main()
