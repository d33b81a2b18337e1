"""Who was audited, on what and with what, for results.json."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from auditkit.data import Dataset
from auditkit.data.dataset import manifest_digest
from auditkit.data.ratings import ratings_digest
from auditkit.models.diffusion.folder import pipeline_digest
from auditkit.models.identity import decision_names, pinned, weights_digest
from auditkit.results import DataResult, IdentifierFinding, InstrumentResult, ModelResult, Person
from auditkit.spec.answers_card import AnswersCard
from auditkit.spec.assessment import AssessmentCard
from auditkit.spec.beside import Beside
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.data_card import DataCard
from auditkit.spec.dossier import as_texts
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.model_card import Input, ModelCard, Output
from auditkit.spec.ratings_card import RatingsCard
from auditkit.spec.volume import VolumeInput


def model_result(card: ModelCard, root: Path) -> ModelResult:
    """A model's identity for results.json."""
    return ModelResult(
        model=card.model,
        title=card.title,
        task=card.task,
        stand_in=card.stand_in,
        card=relative(card.path, root),
        card_sha256=card.digest,
        weights_sha256=weights_digest(card),
        pinned=pinned(card),
        format=_format(card),
        input=_stated(card.volume or card.input),
        output=_stated(card.output),
        threshold=card.threshold,
        licence=card.licence,
        source=card.source,
        dossier=as_texts(card.dossier),
        people=[Person(**person.model_dump()) for person in card.dossier.people],
    )


def _stated(part: Input | VolumeInput | Output) -> dict[str, Any]:
    """What is in force: all that was stated, and defaults that are a choice."""
    return {name: value for name, value in part.model_dump().items() if value not in (None, "none")}


def _format(card: ModelCard) -> str:
    """Format and architecture, and how many networks and views are averaged."""
    parts = [card.format, *dict.fromkeys(n.architecture for n in card.networks if n.architecture)]
    if len(card.networks) > 1:
        parts.append(f"({len(card.networks)} networks)")
    if len(card.view_names) > 1:
        parts.append(f"({len(card.view_names)} views)")
    return " ".join(parts)


def data_result(
    data: DataCard,
    dataset: Dataset,
    card: ModelCard,
    identifiers: Sequence[IdentifierFinding] = (),
) -> DataResult:
    """A data set's identity and make-up for results.json; labels by the model's class names."""
    names = decision_names(card) or []
    records = dataset.records
    labels: dict[str, int] = {}
    groups: dict[str, dict[str, int]] = {}
    for record in records:
        label = names[record.label] if record.label < len(names) else str(record.label)
        labels[label] = labels.get(label, 0) + 1
        for column, value in record.groups.items():
            counts = groups.setdefault(column, {})
            counts[value] = counts.get(value, 0) + 1
    return DataResult(
        data=data.data,
        title=data.title,
        task=data.task,
        stand_in=data.stand_in,
        card_sha256=data.digest,
        manifest_sha256=manifest_digest(records),
        images=len(records),
        patients=len({record.patient for record in records}),
        incomplete=dict(Counter(one.reason for one in getattr(dataset, "incomplete", ()))),
        labels=labels,
        groups=groups,
        licence=data.licence,
        source=data.source,
        description=data.description,
        dossier=as_texts(data.dossier),
        identifiers=list(identifiers),
        cleared=data.dossier.deidentified,
    )


def instruments(beside: Beside, model: str) -> Sequence[InstrumentResult]:
    """Identities of what an audit of a model measures with beside it and its data.

    Raises:
        AuditError: files are missing, or not what the card states.
    """
    recorded = [card for card in beside.assessments.values() if isinstance(card, AssessmentCard)]
    asked = (None, model, *beside.trainings)
    changing = [card for card in beside.counterfactuals.values() if card.model in asked]
    further = {**beside.trainings, **beside.features}
    return [
        *(_generator(card) for card in beside.generators.values()),
        *(_model(card, "concept classifier") for card in beside.models.values()),
        *(_model(card, "further model") for card in further.values()),
        *(_counterfactual(card) for card in changing),
        *(_assessment(card) for card in recorded),
        *(_ratings(card) for card in beside.ratings.values()),
        *(_answers(card) for card in beside.answers.values() if isinstance(card, AnswersCard)),
    ]


def _generator(card: GeneratorCard) -> InstrumentResult:
    return InstrumentResult(
        kind="generator",
        name=card.generator,
        title=card.title,
        task=card.task,
        stand_in=card.stand_in,
        settings=f"{card.steps} steps, guidance {card.guidance:g}, scheduler {card.scheduler}",
        card_sha256=card.digest,
        files_sha256=pipeline_digest(card),
        licence=card.licence,
        source=card.source,
    )


def _model(
    card: ModelCard, kind: Literal["concept classifier", "further model"]
) -> InstrumentResult:
    return InstrumentResult(
        kind=kind,
        name=card.model,
        title=card.title,
        task=card.task,
        stand_in=card.stand_in,
        settings=_format(card),
        card_sha256=card.digest,
        files_sha256=weights_digest(card),
        licence=card.licence,
        source=card.source,
    )


def _counterfactual(card: CounterfactualCard) -> InstrumentResult:
    whose = f", of {card.model}" if card.model else ""
    return InstrumentResult(
        kind="counterfactual generator",
        name=card.counterfactual,
        title=card.title,
        task=card.task,
        stand_in=card.stand_in,
        settings=f"{card.family}{whose}, trained on {card.data}, seed {card.seed}, {card.discriminator}",
        card_sha256=card.digest,
        files_sha256=card.weights.sha256 if card.weights else card.digest,
        licence=card.licence,
        source=card.source,
    )


def _assessment(card: AssessmentCard) -> InstrumentResult:
    return InstrumentResult(
        kind="assessment",
        name=card.assessment,
        title=card.title,
        task=card.task,
        stand_in=card.stand_in,
        settings=f"{len(card.assessors)} assessors, expires {card.expires}",
        card_sha256=card.digest,
        files_sha256=card.digest,
        licence="",
        source="",
    )


def _ratings(card: RatingsCard) -> InstrumentResult:
    return InstrumentResult(
        kind="ratings",
        name=card.ratings,
        title=card.title,
        task=card.task,
        stand_in=card.stand_in,
        settings=f"scale {card.scale.wording}",
        card_sha256=card.digest,
        files_sha256=ratings_digest(card),
        licence="",
        source="",
    )


def _answers(card: AnswersCard) -> InstrumentResult:
    from auditkit.data.answers import answers_digest

    simulated = sum(one.simulated for one in card.experts)
    people = f"{len(card.experts)} experts" + (
        f", {simulated} of them simulated" if simulated else ""
    )
    return InstrumentResult(
        kind="expert study",
        name=card.answers,
        title=card.title,
        task=card.task,
        stand_in=card.stand_in,
        settings=f"{people}, closed {card.closed}",
        card_sha256=card.digest,
        files_sha256=answers_digest(card),
        licence="",
        source="",
    )


def relative(path: Path, root: Path) -> str:
    """A path below the root folder without it; another path as it is."""
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.as_posix()
