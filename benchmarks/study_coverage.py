"""How often intervals of an expert study contain the true value. Nominal: 95 %.

Two experts look at every pair. What they note of an attribute depends half on the pair (a normal variable
that they share) and half on the expert; where a patient has two images, half of the pair's part is the
patient's.

* Shares: an attribute is noted on the benign side with probability p, and never on the other.
* Displayed size: it is noted on both sides, near and far from where the predominant direction switches.
* Cohen's kappa with the model: sides are drawn with a fair coin; an expert agrees with the model in
  (1 + kappa) / 2 of the pairs, and the two experts' agreement with it is correlated.
* Agreement between experts: they share kappa of their answers, of which 50 or 10 % are of the rarer kind.

    nice -n 10 python benchmarks/study_coverage.py > table.md

Needs about four minutes on one core.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy import special

from auditkit.errors import AuditError
from auditkit.metrics.attribute_agreement import attribute_agreement
from auditkit.metrics.attribute_estimates import attribute_estimates
from auditkit.metrics.cohen_kappa import Pairs, cohen_kappa_estimate, pooled_kappa
from auditkit.metrics.expert_agreement import choice_alpha
from auditkit.stats import Estimate, proportion
from auditkit.stats.inputs import Floats, Integers

RUNS, EXPERTS, SHARED = 300, 2, 0.5
REFERENCES = (30, 100)
SHARES = (0.0, 0.02, 0.1, 0.4)
# Both sides' probabilities: at the switch, just beyond it, far beyond it, in the middle of "neither", small.
SIDES = ((0.2, 0.1), (0.21, 0.1), (0.4, 0.05), (0.15, 0.15), (0.04, 0.02), (0.03, 0.01))
KAPPAS = (0.0, 0.4, 0.9, 1.0)

RATES = (0.5, 0.3, 0.2, 0.1, 0.05)

Generator = np.random.Generator


def correlated(generator: Generator, pairs: int, per_patient: int = 1) -> Floats:
    """(experts, pairs) standard normal: the pair's part, and each expert's own."""
    patient = np.repeat(generator.normal(size=-(-pairs // per_patient)), per_patient)[:pairs]
    within = 0.5 if per_patient > 1 else 0.0
    pair = np.sqrt(within) * patient + np.sqrt(1 - within) * generator.normal(size=pairs)
    own = generator.normal(size=(EXPERTS, pairs))
    found: Floats = np.sqrt(SHARED) * pair + np.sqrt(1 - SHARED) * own
    return found


def noted(
    generator: Generator, pairs: int, sides: tuple[float, float], per_patient: int
) -> tuple[Estimate, Estimate, set[str]]:
    """The interval of the benign side, that of the displayed size, and the directions not excluded."""
    depth = special.ndtr(correlated(generator, pairs, per_patient))
    s = np.zeros((EXPERTS, pairs, 1, 5), dtype=bool)
    s[:, :, 0, 1] = depth < sides[0]
    s[:, :, 0, 3] = depth > 1 - sides[1]
    patients = np.arange(pairs) // per_patient
    found = attribute_estimates(s, np.ones((EXPERTS, pairs), dtype=bool), patients)[0]
    return found.benign, found.score, set(found.direction.candidates)


def with_model(generator: Generator, pairs: int, kappa: float) -> list[Pairs]:
    """Both experts' displayed answers and the model's."""
    agree = special.ndtr(correlated(generator, pairs)) < (1 + kappa) / 2
    model = generator.random((EXPERTS, pairs)) < 0.5
    return [
        Pairs(np.where(right, side, ~side), side, np.arange(pairs))
        for right, side in zip(agree, model, strict=True)
    ]


def between(generator: Generator, pairs: int, kappa: float, share: float) -> Integers:
    """(experts, pairs) answers of 0 and 1, with this share of 1 and this agreement beyond chance."""
    common = generator.random(pairs) < share
    own = generator.random((EXPERTS, pairs)) < share
    found: Integers = np.where(generator.random(pairs) < kappa, common, own).astype(np.int64)
    return found


def rate(hits: list[bool]) -> str:
    """Share of intervals that contain the truth, with its own interval."""
    found = proportion(hits)
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def inside(found: Estimate, truth: float) -> bool:
    """Whether the interval contains it, but for rounding."""
    return found.low <= truth + 1e-12 and found.high >= truth - 1e-12


def row(name: str, true: float, pairs: int, draw: Callable[[Generator], Estimate]) -> str:
    """Coverage of one kind of interval, and its mean width."""
    found = []
    for run in range(RUNS):
        # Where nobody gives the rarer answer there is no alpha, and no interval to be wrong.
        with suppress(AuditError):
            found.append(draw(np.random.default_rng([pairs, run])))
    below = np.mean([one.low > true + 1e-12 for one in found])
    above = np.mean([one.high < true - 1e-12 for one in found])
    width = np.mean([one.high - one.low for one in found])
    hits = [inside(one, true) for one in found]
    return f"| {name} | {true:.3g} | {pairs} | {rate(hits)} | {below:.3f} | {above:.3f} | {width:.3f} |"


def shares() -> Iterator[str]:
    """Scores of one side."""
    for pairs, per_patient, share in product(REFERENCES, (1, 2), SHARES):

        def draw(
            generator: Generator, n: int = pairs, p: float = share, k: int = per_patient
        ) -> Estimate:
            return noted(generator, n, (p, 0.0), k)[0]

        yield row(f"share, {per_patient} per patient", share, pairs, draw)


def displayed() -> Iterator[str]:
    """Displayed sizes, and how often the true direction is not excluded, or the only one left."""
    for pairs, sides in product(REFERENCES, SIDES):
        benign, malignant = sides
        truth = "benign" if benign > 2 * malignant else "neither"
        left: list[set[str]] = []

        def draw(
            generator: Generator,
            n: int = pairs,
            both: tuple[float, float] = sides,
            left: list[set[str]] = left,
        ) -> Estimate:
            _, size, candidates = noted(generator, n, both, 1)
            left.append(candidates)
            return size

        size = benign if truth == "benign" else (benign + malignant) / 2
        yield row(f"displayed size, {benign:g} and {malignant:g}", size, pairs, draw)
        kept = rate([truth in one for one in left])
        alone = np.mean([one == {truth} for one in left])
        yield f"| its direction, {truth} | | {pairs} | {kept} | alone in {alone:.3f} | | |"


def kappas() -> Iterator[str]:
    """Agreement with the model."""
    for pairs, kappa in product(REFERENCES, KAPPAS):

        def single(generator: Generator, n: int = pairs, k: float = kappa) -> Estimate:
            one = with_model(generator, n, k)[0]
            return cohen_kappa_estimate(one.first, one.second, one.patients)

        def pooled(generator: Generator, n: int = pairs, k: float = kappa) -> Estimate:
            return pooled_kappa(with_model(generator, n, k))

        yield row("kappa, expert and model", kappa, pairs, single)
        yield row("kappa, mean of two experts", kappa, pairs, pooled)


def agreement() -> Iterator[str]:
    """Agreement between experts."""
    for pairs, share, kappa in product(REFERENCES, (0.5, 0.1), KAPPAS):

        def draw(
            generator: Generator, n: int = pairs, s: float = share, k: float = kappa
        ) -> Estimate:
            return choice_alpha(between(generator, n, k, s))

        yield row(f"alpha, experts, share {share:g}", kappa, pairs, draw)


def means() -> Iterator[str]:
    """Mean alphas of attributes."""
    for pairs, kappa in product(REFERENCES, (0.4, 0.9)):

        def draw(generator: Generator, n: int = pairs, k: float = kappa) -> Estimate:
            codes = np.stack([between(generator, n, k, rate) for rate in RATES], axis=2)
            found = attribute_agreement(codes).mean
            if isinstance(found, str):
                raise AuditError(found)
            return found

        yield row(f"mean alpha of {len(RATES)} attributes", kappa, pairs, draw)


def main() -> None:
    """Print the table."""
    print(f"{RUNS} simulated studies in each row.\n")
    print("| interval | true | references | coverage | too high | too low | mean width |")
    print("|---|---|---|---|---|---|---|")
    for table in (shares, displayed, kappas, agreement, means):
        for line in table():
            print(line, flush=True)


if __name__ == "__main__":
    main()
