"""Grad-CAM and LIME of concepts: asked once, they are those of every model that is linear in the concepts.

For a model with score s = w'c(x) and the predicted class yes (sign 1) or no (sign -1), what is explained is
sign s. Grad-CAM before its ReLU is linear in the gradient of what is explained, and LIME's coefficients are
linear in the answers to the perturbed images, so that both are sign w' (those of the concepts): K passes
serve any number of models.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.baselines import baselines
from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.gradients.cam import GradCAMExplainer
from auditkit.evidence.heatmaps.gradients.layers import find_layer
from auditkit.evidence.heatmaps.perturbation.budget import Answers, pairs_within
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign, paired_design
from auditkit.evidence.heatmaps.perturbation.game import Game
from auditkit.evidence.heatmaps.perturbation.players import players_of
from auditkit.evidence.heatmaps.perturbation.regression import lime_estimator, lime_rates
from auditkit.evidence.heatmaps.subject import Subject, Table
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Integers
from auditkit.models.memory import halving
from auditkit.spec.methods import GradCAM, Lime

ROWS = 256
"""Inputs per forward pass."""


@dataclass(frozen=True)
class Bottleneck:
    """A network that predicts concepts.

    Attributes:
        name: for people.
        predict: inputs (N, 3, size, size) in [0, 1] to concept predictions (N, K), differentiable.
        network: the module that computes them.
        shape: (3, size, size).
        concepts: K.
        device: where inputs live.
    """

    name: str
    predict: Callable[[torch.Tensor], torch.Tensor]
    network: nn.Module
    shape: tuple[int, int, int]
    concepts: int
    device: torch.device

    def subject(self) -> Subject:
        """The prediction of one concept, to be explained."""

        def answer(inputs: torch.Tensor, target: torch.Tensor, _table: Table) -> torch.Tensor:
            return self.predict(inputs).gather(1, target[:, None])[:, 0]

        return Subject(self.name, answer, self.network, self.shape, ((0, 1, 2),), self.device)


def gradcam_parts(
    bottleneck: Bottleneck, inputs: torch.Tensor, method: GradCAM
) -> tuple[Floats, str]:
    """Grad-CAM of each concept before its ReLU, and a note on the layer.

    sum_c mean(dc_k / dA_c) A_c (Selvaraju et al., arXiv:1610.02391, equations 1 and 2).

    Args:
        bottleneck: predicts concepts.
        inputs: float (N, 3, size, size).
        method: names the layer.

    Returns:
        (N, K, h, w) and, as in 'layer features.12 (4 x 4)', what it was drawn for.

    Raises:
        AuditError: the network has no such layer.
    """
    explainer = GradCAMExplainer(bottleneck.subject(), method, None)
    fitness = explainer.fitness()
    activation = explainer.activation
    if fitness.reason or activation is None:
        raise AuditError(f"Grad-CAM: '{bottleneck.name}' {fitness.reason}")
    found = []
    for group in torch.split(inputs, 1 if activation.alone else ROWS):
        targets = (
            torch.full((len(group),), k, device=group.device) for k in range(bottleneck.concepts)
        )
        maps = [activation.signed(group, target, None) for target in targets]
        found.append(torch.stack(maps, dim=1).double().cpu())
    return torch.cat(found).numpy(), activation.note()


def convolutions(bottleneck: Bottleneck) -> list[str]:
    """The last convolution of every resolution, finest first."""
    subject, found = bottleneck.subject(), dict[tuple[int, ...], str]()
    for name, module in bottleneck.network.named_modules():
        if isinstance(module, nn.Conv2d):
            try:
                found[find_layer(subject, name).grid] = name
            except AuditError:
                continue  # a map of one place is none
    return [found[grid] for grid in sorted(found, reverse=True)]


@dataclass(frozen=True)
class LimePart:
    """LIME of one image.

    Attributes:
        coefficients: (K, P) of each concept's prediction, for each superpixel.
        segments: (size, size), the superpixel of each pixel, 0 to P - 1.
    """

    coefficients: Floats
    segments: Integers


def lime_parts(bottleneck: Bottleneck, inputs: torch.Tensor, method: Lime) -> list[LimePart]:
    """LIME's coefficients of each concept's prediction, one part per image.

    Args:
        bottleneck: predicts concepts.
        inputs: float (N, 3, size, size).
        method: superpixels (SLIC), baseline (not ``data``), samples (no ``error``), width and ridge.

    Raises:
        AuditError: too few samples, or scikit-image is missing.
    """
    recorded: list[torch.Tensor] = []

    def answer(rows: torch.Tensor, _target: torch.Tensor, _table: Table) -> torch.Tensor:
        values = bottleneck.predict(rows)
        recorded.append(values.double().cpu())
        return values[:, 0]

    subject = Subject(
        bottleneck.name,
        answer,
        bottleneck.network,
        bottleneck.shape,
        ((0, 1, 2),),
        bottleneck.device,
    )
    target = torch.zeros(len(inputs), dtype=torch.long, device=inputs.device)
    players = players_of(inputs, method.superpixels, subject.modalities)
    batch = Batch(inputs, target, [0] * len(inputs))
    empty = baselines(inputs, method.baseline)

    def asked(images: Sequence[int], coalitions: torch.Tensor, rows: int) -> None:
        recorded.clear()
        Game(subject, batch, players, empty, rows).values(images, coalitions)

    found: dict[int, Floats] = {}
    for images in players.groups():
        design = _design(players.counts[images[0]], method)
        halving(ROWS, partial(asked, images, _coalitions(design)))
        answers = torch.cat(recorded).view(len(images), -1, bottleneck.concepts)
        found.update(zip(images, _coefficients(answers, design, method), strict=True))
    segments = _segments(players.segments)
    return [LimePart(found[i], segments[i]) for i in range(len(inputs))]


def _segments(segments: torch.Tensor | None) -> Integers:
    if segments is None:
        raise AuditError("LIME of a benchmark: superpixels of kind slic were expected")
    return segments[:, 0].long().numpy()


def _design(players: int, method: Lime) -> PairDesign:
    pairs = pairs_within(players, method.samples)
    rates = lime_rates(players, float(method.width))
    return paired_design(players, pairs, rates, seed_of(method.identity, players))


def _coalitions(design: PairDesign) -> torch.Tensor:
    """Nobody, everybody, then both halves of every pair."""
    ends = torch.ones(2, design.players, dtype=torch.bool)
    ends[0] = False
    return torch.cat([ends, design.coalitions(slice(0, len(design)))])


def _coefficients(answers: torch.Tensor, design: PairDesign, method: Lime) -> Sequence[Floats]:
    """(K, P) per image from answers (I, coalitions, K)."""
    images, _, concepts = answers.shape
    games = answers.movedim(2, 1).flatten(0, 1)
    pairs = games[:, 2:].view(len(games), 2, -1)
    estimator = lime_estimator(design, len(design), float(method.width), float(method.ridge))
    values, _ = estimator(Answers(games[:, :2], pairs))
    return list(values.view(images, concepts, -1).numpy())
