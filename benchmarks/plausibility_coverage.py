"""How often intervals of MSFI differences cover the true ones, on simulated patients.

Each patient has a difficulty that decides with which subsets of four modalities the answer is right, and in
each modality a share of heat on the annotation, lower where the decision is wrong. The true difference
follows from the design: weights from the true Shapley values, means from the distributions. Columns: right
minus wrong decisions (`msfi_difference`), method minus a control that knows nothing (`msfi_mean`), and the
probability of superiority (`group_superiority`, of MSFI with the estimated weights against that with the
true ones).

    python benchmarks/plausibility_coverage.py [RUNS] > table.md

With 1000 runs (default) about four minutes on one core; chance then allows +-0.014 around 0.95.
"""

import sys
from dataclasses import dataclass

import numpy as np

from auditkit.errors import AuditError
from auditkit.metrics.modalities import modality_shapley
from auditkit.metrics.plausibility import modality_weights
from auditkit.metrics.plausibility_estimates import (
    ModalityImportance,
    msfi_difference,
    msfi_mean,
)
from auditkit.stats.two_groups import group_superiority

PATIENTS, TRUTH = 60, 400_000


@dataclass(frozen=True)
class Setting:
    """How decisions and heatmaps hang together.

    Attributes:
        name: of the row.
        gains: accuracy that each of four modalities adds to .5, one after the other's order not mattering.
        right: mean share of heat on the annotation where the decision is right, by modality.
        wrong: the same where it is wrong.
        spread: sum of the two parameters of the beta distributions: small is wide.
        images: of a patient.
        given: weights are given and not estimated.
        noise: standard deviation of what each subset of modalities adds to a case's difficulty.
    """

    name: str
    gains: tuple[float, ...] = (0.25, 0.08, 0.02, 0.0)
    right: tuple[float, ...] = (0.6, 0.4, 0.2, 0.2)
    wrong: tuple[float, ...] = (0.45, 0.35, 0.2, 0.2)
    spread: float = 4.0
    images: int = 1
    given: bool = False
    noise: float = 0.15


SETTINGS = [
    Setting("weights given", given=True),
    Setting("weights estimated"),
    Setting("one modality counts, three do not", gains=(0.35, 0.0, 0.0, 0.0)),
    Setting("a harmful modality", gains=(0.3, 0.08, 0.0, -0.03)),
    Setting("all count alike", gains=(0.09, 0.09, 0.09, 0.09)),
    Setting("six wrong decisions", gains=(0.3, 0.06, 0.04, 0.0)),
    Setting("three wrong decisions", gains=(0.35, 0.06, 0.04, 0.0)),
    Setting("portions near 0 and 1", spread=0.8),
    Setting("heat on the wrong modality", right=(0.05, 0.6, 0.2, 0.2), wrong=(0.04, 0.3, 0.1, 0.1)),
    Setting("three images of a patient", images=3),
]


@dataclass(frozen=True)
class Sample:
    """Patients (n,), which subsets are right (n, 16), portions (n, 4) of the method and of the control."""

    patients: np.ndarray
    right: np.ndarray
    method: np.ndarray
    control: np.ndarray


def accuracies(setting: Setting) -> np.ndarray:
    """Accuracy with each subset of modalities."""
    subsets = (np.arange(16)[:, np.newaxis] >> np.arange(4)) & 1
    return np.asarray(0.5 + subsets @ np.array(setting.gains))


def draw(setting: Setting, patients: int, rng: np.random.Generator) -> Sample:
    owner = np.arange(patients * setting.images) // setting.images
    n = owner.size
    # Difficulty: of the patient, of the image, and of the subset; uniform over all.
    from scipy.special import ndtr

    noise = setting.noise
    level = rng.normal(size=patients)[owner] * (0.7 if setting.images > 1 else 1.0)
    level = level + (rng.normal(size=n) * np.sqrt(0.51) if setting.images > 1 else 0.0)
    easy = level[:, np.newaxis] + noise * rng.normal(size=(n, 16))
    right = ndtr(easy / np.sqrt(1 + noise**2)) < accuracies(setting)
    mean = np.where(right[:, -1:], setting.right, setting.wrong)
    # Modalities of a case go together: a common part beside each one's own.
    own = rng.beta(setting.spread * mean, setting.spread * (1 - mean))
    control = rng.beta(1.0, 5.0, size=(n, 4))
    return Sample(owner, right, own, control)


def importance_of(setting: Setting, sample: Sample) -> ModalityImportance:
    if setting.given:
        return ModalityImportance(modality_shapley(accuracies(setting)))
    per_case = modality_shapley(sample.right.astype(float))
    return ModalityImportance(per_case.mean(axis=0), per_case)


def truths(setting: Setting) -> tuple[float, float, float]:
    weights = modality_weights(modality_shapley(accuracies(setting)))
    large = draw(setting, TRUTH // setting.images, np.random.default_rng(0))
    right, msfi = large.right[:, -1], large.method @ weights
    apart = float(weights @ (np.array(setting.right) - np.array(setting.wrong)))
    share = accuracies(setting)[-1]
    means = share * np.array(setting.right) + (1 - share) * np.array(setting.wrong)
    over = float(weights @ (means - 1 / 6))
    superior = group_superiority(right, msfi).value
    return apart, over, superior


def covered(setting: Setting, runs: int) -> tuple[list[float], int]:
    """Coverage and width of each quantity, and runs without an interval for right minus wrong."""
    apart, over, superior = truths(setting)
    hits, lost = [], 0
    for run in range(runs):
        sample = draw(setting, PATIENTS, np.random.default_rng([1, run]))
        importance, right = importance_of(setting, sample), sample.right[:, -1]
        rows = np.ones(right.size, dtype=bool)
        given = rows, importance, sample.patients
        second = msfi_mean(sample.method - sample.control, *given, bounds=(-1.0, 1.0))
        try:
            first = msfi_difference(sample.method, right, *given)
            values = sample.method @ modality_weights(importance.phi)
            third = group_superiority(right, values, sample.patients)
        except AuditError:
            lost += 1
            continue
        row: list[float] = []
        for found, true in ((first, apart), (second, over), (third, superior)):
            row += [found.low <= true <= found.high, found.high - found.low]
        hits.append(row)
    return list(np.mean(hits, axis=0)), lost


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    heads = [
        "",
        "right − wrong",
        "width",
        "method − control",
        "width",
        "superiority",
        "width",
        "none",
    ]
    print(f"| {' | '.join(heads)} |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for setting in SETTINGS:
        found, lost = covered(setting, runs)
        row = " | ".join(f"{value:.3f}" for value in found)
        print(f"| {setting.name} | {row} | {lost} |", flush=True)


if __name__ == "__main__":
    main()
