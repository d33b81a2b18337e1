"""How often 95 % intervals about counterfactuals cover the truth (marked long).

100 images, two of each of 50 patients, who share half of every variance. Four tables:

``difference``     mean of malignant minus benign, and the share of pairs whose malignant member has more.
``standardised``   the first in standard deviations of the attribute between images.
``colour``         response of the score in the direction of the pairs' mean colour difference. Its length
                   is given in its standard errors; "off" is the angle between that direction and the one to
                   which images respond most, "alike" how far an image's response goes with its own colour
                   difference. Of runs in which a direction was resolved (their share: "resolved"). Beside
                   it: the interval for that direction taken as known.
``profile``        correlation of the profiles of three trainings over 18 attributes. "size" is the standard
                   deviation of true differences between attributes, in those between images; "shared" the
                   part of the patients' noise that trainings have in common. Of runs with a profile
                   ("evaluable"). Beside it: percentiles of the correlation of what was observed.

    python benchmarks/counterfactual_coverage.py [RUNS] > tables.md

With 500 runs (default) about five minutes on one core; chance then allows +-0.02 around 0.95.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from auditkit import stats
from auditkit.checks.counterfactual_attributes.differences import clustered_mean
from auditkit.errors import AuditError
from auditkit.stats.directions import mean_direction, response_towards
from auditkit.stats.inputs import cluster_images
from auditkit.stats.profiles import profile_correlation
from auditkit.stats.resampling import from_replicates, patient_weights
from auditkit.stats.standardised import standardised_mean

PATIENTS, IMAGES = 50, 2
N = PATIENTS * IMAGES
IDS = np.repeat(np.arange(PATIENTS), IMAGES)
GROUPS = cluster_images(IDS, N)
LARGE, WIDE, MOST = 100_000, (-1e6, 1e6), 1e3
ANGLES, TRAININGS, ATTRIBUTES, DRAWS = 16, 3, 18, 2000
Floats = np.ndarray
Rng = np.random.Generator


def normal(rng: Rng, patients: int, *shape: int) -> Floats:
    """Standard normal values of images, half of whose variance is of their patients."""
    own = rng.normal(size=(patients, 1, *shape)) + rng.normal(size=(patients, IMAGES, *shape))
    return (own / np.sqrt(2)).reshape(patients * IMAGES, *shape)


def one_in_five(z: Floats, noise: Floats, rng: Rng) -> tuple[Floats, Floats]:
    """Hair, say: absent in most images, and changed in those of few patients."""
    changed = np.repeat(rng.random(z.size // IMAGES) < 0.2, IMAGES)
    return np.where(changed, 0.5 + 0.2 * np.abs(noise), 0.0), np.where(z > 0.5, np.exp(noise), 0.0)


Made = Callable[[Floats, Floats, Rng], tuple[Floats, Floats]]
# Differences and the attribute of the images, of two standard normal values of each.
KINDS: dict[str, Made] = {
    "no difference": lambda z, noise, _: (noise, z),
    "normal, half a deviation": lambda z, noise, _: (0.5 + 0.5 * noise, z),
    "normal, two deviations": lambda z, noise, _: (2 + 0.7 * noise, z),
    "nearly the same change everywhere": lambda z, noise, _: (1 + 0.02 * noise, z),
    "heavy tails (t of 5 degrees)": lambda z, noise, rng: (
        1 + 0.5 * noise,
        z / np.sqrt(rng.chisquare(5, size=z.size) / 5),
    ),
    "lognormal, change in proportion": lambda z, noise, _: (
        0.5 * np.exp(0.7 * z) + 0.2 * noise,
        np.exp(0.7 * z),
    ),
    "lognormal, change apart from it": lambda z, noise, _: (0.8 + 0.3 * noise, np.exp(0.7 * z)),
    "one patient in five changes, mostly zeros": one_in_five,
}


def attribute(kind: str, rng: Rng, patients: int) -> tuple[Floats, Floats]:
    """Differences and the attribute of the images as they are."""
    return KINDS[kind](normal(rng, patients), normal(rng, patients), rng)


def covers(found: stats.Estimate, truth: float) -> bool:
    """Whether the interval has the truth."""
    return found.low <= truth <= found.high


def share_with_more(changes: Floats) -> Floats:
    """1, a half for ties, and 0."""
    return (np.sign(changes) + 1) / 2


def difference_row(kind: str, runs: int) -> str:
    """Coverage of the mean and of the share with more."""
    many, _ = attribute(kind, np.random.default_rng(9), LARGE)
    truths = many.mean(), share_with_more(many).mean()
    rng, hits = np.random.default_rng([*kind.encode()]), np.zeros(2)
    for _ in range(runs):
        changes, _ = attribute(kind, rng, PATIENTS)
        found = clustered_mean(changes, IDS, WIDE)
        more = clustered_mean(share_with_more(changes), IDS, (0.0, 1.0))
        hits += [covers(found, truths[0]), covers(more, truths[1])]
    return row(kind, *hits / runs)


def standardised_row(kind: str, runs: int) -> str:
    """Coverage of the ratio, and of a difference by a standard deviation that is taken as known."""
    changes, images = attribute(kind, np.random.default_rng(9), LARGE)
    truth = changes.mean() / images.std()
    rng, hits = np.random.default_rng([*kind.encode()]), np.zeros(2)
    for _ in range(runs):
        changes, images = attribute(kind, rng, PATIENTS)
        found = standardised_mean(changes, images, IDS, bounds=WIDE, most=MOST)
        plain = clustered_mean(changes, IDS, WIDE)
        own = truth * images.std(ddof=1)
        hits += [covers(found, truth), covers(plain, own)]
    return row(kind, *hits / runs)


def responses(angle: Floats, strength: Floats, best: Floats) -> Floats:
    """Change of each image's score when it is moved towards angles; saturating."""
    return 0.5 * np.tanh(1.5 * strength[:, None] * np.cos(np.deg2rad(angle - best[:, None])))


def colour_row(length: float, off: float, alike: float, runs: int) -> str:
    """Coverage of the response, with the direction estimated and taken as known."""
    rng, hits, resolved = np.random.default_rng(0), np.zeros(2), 0
    mean = length * np.sqrt((1 + 1 / IMAGES) / 2 / PATIENTS)
    big = np.random.default_rng(9).normal(size=(2, LARGE))
    truth = responses(np.zeros(1), 0.6 + 0.3 * big[0], off + 23 * big[1]).mean()
    circle = np.arange(ANGLES) * 360 / ANGLES
    for _ in range(runs):
        vectors = normal(rng, PATIENTS, 2)
        own = alike * vectors + np.sqrt(1 - alike**2) * normal(rng, PATIENTS, 2)
        vectors[:, 0] += mean
        direction = mean_direction(vectors, IDS)
        if direction.p_value > 0.05:
            continue
        answer = partial(responses, strength=0.6 + 0.3 * own[:, 0], best=off + 23 * own[:, 1])
        exact = answer(np.array([float(direction.degrees)]))[:, 0]
        found = response_towards(direction, exact, answer(circle), vectors, IDS)
        hits += [covers(found, truth), covers(stats.mean(exact, IDS), truth)]
        resolved += 1
    return row(f"{length:g} | {off:g} | {alike:g}", resolved / runs, *hits / max(resolved, 1))


def correlation(profiles: Floats) -> Floats:
    """Mean correlation of pairs of trainings, (..., K, m) to (...)."""
    centred = profiles - profiles.mean(axis=-1, keepdims=True)
    unit = centred / np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    first, second = np.triu_indices(TRAININGS, k=1)
    return (unit @ np.swapaxes(unit, -1, -2))[..., first, second].mean(axis=-1)


def profile_row(size: float, apart: float, shared: float, runs: int) -> str:
    """Coverage of the corrected correlation, and of percentiles of the plain one."""
    rng, hits, evaluable = np.random.default_rng(0), np.zeros(2), 0
    # Threes of attributes whose noise goes together, as colours of one place do.
    block = np.arange(ATTRIBUTES) // 3
    mix = np.linalg.cholesky(0.6 * (block[:, None] == block) + 0.4 * np.eye(ATTRIBUTES))
    for _ in range(runs):
        true = size * rng.normal(size=ATTRIBUTES)
        true = true + apart * size * rng.normal(size=(TRAININGS, ATTRIBUTES))
        common = normal(rng, PATIENTS, 1, ATTRIBUTES)
        each = normal(rng, PATIENTS, TRAININGS, ATTRIBUTES)
        changes = true + (np.sqrt(shared) * common + np.sqrt(1 - shared) * each) @ mix.T
        weights = patient_weights(rng, DRAWS, PATIENTS)[:, IDS] / N
        drawn = (weights @ changes.reshape(N, -1)).reshape(DRAWS, TRAININGS, ATTRIBUTES)
        observed, truth = changes.mean(axis=0), float(correlation(true)) - 1e-9
        try:
            found = profile_correlation(observed, drawn, GROUPS)
        except AuditError:
            continue
        value, draws = float(correlation(observed)), correlation(drawn)
        plain = from_replicates(value, draws, GROUPS, bounds=(-1.0, 1.0))
        hits += [covers(found, truth), covers(plain, truth)]
        evaluable += 1
    return row(f"{size:g} | {apart:g} | {shared:g}", evaluable / runs, *hits / max(evaluable, 1))


def row(first: str, *shares: float) -> str:
    """A line of a table."""
    return f"| {first} | {' | '.join(f'{share:.3f}' for share in shares)} |\n"


def tables(runs: int) -> Iterator[str]:
    """All lines."""
    yield "| attribute | difference | malignant has more |\n|---|--:|--:|\n"
    yield from (difference_row(kind, runs) for kind in KINDS)
    yield "\n| attribute | standardised | its deviation taken as known |\n|---|--:|--:|\n"
    yield from (standardised_row(kind, runs) for kind in KINDS)
    yield "\n| length | off | alike | resolved | this interval | direction taken as known |\n"
    yield "|--:|--:|--:|--:|--:|--:|\n"
    for length in (2.5, 4.0, 8.0, 20.0):
        for off, alike in ((0.0, 0.0), (60.0, 0.0), (60.0, 0.7)):
            yield colour_row(length, off, alike, runs)
    yield "\n| size | between trainings | shared | evaluable | this interval | percentiles |\n"
    yield "|--:|--:|--:|--:|--:|--:|\n"
    for size in (0.2, 0.3, 1.0):
        for apart, shared in ((0.0, 0.0), (0.3, 0.7), (1.0, 0.0), (1.0, 0.7)):
            yield profile_row(size, apart, shared, runs)


def main() -> None:
    """Print the tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for line in tables(runs):
        sys.stdout.write(line)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
