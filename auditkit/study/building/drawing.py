"""Which reference images are looked at, which are for practice, and which are not needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.errors import AuditError
from auditkit.spec.study import StudyPlan
from auditkit.study.building.seeds import generator

SPARE = 1.5


@dataclass(frozen=True)
class Drawn:
    """What becomes of reference images, by their places.

    Attributes:
        practice: (reference, model) of each pair to practise on, by places.
        offered: references of the study; experts screen them where the plan says so.
        not_drawn: references that are not needed.
    """

    practice: Sequence[tuple[int, int]]
    offered: Sequence[int]
    not_drawn: Sequence[int]


def drawn(references: int, plan: StudyPlan, seed: str) -> Drawn:
    """Draw reference images without a look at anything but their number.

    Practice comes first: from as many images as there are pairs, if so many are not needed by the study,
    else from as few as have enough pairs. No image is for practice and for the study. Where experts screen,
    half as many again as the plan asks for are offered to them (``SPARE``), so that those rejected can be
    replaced and screening still ends.

    Args:
        references: how many there are, each with a pair of every model.
        plan: how many are wanted.
        seed: of the study.

    Raises:
        AuditError: no image is left for the study.
    """
    order = [int(place) for place in generator(seed, "references").permutation(references)]
    models = len(plan.models)
    used = _images_for_practice(references - plan.references, plan.practice, models)
    if used >= references:
        raise AuditError(
            f"{plan.path}: {references} reference images have a pair of every model, and {used} of them are "
            f"needed for practice ({plan.practice} pairs); lower 'practice', or give more images"
        )
    wanted = math.ceil(SPARE * plan.references) if plan.prescreen else plan.references
    study = order[used:]
    practice = _dealt(order[:used], models, plan.practice, generator(seed, "practice"))
    return Drawn(practice, study[:wanted], study[wanted:])


def _images_for_practice(spare: int, pairs: int, models: int) -> int:
    return min(pairs, max(spare, math.ceil(pairs / models)))


def _dealt(
    images: Sequence[int], models: int, pairs: int, source: np.random.Generator
) -> list[tuple[int, int]]:
    """Pairs of these images: one of each, then a second of each; models in turn, in random order."""
    order = [source.permutation(models) for _ in images]
    every = [
        (image, int(order[i][turn])) for turn in range(models) for i, image in enumerate(images)
    ]
    return every[:pairs]
