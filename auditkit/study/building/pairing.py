"""From pairs that could be looked at to those that are, each with its two pictures in random order."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from auditkit.data.answers import shown_digest
from auditkit.errors import AuditError
from auditkit.spec.study import StudyPlan
from auditkit.study.building.drawing import drawn
from auditkit.study.building.entry import Entry
from auditkit.study.building.material import Material, Pair
from auditkit.study.building.pictures import Pixels
from auditkit.study.building.ready import Ready
from auditkit.study.building.seeds import generator

NOT_DRAWN = "not needed: the plan asks for fewer"


def pairs_ready(plan: StudyPlan, material: Material, seed: str, stand_ins: Sequence[str]) -> Ready:
    """All that the folder of a study of pairs is written from.

    Which picture of a pair comes first is a fair coin for each pair, whatever it shows.

    Args:
        plan: of pairs, wherever they come from.
        material: what can be looked at.
        seed: of the study.
        stand_ins: of the cards.

    Raises:
        AuditError: no image passes, or none is left after practice.
    """
    if not material.references:
        raise AuditError(f"{plan.path}: no image has a pair of every model{_why(material)}")
    found = drawn(len(material.references), plan, seed)
    sides = generator(seed, "sides")
    practice = [material.references[image][model] for image, model in found.practice]
    study = [pair for image in found.offered for pair in material.references[image]]
    entries = [_entry(pair, sides, practice=True) for pair in practice]
    entries += [_entry(pair, sides, practice=False) for pair in study]
    left_out = dict(material.left_out)
    if found.not_drawn:
        left_out[NOT_DRAWN] = len(found.not_drawn)
    images = {entry.image for entry in entries}
    return Ready(
        entries,
        left_out,
        material.models,
        stand_ins,
        generators=material.generators,
        data_sha256=shown_digest(material.records, images) if material.records else None,
    )


def _why(material: Material) -> str:
    reasons = [f"{count}: {reason}" for reason, count in material.left_out.items()]
    return f" ({'; '.join(reasons)})" if reasons else ""


def _entry(pair: Pair, sides: np.random.Generator, *, practice: bool) -> Entry:
    swapped = bool(sides.integers(2))
    return Entry(
        pair.model,
        pair.image,
        pair.patient,
        partial(_ordered, pair, swapped=swapped),
        practice=practice,
        malignant=0 if swapped else 1,
        scores=pair.scores[::-1] if swapped else pair.scores,
    )


def _ordered(pair: Pair, *, swapped: bool) -> Sequence[Pixels]:
    benign, malignant = pair.pictures()
    return (malignant, benign) if swapped else (benign, malignant)
