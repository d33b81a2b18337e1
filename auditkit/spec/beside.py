"""What a check names beside the audited model and its data: other cards, held to the same task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from auditkit.errors import AuditError
from auditkit.spec.answers_card import AnswersCard, Unanswered, unanswered
from auditkit.spec.assessment import AssessmentCard, Unrecorded, unrecorded
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.data_card import DataCard
from auditkit.spec.declaration import Parameters
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.model_card import ModelCard
from auditkit.spec.problems import SpecError, nearest
from auditkit.spec.ratings_card import RatingsCard


class Tasked(Protocol):
    """A card that is about a task."""

    @property
    def task(self) -> str:
        """What models and data have in common."""
        ...


class Filed(Protocol):
    """A card that was read from a file."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def digest(self) -> str:
        """sha256 of its bytes."""
        ...


@dataclass(frozen=True)
class Beside:
    """What a check names besides the audited model and its data.

    Attributes:
        data: further data sets.
        models: further models (concept classifiers).
        generators: text-to-image models.
        trainings: further models that are audited beside it.
        assessments: recorded assessments; one that nobody recorded is no error, but not run.
        ratings: tables of people's ratings.
        counterfactuals: counterfactual generators of the kinds asked for, of whatever model; that a model
            has none is no error, but not run.
        answers: answers of expert studies; one that was not held is no error, but not run.
        features: further models, of whatever task, whose features are compared.
    """

    data: Mapping[str, DataCard] = field(default_factory=dict)
    models: Mapping[str, ModelCard] = field(default_factory=dict)
    generators: Mapping[str, GeneratorCard] = field(default_factory=dict)
    trainings: Mapping[str, ModelCard] = field(default_factory=dict)
    assessments: Mapping[str, AssessmentCard | Unrecorded] = field(default_factory=dict)
    ratings: Mapping[str, RatingsCard] = field(default_factory=dict)
    counterfactuals: Mapping[str, CounterfactualCard] = field(default_factory=dict)
    features: Mapping[str, ModelCard] = field(default_factory=dict)
    answers: Mapping[str, AnswersCard | Unanswered] = field(default_factory=dict)

    @property
    def others(self) -> Mapping[str, ModelCard]:
        """All further models."""
        return {**self.models, **self.trainings, **self.features}

    @property
    def cards(self) -> Sequence[Filed]:
        """All of them."""
        return (
            *self.data.values(),
            *self.models.values(),
            *self.generators.values(),
            *self.trainings.values(),
            *self.assessments.values(),
            *self.ratings.values(),
            *self.counterfactuals.values(),
            *self.features.values(),
            *self.answers.values(),
        )

    @property
    def digests(self) -> list[str]:
        """What tells one set of cards from another."""
        return [part for card in self.cards for part in (str(card.path), card.digest)]


def beside(parameters: Parameters, data: DataCard, catalogue: Catalogue) -> Beside:
    """The cards of everything that a check names beside ``data`` and the audited model.

    Raises:
        AuditError: there is no such card; a data set, model or generator is of another task, or the
            audit's own data; a model is no concept classifier; a concept is not declared by the data card.
    """
    _check_concepts(parameters, data)
    models = {name: catalogue.model(name) for name in parameters.models}
    for name, model in models.items():
        _check_classifier(name, model, data)
    changing = _counterfactuals(parameters, catalogue)
    guiding = [card.guidance.generator for card in changing.values() if card.guidance]
    found = Beside(
        _other_data(parameters, data, catalogue),
        models,
        {name: catalogue.generator(name) for name in (*parameters.generators, *guiding)},
        {name: catalogue.model(name) for name in parameters.trainings},
        {name: _assessment(name, data, catalogue) for name in parameters.assessments},
        {name: catalogue.ratings(name) for name in parameters.rating_tables},
        changing,
        {name: catalogue.model(name) for name in parameters.feature_models},
        {name: _answers(name, data, catalogue) for name in parameters.answer_tables},
    )
    for kind, cards in (
        ("generator", found.generators),
        ("model", found.trainings),
        ("assessment", found.assessments),
        ("table of ratings", found.ratings),
        ("counterfactual generator", found.counterfactuals),
        ("expert study", found.answers),
    ):
        _check_task(kind, cards, data)
    return found


def _counterfactuals(
    parameters: Parameters, catalogue: Catalogue
) -> Mapping[str, CounterfactualCard]:
    """The generators of the kinds that are asked for, of all models."""
    wanted = parameters.counterfactuals
    known = catalogue.counterfactuals() if wanted else {}
    return {name: card for name, card in known.items() if any(kind.fits(card) for kind in wanted)}


def _assessment(name: str, data: DataCard, catalogue: Catalogue) -> AssessmentCard | Unrecorded:
    """A recorded assessment, or what is missing; a record that cannot be read is an error."""
    try:
        return catalogue.assessment(name)
    except SpecError:
        raise
    except AuditError as error:
        return unrecorded(name, data.task, str(error))


def _answers(name: str, data: DataCard, catalogue: Catalogue) -> AnswersCard | Unanswered:
    """The answers of a study, or what is missing; a card that cannot be read is an error."""
    try:
        return catalogue.answers(name)
    except SpecError:
        raise
    except AuditError as error:
        return unanswered(data.task, str(error))


def _check_task(kind: str, cards: Mapping[str, Tasked], data: DataCard) -> None:
    for name, card in cards.items():
        if card.task != data.task:
            raise AuditError(
                f"{kind} '{name}' is about {card.task}, '{data.data}' about {data.task}; name one of that "
                "task"
            )


def _check_classifier(name: str, model: ModelCard, data: DataCard) -> None:
    """A model that a check names beside the audited one is a concept classifier of the same task."""
    if model.task != data.task:
        raise AuditError(
            f"classifier '{name}' is about {model.task}, '{data.data}' about {data.task}; name a concept "
            "classifier of that task"
        )
    if not model.output.independent:
        raise AuditError(
            f"classifier '{name}' ({model.path}) decides between its classes; a concept classifier was "
            "expected: 'output' with 'exclusive: false' and without 'score'"
        )


def _check_concepts(parameters: Parameters, data: DataCard) -> None:
    """Concepts that a check names are declared by the data card."""
    known = [concept.name for concept in data.concepts]
    for name in parameters.named_concepts:
        if name not in known:
            hint = nearest(name, known) if known else "its card declares none under 'concepts'"
            raise AuditError(f"data set '{data.data}' has no concept '{name}'; {hint}")


def _other_data(
    parameters: Parameters, data: DataCard, catalogue: Catalogue
) -> Mapping[str, DataCard]:
    found = {name: catalogue.data(name) for name in parameters.other_data}
    for name, card in found.items():
        if card.data == data.data:
            raise AuditError(f"'{name}' is the audit's own data; another data set was expected")
        if card.task != data.task:
            raise AuditError(f"'{name}' is about {card.task}, '{data.data}' about {data.task}")
    return found
