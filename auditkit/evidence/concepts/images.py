"""Images drawn from captions, kept as evidence: of a generator, whatever model looks at them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from auditkit.data.captions import caption
from auditkit.data.dataset import Picture
from auditkit.errors import AuditError
from auditkit.evidence.concepts.drawer import drawer_of
from auditkit.evidence.concepts.kinds import Drawing
from auditkit.evidence.concepts.plan import Listed, plan_of
from auditkit.evidence.engine import Compute, Engine, Stage
from auditkit.evidence.kinds import Settings
from auditkit.evidence.sized import Sized
from auditkit.evidence.store import Arrays
from auditkit.models.diffusion.folder import pipeline_digest
from auditkit.models.geometry import picture_to_input
from auditkit.spec.generator_card import GeneratorCard

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


def generator_identity(card: GeneratorCard, settings: Settings) -> dict[str, Any]:
    """What determines an image beside its caption and noise.

    Raises:
        AuditError: the generator's files are missing or not what its card states.
    """
    return {
        "generator": pipeline_digest(card),
        "steps": card.steps,
        "guidance": card.guidance,
        "scheduler": card.scheduler,
        "size": card.size,
        **settings.arithmetic,
    }


def images_stage(card: GeneratorCard, settings: Settings, listed: Listed) -> Stage:
    """The stage that draws a list; neither the model nor the concept's name is part of it."""
    identity = {"stage": "concept images", **generator_identity(card, settings)}
    digests = [item.digest for item in listed.items]
    return Stage(listed.title, identity, digests, settings.shard)


def ensure_images(
    engine: Engine,
    stage: Stage,
    card: GeneratorCard,
    settings: Settings,
    listed: Listed,
    shards: Sequence[Sequence[int]],
) -> None:
    """Have these shards of a list drawn.

    Raises:
        AuditError: the generator cannot be read.
    """
    engine.ensure(stage, partial(_drawing, card, settings, listed), shards)


def _drawing(card: GeneratorCard, settings: Settings, listed: Listed) -> Compute:
    make = partial(_drawing_in, card, listed)
    return Sized(make, settings, f"generator '{card.generator}'")


def _drawing_in(card: GeneratorCard, listed: Listed, settings: Settings) -> Compute:
    drawer = drawer_of(card, settings)

    def compute(indices: Sequence[int]) -> Arrays:
        items = [listed.items[at] for at in indices]
        return drawer.draw([item.caption for item in items], [item.seed for item in items])

    return compute


def read_images(engine: Engine, stage: Stage, indices: Sequence[int]) -> Arrays:
    """A shard that was drawn.

    Raises:
        AuditError: it is gone or damaged since.
    """
    found = engine.shard(stage, indices)
    if found is None:
        raise AuditError(
            f"images drawn for '{stage.name}' were removed from {engine.store} or damaged while they "
            "were used; run again"
        )
    return found


def concept_picture(
    evidence: "Evidence",
    drawing: Drawing,
    index: int,
    changed: Mapping[str, str],
    repeat: int = 0,
) -> Picture:
    """An image of a drawing as the model's square, for people to look at; drawn if it is not there.

    Args:
        evidence: of any model on the data.
        drawing: what is drawn.
        index: of the record.
        changed: values of one block of the drawing, by concept; nothing for the caption as it is.
        repeat: which noise.

    Raises:
        AuditError: the drawing has no such image.
    """
    plan = plan_of(evidence, drawing)
    key = (repeat, index, caption(evidence.data.card, evidence.records[index], changed))
    if key not in plan.places:
        why = plan.unknown[index] or "it is none of the drawing's"
        raise AuditError(f"image {index} with {dict(changed)} is not drawn: {why}")
    which, place = plan.places[key]
    image = _image(evidence, drawing, plan.lists[which], place)
    return picture_to_input(image, evidence.card.input)


def _image(evidence: "Evidence", drawing: Drawing, listed: Listed, place: int) -> Picture:
    settings, engine = evidence.settings, evidence._engine  # noqa: SLF001 a part of Evidence, apart for its size
    card = evidence.generator(drawing.generator)
    stage = images_stage(card, settings, listed)
    first = place - place % stage.shard
    indices = range(first, min(first + stage.shard, len(listed.items)))
    if engine.shard(stage, indices) is None:
        ensure_images(engine, stage, card, settings, listed, [indices])
    image: Picture = read_images(engine, stage, indices)["image"][place - first]
    return image
