"""Training of the target models of DEPICT: classifiers of which it is known what they may rely on."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from auditkit.data.resample import one_to_one
from auditkit.errors import AuditError
from auditkit.evidence.identity import address
from auditkit.models import load_model
from auditkit.models.identity import model_digest
from auditkit.models.networks import device_of
from auditkit.spec.catalogue import Catalogue, catalogue
from auditkit.spec.model_card import Input
from auditkit.spec.training_classifier import Augmentation, TargetTraining, read_target_training
from auditkit.training.batches_of_images import FixedInputs, ImageInputs, Inputs, Part
from auditkit.training.bottlenecks import OUTPUT, Bottleneck
from auditkit.training.examples import Examples, examples
from auditkit.training.fitting import History, Task, fit
from auditkit.training.starting import planned, pretrained_digest, started
from auditkit.training.trained_models import said_in, write_curves, write_model, write_training
from auditkit.training.validating import Floats, auroc_of, probabilities, youden_threshold


def train_target(
    recipe: Path | TargetTraining,
    out: Path,
    cards: Sequence[Path] = (Path("fixtures"),),
    device: str = "auto",
) -> Path:
    """Train target models as a recipe says; a run that was interrupted is continued.

    As in DEPICT (arXiv:2407.14509, sections 9.1 and 10.1 of the supplement): primary-feature models learn a
    linear head on concept probabilities from images on which one concept and the label agree, mixed ones
    the same head from all images, end-to-end ones all of a network. The weights of the epoch with the
    lowest validation loss are kept; the threshold maximises Youden's J on the validation part.

    Deviates: the paper does not say whether it also resampled the validation part; here it is resampled like
    the training part, so that both are of one population. The head starts from zero.

    Args:
        recipe: a ``*.training.yaml``, or what it says.
        out: folder of the run.
        cards: folders with data cards and the card of the concept classifier.
        device: auto, cpu, cuda or mps.

    Returns:
        The model card in ``out``; with ``classes`` it is ``out``, where each class has a folder of its own.

    Raises:
        AuditError: bad input, a loss that is not finite, or ``out`` holds another run.
    """
    said = recipe if isinstance(recipe, TargetTraining) else read_target_training(recipe)
    known, place = catalogue(cards), device_of(device)
    if said.classes is None:
        return _run(said, known, {}, out, place)
    _refuse_equal(said, said.classes)
    for label in said.classes:
        own = said.model_copy(update={"name": f"{said.name}-{_slug(label)}"})
        _run(own, known, {"positive": [label], "negative": None}, out / _slug(label), place)
    return out


def _run(
    recipe: TargetTraining,
    cards: Catalogue,
    changes: Mapping[str, Any],
    out: Path,
    device: torch.device,
) -> Path:
    training, validation = _examples(recipe, cards, changes)
    planned = _planned_model(recipe, training.data.card.task, cards, device)
    return _Run(recipe, training, validation, planned).go(out, device)


def _refuse_equal(recipe: TargetTraining, classes: Sequence[str]) -> None:
    names = [_slug(label) for label in classes]
    if "" in names or len(set(names)) < len(names):
        raise AuditError(
            f"{recipe.path}: classes: {list(classes)} would become models called {names}; each needs a name "
            "of its own in Latin letters or digits: write a recipe per class, with a data card that says "
            "which label is positive"
        )


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def _examples(
    recipe: TargetTraining, cards: Catalogue, changes: Mapping[str, Any]
) -> tuple[Examples, Examples]:
    """Images to train and to validate on, resampled if the recipe says so."""
    training, validation = examples(recipe, cards, changes)
    found = _resampled(recipe, training), _resampled(recipe, validation)
    for part in found:
        _refuse_other_labels(recipe, part)
    return found


def _resampled(recipe: TargetTraining, part: Examples) -> Examples:
    if recipe.concept is None:
        return part
    kept = one_to_one(part.records, recipe.concept, recipe.seed)
    return Examples(part.data, [part.rows[index] for index in kept])


def _refuse_other_labels(recipe: TargetTraining, part: Examples) -> None:
    found = {record.label for record in part.records}
    if found != {0, 1}:
        raise AuditError(
            f"{recipe.path}: data set '{part.data.card.data}' has the labels {sorted(found)[:10]}; 0 and 1 "
            "were expected: say in its card which labels are positive, or name them under 'classes'"
        )


@dataclass(frozen=True)
class _Planned:
    """A model that is to be trained.

    Attributes:
        network: what is trained of it.
        answer: logits (N, 1) of inputs, through the network.
        inputs: of images.
        said: what its card says.
        weights: the whole model's state, after training.
        start: digest of what is there before training.
    """

    network: nn.Module
    answer: Callable[[torch.Tensor], torch.Tensor]
    inputs: Callable[[Examples], Inputs]
    said: Mapping[str, Any]
    weights: Callable[[], Mapping[str, torch.Tensor]]
    start: str


def _planned_model(
    recipe: TargetTraining, task: str, cards: Catalogue, device: torch.device
) -> _Planned:
    if recipe.classifier is None:
        return _end_to_end(recipe, task, device)
    card = cards.model(recipe.card_name(recipe.classifier))
    if card.task != task:
        raise AuditError(
            f"{recipe.path}: concept classifier '{card.model}' is about {card.task}, the data about {task}"
        )
    return _head(recipe, Bottleneck(card, device), device)


def _end_to_end(recipe: TargetTraining, task: str, device: torch.device) -> _Planned:
    assert recipe.input is not None
    said = {**said_in(recipe, task), **planned(recipe, 1), "output": OUTPUT}
    network, answer = started(recipe, {**said, "threshold": 0.5}, device)
    inputs = partial(_images, recipe, recipe.input)
    return _Planned(network, answer, inputs, said, network.state_dict, pretrained_digest(recipe))


def _head(recipe: TargetTraining, bottleneck: Bottleneck, device: torch.device) -> _Planned:
    head, model = nn.Linear(len(bottleneck.concepts), 1).to(device), bottleneck.model
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    said = {**said_in(recipe, bottleneck.card.task), **bottleneck.plan(), "output": OUTPUT}
    images = partial(_images, recipe, bottleneck.card.input)

    def concepts(part: Examples) -> Inputs:
        return FixedInputs(probabilities(model, images(part), recipe.batch, recipe.workers))

    def answer(given: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            seen = model.probabilities(given)
        logits: torch.Tensor = head(seen)
        return logits

    fixed = recipe.augment == Augmentation()
    return _Planned(
        head,
        head if fixed else answer,
        concepts if fixed else images,
        said,
        lambda: bottleneck.weights(head),
        model_digest(bottleneck.card),
    )


def _images(recipe: TargetTraining, given: Input, part: Examples) -> ImageInputs:
    return ImageInputs(part.data, part.rows, given, recipe.augment)


@dataclass(frozen=True)
class _Run:
    recipe: TargetTraining
    training: Examples
    validation: Examples
    planned: _Planned

    def go(self, out: Path, device: torch.device) -> Path:
        """Train, write everything, and return the card."""
        recipe, planned = self.recipe, self.planned
        out.mkdir(parents=True, exist_ok=True)
        training, validation = self._part(self.training), self._part(self.validation)
        task = Task(planned.network, planned.answer, training, validation, self._identity())
        history = fit(task, recipe, out, device)
        write_curves(out, recipe, history, math.ceil(len(training.inputs) / recipe.batch))
        return self._finish(out, device, history)

    def _finish(self, out: Path, device: torch.device, history: History) -> Path:
        recipe, planned = self.recipe, self.planned
        weights = planned.weights()
        card = write_model(out, recipe.name, weights, {**planned.said, "threshold": 0.5})
        model = load_model(card, str(device))
        inputs = _images(recipe, card.input, self.validation)
        scores = probabilities(model, inputs, recipe.batch, recipe.workers)[:, 1].double().numpy()
        threshold = youden_threshold(self._labels(self.validation).numpy(), scores)
        card = write_model(out, recipe.name, weights, {**planned.said, "threshold": threshold})
        write_training(out, recipe, history, self._about(scores, threshold))
        return card.path

    def _part(self, chosen: Examples) -> Part:
        return Part(self.planned.inputs(chosen), self._labels(chosen).float()[:, None])

    def _labels(self, chosen: Examples) -> torch.Tensor:
        return torch.tensor([record.label for record in chosen.records], dtype=torch.float64)

    def _identity(self) -> dict[str, Any]:
        data = address({"training": self.training.digest, "validation": self.validation.digest})
        return {"recipe": self.recipe.effective(), "data": data, "start": self.planned.start}

    def _about(self, scores: Floats, threshold: float) -> dict[str, Any]:
        labels = self._labels(self.validation).numpy()
        patients = [record.patient for record in self.validation.records]
        about = {
            "training": self.training.described(),
            "validation": self.validation.described(),
            "performance": auroc_of(labels, scores, patients),
            "threshold": threshold,
        }
        head = self.planned.network
        if isinstance(head, nn.Linear):
            about["head"] = {"weights": head.weight[0].tolist(), "bias": head.bias.item()}
        return about
