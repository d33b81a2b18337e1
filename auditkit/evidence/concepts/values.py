"""What is measured in drawn images: no model is asked."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from auditkit.evidence.concepts.answers import assembled
from auditkit.evidence.concepts.images import (
    ensure_images,
    generator_identity,
    images_stage,
    read_images,
)
from auditkit.evidence.concepts.kinds import ConceptAnswers, Drawing
from auditkit.evidence.concepts.plan import Listed, plan_of
from auditkit.evidence.engine import Compute, Stage
from auditkit.evidence.measured_values import values_of
from auditkit.evidence.store import Arrays
from auditkit.models.geometry import picture_to_input
from auditkit.spec.generator_card import GeneratorCard

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


def concept_values(evidence: "Evidence", drawing: Drawing) -> ConceptAnswers:
    """As `concept_answers`, with measured quantities in place of a model's answers.

    Nobody has annotated a drawn image: quantities of the lesion are those of the lesion that is found
    in it.
    """
    plan = plan_of(evidence, drawing)
    card = evidence.generator(drawing.generator)
    found = [_values(evidence, card, listed) for listed in plan.lists]
    return assembled(plan, found, drawing.repeats)


def _values(evidence: "Evidence", card: GeneratorCard, listed: Listed) -> Arrays:
    settings, engine = evidence.settings, evidence._engine  # noqa: SLF001 a part of Evidence
    images = images_stage(card, settings, listed)
    identity = {
        "stage": "measured attributes of drawn images",
        "generator": generator_identity(card, settings),
        "input": evidence.card.input.model_dump(mode="json"),
    }
    digests = [item.digest for item in listed.items]
    stage = Stage(f"measured attributes: {listed.title}", identity, digests, images.shard)
    missing = engine.missing(stage, images)
    if missing:
        ensure_images(engine, images, card, settings, listed, missing)
    return engine.gather(stage, partial(_measuring, evidence, images))


def _measuring(evidence: "Evidence", images: Stage) -> Compute:
    def compute(indices: Sequence[int]) -> Arrays:
        drawn = read_images(evidence._engine, images, indices)  # noqa: SLF001 a part of Evidence
        pictures = [picture_to_input(image, evidence.card.input) for image in drawn["image"]]
        values = np.array([values_of(picture, None) for picture in pictures])
        return {"answer": values, **{name: drawn[name] for name in ("finite", "truncated")}}

    return compute
