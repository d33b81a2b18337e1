"""Importance of every concept for every target: by DEPICT and by what is known of the target."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from auditkit.benchmarking.gathering import Gathered
from auditkit.benchmarking.targets import Redrawn, Target
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats
from auditkit.metrics.agreement import standardised_weights
from auditkit.metrics.bottleneck import bottleneck_importance
from auditkit.metrics.permuted import known_labels, permuted_metric, plain_metric
from auditkit.metrics.sampled_permutations import sampled_importance

DEPICT: Final = "DEPICT"
CEILING: Final = "true renderer"
GRADCAM: Final = "Grad-CAM"
LIME: Final = "LIME"
WEIGHTS: Final = "standardised weights"
BOTTLENECK: Final = "permutation at the bottleneck"

_DIGITS: Final = 12  # what rounding leaves of 0 is 0


@dataclass(frozen=True)
class Ranked:
    """What a method or an oracle says of M targets and D concepts.

    Attributes:
        name: of the method.
        unit: of the importance, for the axis.
        importance: (M, D); NaN where it could not be evaluated.
        draws: what the importance of a target is the mean of, (draws, D) by place of the target: sampled
            permutations, or images; None of oracles.
    """

    name: str
    unit: str
    importance: Floats
    draws: Callable[[int], Floats] | None = None


def by_permutation(
    name: str, found: Gathered, answers: Callable[[Target], Redrawn], permutations: int, seed: int
) -> Ranked:
    """AUROC lost when a concept is permuted: over all permutations, and each of some sampled ones.

    Args:
        name: of who drew the images.
        found: the targets.
        answers: those of a target to redrawn images.
        permutations: sampled ones for boxplots.
        seed: of these.
    """
    rows = [[_lost(target, answers(target), c) for c in found.concepts] for target in found.targets]
    own = seed_of("benchmark permutations", seed)

    def draws(place: int) -> Floats:
        target = found.targets[place]
        given = answers(target)
        columns = [
            sampled_importance(target.labels, given.plain, one.answers, one.own, permutations, own)
            for one in (given.permuted[concept] for concept in found.concepts)
        ]
        return np.stack(columns, axis=1)

    return Ranked(name, "AUROC lost", np.array(rows), draws)


def _lost(target: Target, answers: Redrawn, concept: str) -> float:
    """AUROC as it is minus AUROC over all permutations; NaN where all images have one value."""
    block = answers.permuted[concept]
    if block.own.min() == block.own.max():
        return float("nan")
    labels, once = known_labels("auroc", target.labels), np.ones((1, target.labels.size))
    plain = plain_metric("auroc", labels, answers.plain)(once)
    permuted = permuted_metric("auroc", labels, block.answers, block.own)(once)
    return round(float((plain - permuted)[0]), _DIGITS) + 0.0  # no minus zero


def oracles(found: Gathered) -> list[Ranked]:
    """What is known of the targets: standardised weights, and permutation at the bottleneck."""
    columns = list(found.columns)
    scaled = [standardised_weights(one.weights, one.bottleneck)[columns] for one in found.targets]
    lost = [
        bottleneck_importance(one.labels, one.bottleneck, one.weights)[columns]
        for one in found.targets
    ]
    return [
        Ranked(WEIGHTS, "weight times standard deviation", np.array(scaled)),
        Ranked(BOTTLENECK, "AUROC lost", np.array(lost)),
    ]
