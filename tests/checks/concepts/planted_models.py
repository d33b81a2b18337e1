"""A shapes-like world: six independent concepts, a weighted sum as target, a classifier of every concept."""

import numpy as np

from .drawn_evidence import Drawing, Painter, model_card

NAMES = ["red", "green", "blue", "hair"]
N = 160
RNG = np.random.default_rng(0)
VALUES = RNG.integers(0, 2, (N, len(NAMES)))
NOISE = RNG.standard_normal((3, N, len(NAMES)))
OWN_NOISE = RNG.standard_normal((3, N))
WEIGHTS = np.array([3.0, 1.5, 0.03, 0.0])
LABELS = (VALUES @ WEIGHTS + 1.5 * RNG.standard_normal(N) > 2).astype(int)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def painter(**more):
    return Painter(NAMES, VALUES, LABELS, **more)


def scoring(weights=WEIGHTS, noise=0.3):
    """Raw answers (.., 2) of a target that reads a weighted sum."""

    def answer(content, repeat):
        drift = OWN_NOISE[repeat, : len(content)] if content.ndim == 2 else 0.0
        score = sigmoid(content @ np.asarray(weights) - 2 + noise * drift)
        return np.stack([1 - score, score], axis=-1)

    return answer


def seeing(noise=1.2):
    """Probabilities (.., D) of a concept classifier."""

    def answer(content, repeat):
        return sigmoid(4 * content - 2 + noise * NOISE[repeat, : len(content)])

    return answer


def planted(weights=WEIGHTS, classes=NAMES, **more):
    """Evidence of the target, with the concept classifier as its peer `see`."""
    extra = {key: more.pop(key) for key in ("truncated", "real", "card") if key in more}
    world = painter(**more)
    card = model_card(classes, score=None)
    classifier = Drawing(world, lambda c, r: seeing()(c, r)[..., : len(classes)], card)
    return Drawing(world, scoring(weights), peers={"see": classifier}, **extra)
