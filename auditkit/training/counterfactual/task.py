"""What a recipe is about: the model, the images, and whether a generator can be trained from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from auditkit.data.dataset import Dataset, manifest_digest
from auditkit.data.load import load_data
from auditkit.data.resample import split_patients
from auditkit.errors import AuditError
from auditkit.models.identity import label_indices, model_digest
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.counterfactual_card import (
    COUNTERFACTUAL_SUFFIX,
    CounterfactualCard,
    GeneratorNetwork,
)
from auditkit.spec.data_card import VOLUMES, DataCard
from auditkit.spec.model_card import ModelCard
from auditkit.spec.training_counterfactual import CounterfactualTraining
from auditkit.training.examples import Examples

FOLDER = "counterfactuals"
# Fixed, so that all trainings on a data set hold the same patients out.
# Four halvings by the discriminator.
_SMALLEST = 16
_SPLIT = 0


@dataclass(frozen=True)
class Task:
    """A recipe with everything that it names.

    Attributes:
        recipe: the recipe.
        model: card of the audited model.
        data: the data set.
        training: rows of its records to learn from.
        held_out: rows of other patients, to evaluate on.
    """

    recipe: CounterfactualTraining
    model: ModelCard
    data: Dataset
    training: Sequence[int]
    held_out: Sequence[int]

    @cached_property
    def model_sha256(self) -> str:
        """Identity of the model."""
        return model_digest(self.model)

    @property
    def named(self) -> dict[str, str]:
        """Model and data by name, where the recipe may have paths."""
        return {"model": self.model.model, "data": self.data.card.data}

    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to be continued, as plain data."""
        recipe = {**self.recipe.effective(), **self.named, "model_sha256": self.model_sha256}
        records = self.data.records[: self.recipe.images]
        return {"recipe": recipe, "data": manifest_digest(records), "start": ""}

    def described(self) -> dict[str, Any]:
        """Which images these are, for provenance."""
        parts = {"training": self.training, "held_out": self.held_out}
        return {name: Examples(self.data, rows).described() for name, rows in parts.items()}

    def trained_digests(self) -> list[str]:
        """Of the records to learn from."""
        return [self.data.records[row].digest for row in self.training]


def task_of(recipe: CounterfactualTraining, cards: Catalogue) -> Task:
    """Find what a recipe names, and split its images by patient.

    Raises:
        AuditError: there is no such model or data, one does not fit, or there are too few images.
    """
    model = cards.model(recipe.card_name(recipe.model))
    card = cards.data(recipe.card_name(recipe.data))
    refuse_model(model)
    _refuse_size(model, recipe.network)
    _refuse_data(model, card)
    data = load_data(card, label_indices(model))
    training, held_out = split_patients(
        data.records[: recipe.images], float(recipe.held_out), _SPLIT
    )
    if len(training) < recipe.batch:
        raise AuditError(
            f"{card.path}: {len(training)} images remain to train on, fewer than a batch of {recipe.batch}; "
            "give more images, or a smaller 'batch' in a recipe"
        )
    return Task(recipe, model, data, training, held_out)


def refuse_model(model: ModelCard) -> None:
    """Raise AuditError if no generator can be trained for a model."""
    problem = _problem(model)
    if problem:
        raise AuditError(f"{model.path}: no counterfactuals of '{model.model}': {problem}")


def _refuse_size(model: ModelCard, network: GeneratorNetwork) -> None:
    """Raise AuditError if convolutions would be wider than what they see."""
    size, grid = model.input.size, network.grid if network.kind == "delta" else 1
    cells, smallest = size // grid, size // (grid * 2**network.downsamplings)
    if size < _SMALLEST or cells < 4 or smallest < 2:
        raise AuditError(
            f"{model.path}: images of {size} pixels are too small for a generator with {grid=} and "
            f"downsamplings={network.downsamplings}; at least {_SMALLEST} pixels, and two cells of the "
            "smallest grid, were expected: lower 'network.grid' or 'network.downsamplings' in a recipe"
        )


def _problem(model: ModelCard) -> str:
    if model.volume is not None:
        return "it reads volumes; generators change pictures"
    if not model.scored:
        return (
            "it has no score: its counterfactuals lie on both sides of a threshold; say in its card which "
            "class is positive ('output.score') and from which score on ('threshold')"
        )
    if model.black_box is not None:
        return (
            "it is a black box; a generator learns from the gradient of the score, which an answer alone "
            "does not give: train it for a model of which you have the network"
        )
    if not model.gradients:
        return (
            "it has no gradients, which a generator learns from; if the network can be differentiated, say "
            "so in its card ('python.gradients: true', or 'mode: fake' for TFLite)"
        )
    if model.table:
        return "its second input, 'table', is not known of a picture alone"
    return ""


def _refuse_data(model: ModelCard, card: DataCard) -> None:
    if card.format in VOLUMES:
        raise AuditError(f"{card.path}: '{card.data}' are volumes; pictures were expected")
    if card.task != model.task:
        raise AuditError(
            f"{card.path}: '{card.data}' is about {card.task}, the model '{model.model}' about {model.task}; "
            "they must have the same task"
        )


def name_of(task: Task, cards: Catalogue, out: Path | None) -> str:
    """The generator's name: stated, or MODEL-DATA with what tells it from others of the two.

    Where the cards have a generator of that name already, for the model as it was with other weights, the
    beginning of the model's identity is appended: two cards of one name could not be told apart.

    Raises:
        AuditError: they have it for this very model, elsewhere than in ``out``.
    """
    recipe = task.recipe
    parts = [task.model.model, task.data.card.data]
    parts += [recipe.discriminator] * (recipe.discriminator != "unconditional")
    parts += [str(recipe.seed)] * (recipe.seed > 0)
    name = recipe.name or "-".join(parts)
    if out is not None and not any(_within(out, folder) for folder in cards.folders):
        return name
    there = _elsewhere(task, cards, name, out)
    if there is not None and there.model_sha256 != task.model_sha256 and recipe.name is None:
        name = f"{name}-{task.model_sha256[:8]}"
        there = _elsewhere(task, cards, name, out)
    if there is not None:
        raise AuditError(
            f"{there.path} is '{name}' already; to train it anew, remove it, or give another folder than the "
            "cards' with --out, or another 'name' or 'seed' in a recipe"
        )
    return name


def _elsewhere(
    task: Task, cards: Catalogue, name: str, out: Path | None
) -> CounterfactualCard | None:
    """The card of that name, unless it is what this run wrote."""
    card = cards.counterfactuals().get(name)
    if card is None:
        return None
    folder = out or default_folder(cards, name)
    own = (folder / f"{name}{COUNTERFACTUAL_SUFFIX}").resolve()
    same = card.path == own and card.model_sha256 == task.model_sha256
    return None if same else card


def default_folder(cards: Catalogue, name: str) -> Path:
    """Where a generator is trained if nothing else was said: among the cards, where audits find it.

    Raises:
        AuditError: there is no folder with cards.
    """
    if not cards.folders:
        raise AuditError("there is no folder with cards; name one with --cards, or one with --out")
    return cards.folders[0] / FOLDER / name


def _within(folder: Path, other: Path) -> bool:
    return folder.resolve().is_relative_to(other.resolve())
