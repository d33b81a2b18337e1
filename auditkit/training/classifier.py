"""Training of concept classifiers: one probability per concept of an image."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from auditkit.errors import AuditError
from auditkit.evidence.identity import address
from auditkit.models import load_model
from auditkit.models.model import Model
from auditkit.models.networks import device_of
from auditkit.spec.catalogue import catalogue
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest
from auditkit.spec.training_classifier import ClassifierTraining, read_classifier_training
from auditkit.training.batches_of_images import ImageInputs, Part
from auditkit.training.examples import Examples, examples, presence, training_card
from auditkit.training.fitting import Task, fit
from auditkit.training.starting import planned, pretrained_digest, started
from auditkit.training.trained_models import (
    said_in,
    write_curves,
    write_model,
    write_training,
)
from auditkit.training.validating import auroc_of, probabilities


def train_classifier(
    recipe: Path | ClassifierTraining,
    out: Path,
    cards: Sequence[Path] = (Path("fixtures"),),
    device: str = "auto",
) -> Path:
    """Train a concept classifier as a recipe says; a run that was interrupted is continued.

    Binary cross-entropy per concept, as in DEPICT (arXiv:2407.14509, section 9.1 of the supplement): a
    concept is present at any value but 0, and an unknown value counts neither way. The weights of the
    epoch with the lowest validation loss are kept.

    Args:
        recipe: a ``*.training.yaml``, or what it says.
        out: folder of the run.
        cards: folders with data cards.
        device: auto, cpu, cuda or mps.

    Returns:
        The model card, beside weights, curves.csv, curves.svg and training.json in ``out``.

    Raises:
        AuditError: bad input, a loss that is not finite, or ``out`` holds another run.
    """
    said = recipe if isinstance(recipe, ClassifierTraining) else read_classifier_training(recipe)
    known, place = catalogue(cards), device_of(device)
    concepts = chosen_concepts(said, training_card(said, known))
    run = _Run(said, concepts, *examples(said, known))
    return run.go(out, place)


def chosen_concepts(recipe: ClassifierTraining, card: DataCard) -> list[str]:
    """Names of the concepts to predict.

    Raises:
        AuditError: there are none, one is not known, or one is neither binary nor a count.
    """
    there = {concept.name: concept for concept in card.concepts}
    names = recipe.concepts or list(there)
    if not names:
        raise AuditError(f"{recipe.path}: data set '{card.data}' declares no concepts")
    for name in names:
        if name not in there:
            raise AuditError(
                f"{recipe.path}: data set '{card.data}' has no concept '{name}'; {nearest(name, there)}"
            )
        if "0" not in there[name].values:
            raise AuditError(
                f"{recipe.path}: '{name}' has the values {there[name].values}; a binary concept or a count, "
                "with the value 0 where it is absent, was expected: leave it out with 'concepts'"
            )
    return names


@dataclass(frozen=True)
class _Run:
    recipe: ClassifierTraining
    concepts: Sequence[str]
    training: Examples
    validation: Examples

    def go(self, out: Path, device: torch.device) -> Path:
        """Train, write everything, and return the card."""
        recipe, training, validation = (
            self.recipe,
            self._part(self.training),
            self._part(self.validation),
        )
        self._refuse_constant(training.targets)
        said = {
            **said_in(recipe, self.training.data.card.task),
            **planned(recipe, len(self.concepts)),
            "output": {"kind": "logits", "classes": list(self.concepts), "exclusive": False},
        }
        network, answer = started(recipe, said, device)
        task = Task(network, answer, training, validation, self._identity())
        out.mkdir(parents=True, exist_ok=True)
        history = fit(task, recipe, out, device)
        card = write_model(out, recipe.name, network.state_dict(), said)
        model = load_model(card, str(device))
        write_curves(out, recipe, history, math.ceil(len(training.inputs) / recipe.batch))
        write_training(out, recipe, history, self._about(model, training, validation))
        return card.path

    def _part(self, chosen: Examples) -> Part:
        assert self.recipe.input is not None
        inputs = ImageInputs(chosen.data, chosen.rows, self.recipe.input, self.recipe.augment)
        return Part(inputs, presence(chosen.records, self.concepts))

    def _refuse_constant(self, targets: torch.Tensor) -> None:
        for name, column in zip(self.concepts, targets.T, strict=True):
            known = column[~column.isnan()]
            if not len(known) or known.min() == known.max():
                raise AuditError(
                    f"{self.recipe.path}: '{name}' is present in {int(known.sum())} of the {len(known)} "
                    "training images that know it, so that its presence cannot be learnt; leave it out with "
                    "'concepts'"
                )

    def _identity(self) -> dict[str, Any]:
        start = pretrained_digest(self.recipe)
        data = address({"training": self.training.digest, "validation": self.validation.digest})
        return {"recipe": self.recipe.effective(), "data": data, "start": start}

    def _about(self, model: Model, training: Part, validation: Part) -> dict[str, Any]:
        recipe, patients = self.recipe, [record.patient for record in self.validation.records]
        found = (
            probabilities(model, validation.inputs, recipe.batch, recipe.workers).double().numpy()
        )
        targets = validation.targets.double().numpy()
        return {
            "training": {**self.training.described(), **self._counted(training.targets)},
            "validation": {**self.validation.described(), **self._counted(validation.targets)},
            "concepts": {
                name: auroc_of(targets[:, k], found[:, k], patients)
                for k, name in enumerate(self.concepts)
            },
        }

    def _counted(self, targets: torch.Tensor) -> dict[str, Any]:
        """How many images show each concept, and of how many that is not known."""
        columns = dict(zip(self.concepts, targets.T, strict=True))
        return {
            "present": {name: int((column == 1).sum()) for name, column in columns.items()},
            "unknown": {name: int(column.isnan().sum()) for name, column in columns.items()},
        }
