"""How often the interval of ΔAUPC covers the true one, and how often a random map's misses 0 (marked long).

``intervals``: simulated answers of 60 patients while features are removed: each has a margin that falls to
that of an emptied image, faster by heatmap than at random; right where it is positive (accuracy), or a
score (AUROC). The true ΔAUPC is that of a very large sample.

``random-map``: the fixture `glioma` on 60 of its patients, and the control `random-map` with the 400
predeclared draws 0 ... 399: its order and the baseline's have one distribution, so that the 95 % interval
must miss 0 in 5 % of them, within what 400 draws leave open (Clopper-Pearson).

    python benchmarks/removal_coverage.py intervals [RUNS]
    python benchmarks/removal_coverage.py random-map [DRAWS]

The fifteen random orders are the same for all draws, so that their error (a quarter of a standard error)
shifts all intervals alike: rates of one data set scatter a little more than the binomial interval says.

On one core about five minutes for 1000 runs, half an hour for 400 draws.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auditkit.metrics.auroc_curve import auroc_delta_aupc_estimate
from auditkit.metrics.perturbation_curve import delta_aupc_estimate, perturbation_curve_area
from auditkit.spec.removing import Performance
from auditkit.stats import auroc_point, proportion

PATIENTS, STEPS, REPEATS = 60, 10, 15
X = np.linspace(0.0, 1.0, STEPS + 1)
LARGE = 200_000
CELL, PASS = 4, 0.05
Missed = dict[Performance, list[bool]]


@dataclass(frozen=True)
class Setting:
    """How margins fall.

    Attributes:
        signal: of the whole image, in standard deviations between patients.
        heat: how much faster the heatmap's order takes the margin away than a random one: 1 alike.
        touched: share of patients whose answer removal changes at all.
        positives: share of class 1.
        images: of one patient.
    """

    name: str
    signal: float = 1.5
    heat: float = 4.0
    touched: float = 1.0
    positives: float = 0.5
    images: int = 1


SETTINGS = [
    Setting("usual"),
    Setting("no better than chance", heat=1.0),
    Setting("worse than chance", heat=0.4),
    Setting("very good heatmap", heat=12.0),
    Setting("nearly always right", signal=3.0),
    Setting("often wrong", signal=0.4),
    Setting("one patient in five changes", touched=0.2),
    Setting("one in five changes, worse than chance", touched=0.2, heat=0.4),
    Setting("one patient in ten changes", touched=0.1),
    Setting("one of four is of class 1", positives=0.25),
    Setting("two images of a patient", images=2),
]


def answers(
    setting: Setting, patients: int, repeats: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, patients, scores (n, k) by heatmap and (n, repeats, k) at random."""
    owner = np.repeat(np.arange(patients), setting.images)
    n = owner.size
    labels = (rng.random(patients) < setting.positives)[owner].astype(int)
    sides = 2 * labels - 1
    shared = rng.normal(size=patients)[owner]
    level = setting.signal * sides + (shared + rng.normal(size=n)) / np.sqrt(2)
    # An emptied image has the same score in every case, but for what the support itself tells.
    empty = 0.2 + 0.3 * rng.normal(size=n)
    empty = np.where(rng.random(n) < setting.touched, empty, level)

    def scores(speed: np.ndarray) -> np.ndarray:
        left = (1 - X) ** speed[..., np.newaxis]
        noise = 0.3 * rng.normal(size=left.shape) * (1 - left)
        noise[..., -1] = 0  # both orders end in the same image
        lead = (slice(None), *[np.newaxis] * (left.ndim - 1))
        falls = empty[lead] + (level - empty)[lead] * left
        return np.asarray(falls + noise * (level != empty)[lead])

    own = np.exp(0.4 * rng.normal(size=n))
    random = own[:, np.newaxis] * np.exp(0.2 * rng.normal(size=(n, repeats)))
    return labels, owner, scores(own * setting.heat), scores(random)


def right(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return np.asarray((scores > 0) == labels.reshape(-1, *[1] * (scores.ndim - 1)))


def truth(setting: Setting, performance: str) -> float:
    labels, _, heat, random = answers(setting, LARGE, 1, np.random.default_rng(0))
    if performance == "accuracy":
        curves = [right(labels, scores).mean(axis=0) for scores in (random[:, 0], heat)]
    else:
        curves = [
            np.array([auroc_point(labels, step) for step in scores.T])
            for scores in (random[:, 0], heat)
        ]
    areas = [float(perturbation_curve_area(X, curve)) for curve in curves]
    return areas[0] - areas[1]


def simulated(setting: Setting, performance: str, runs: int) -> list[float]:
    """Share of runs whose interval covers, lies above, lies below; its mean width; runs without one."""
    true, rows = truth(setting, performance), []
    for run in range(runs):
        rng = np.random.default_rng([1, run])
        labels, owner, heat, random = answers(setting, PATIENTS, REPEATS, rng)
        if performance == "accuracy":
            found = delta_aupc_estimate(
                right(labels, heat), right(labels, random), X, owner, seed=run
            )
        else:
            found = auroc_delta_aupc_estimate(labels, heat, random, X, owner, seed=run)
        above, below = found.low > true, found.high < true
        rows.append([not (above or below), above, below, found.high - found.low])
    return [true, *np.mean(rows, axis=0)]


def intervals(runs: int) -> None:
    print(f"{runs} runs of {PATIENTS} patients\n")
    print("| | performance | true ΔAUPC | covered | too high | too low | width |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for setting in SETTINGS:
        for performance in ("accuracy", "auc"):
            row = " | ".join(f"{value:.3f}" for value in simulated(setting, performance, runs))
            print(f"| {setting.name} | {performance} | {row} |", flush=True)


def random_map(draws: int) -> None:
    import auditkit
    from auditkit.checks.truthfulness.performance import Judge
    from auditkit.evidence import Evidence, Settings, Store
    from auditkit.evidence.engine import Engine
    from auditkit.evidence.removal import RemovalPlan
    from auditkit.spec.methods import RandomMap

    model, data = auditkit.load_model("glioma", device="cpu"), auditkit.load_data("glioma")
    plan = RemovalPlan("mean", STEPS, REPEATS)
    missed: Missed = {"accuracy": [], "auc": []}
    values: list[float] = []
    passes = 0
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Store(Path(folder)))
        evidence = Evidence(model.card, data, engine, Settings(), PATIENTS, model.copy)
        for draw in range(draws):
            method = RandomMap(cell=CELL, draw=draw)
            by_heat = evidence.removal(method, plan)
            at_random = evidence.random_removal(method, plan)
            for performance, found in missed.items():
                judge = Judge(evidence, performance, by_heat.evaluable)
                delta = judge.difference(at_random, by_heat)
                found.append(delta.low > 0 or delta.high < 0)
                if performance == "accuracy":
                    values.append(delta.value)
                    passes += delta.low > PASS
            if (draw + 1) % 20 == 0:
                print(f"{draw + 1} draws: " + _rates(missed), file=sys.stderr, flush=True)
    print(f"ΔAUPC of {draws} random maps: mean {np.mean(values):.4f}, sd {np.std(values):.4f}")
    print(f"lower limits above {PASS}: {passes}")
    print(f"95 % intervals that miss 0: {_rates(missed)}")


def _rates(missed: Missed) -> str:
    parts = []
    for performance, found in missed.items():
        rate = proportion(found)
        parts.append(
            f"{performance} {sum(found)} of {len(found)} = {rate.value:.4f} "
            f"[{rate.low:.4f}, {rate.high:.4f}]"
        )
    return "; ".join(parts)


def main() -> None:
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if what == "intervals":
        intervals(count or 1000)
    elif what == "random-map":
        random_map(count or 400)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
