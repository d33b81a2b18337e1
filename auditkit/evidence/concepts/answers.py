"""A model's answers to drawn images: read from the store shard by shard, since all of them are gigabytes."""

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from auditkit.evidence.concepts.images import (
    ensure_images,
    generator_identity,
    images_stage,
    read_images,
)
from auditkit.evidence.concepts.kinds import BlockAnswers, ConceptAnswers, Drawing
from auditkit.evidence.concepts.plan import Listed, Plan, PlannedBlock, plan_of
from auditkit.evidence.engine import Compute, Stage
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.sized import Sized
from auditkit.evidence.stages import batcher_for, table_of
from auditkit.evidence.store import Arrays
from auditkit.spec.generator_card import GeneratorCard

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


def concept_answers(evidence: "Evidence", drawing: Drawing) -> ConceptAnswers:
    """The model's answers to everything that a drawing needs; images are drawn where they are missing.

    Args:
        evidence: of the model, on the data whose captions are drawn.
        drawing: what is drawn.

    Raises:
        AuditError: the generator cannot be read, a concept cannot be permuted, or the model's answers are
            not finite.
    """
    plan = plan_of(evidence, drawing)
    card = evidence.generator(drawing.generator)
    return assembled(plan, [_answers(evidence, card, one) for one in plan.lists], drawing.repeats)


def assembled(plan: Plan, found: Sequence[Arrays], repeats: int) -> ConceptAnswers:
    """What was found in each list of drawn images, per record and value.

    Args:
        plan: what was drawn.
        found: per list, arrays ``answer`` (items, K), ``finite`` and ``truncated`` (items,).
        repeats: images per caption.
    """
    skipped = _skipped(plan, found)
    read = partial(_read, plan, found, skipped, repeats)
    blocks = [_block(block, read) for block in plan.blocks]
    captions = [item.caption for listed in plan.lists for item in listed.items]
    cut = np.concatenate([arrays["truncated"] for arrays in found])
    return ConceptAnswers(
        plain=read([[said] for said in plan.plain])[:, :, 0],
        blocks={block.name: block for block in blocks},
        skipped=skipped,
        truncated=len({said for said, was in zip(captions, cut, strict=True) if was}),
        captions=len(set(captions)),
    )


def _answers(evidence: "Evidence", card: GeneratorCard, listed: Listed) -> Arrays:
    settings, engine = evidence.settings, evidence._engine  # noqa: SLF001 a part of Evidence, apart for its size
    images = images_stage(card, settings, listed)
    identity = {
        "stage": "concept answers",
        "generator": generator_identity(card, settings),
        **evidence.model_identity,
    }
    title = f"{evidence.card.model}: {listed.title}"
    stage = Stage(title, identity, _digests(evidence, listed), images.shard)
    missing = engine.missing(stage, images)
    if missing:
        ensure_images(engine, images, card, settings, listed, missing)
    return engine.gather(stage, partial(_answering, evidence, images, listed))


def _digests(evidence: "Evidence", listed: Listed) -> list[str]:
    """What determines an answer: the image, and the record's row of a model's second input."""
    columns = [feature.column for feature in evidence.card.table]
    if not columns:
        return [item.digest for item in listed.items]
    rows = [evidence.records[item.record].features for item in listed.items]
    return [
        json.dumps([item.digest, [row.get(column, "") for column in columns]])
        for item, row in zip(listed.items, rows, strict=True)
    ]


def _answering(evidence: "Evidence", images: Stage, listed: Listed) -> Compute:
    make = partial(_answering_in, evidence, images, listed)
    return Sized(make, evidence.settings, f"model '{evidence.card.model}'")


def _answering_in(
    evidence: "Evidence", images: Stage, listed: Listed, settings: Settings
) -> Compute:
    import torch

    model = evidence.own_model()
    batcher = batcher_for(settings)

    def compute(indices: Sequence[int]) -> Arrays:
        drawn = read_images(evidence._engine, images, indices)  # noqa: SLF001 as above
        table = table_of(evidence, model, [listed.items[at].record for at in indices])
        with torch.no_grad():
            inputs = model.prepare(list(drawn["image"]))
            answers = batcher.map(model.probabilities, inputs, table)
        told = {name: drawn[name] for name in ("finite", "truncated")}
        return {"answer": answers.double().numpy(), **told}

    return compute


def _skipped(plan: Plan, found: Sequence[Arrays]) -> list[str]:
    reasons = list(plan.unknown)
    for listed, arrays in zip(plan.lists, found, strict=True):
        for item, finite in zip(listed.items, arrays["finite"], strict=True):
            if not finite and not reasons[item.record]:
                reasons[item.record] = f"the image drawn of '{item.caption}' is not finite"
    return reasons


def _read(
    plan: Plan,
    found: Sequence[Arrays],
    skipped: Sequence[str],
    repeats: int,
    captions: Sequence[Sequence[str]],
) -> Floats:
    """Answers (R, N, V, K) to captions (N, V); NaN where an image is skipped."""
    width = found[0]["answer"].shape[1]
    values = max(len(row) for row in captions)
    answers = np.full((repeats, len(captions), values, width), np.nan)
    for i, row in enumerate(captions):
        if skipped[i]:
            continue
        for repeat in range(repeats):
            for at, said in enumerate(row):
                which, place = plan.places[repeat, i, said]
                answers[repeat, i, at] = found[which]["answer"][place]
    return answers


def _block(block: PlannedBlock, read: "partial[Floats]") -> BlockAnswers:
    return BlockAnswers(block.concepts, block.values, block.own, read(block.captions))
