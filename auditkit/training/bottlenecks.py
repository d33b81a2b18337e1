"""Concept-bottleneck models made of a concept classifier, which stays as it is, and a linear head."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models import load_model
from auditkit.spec.model_card import ModelCard
from auditkit.training.trained_models import write_model

OUTPUT = {"kind": "logits", "classes": ["negative", "positive"], "score": 1}
"""What the card of a target model says of its one logit."""

_BACKBONES = ("concept-cnn", "timm", "torchvision")
# They follow from the number of concepts.
_OUTPUTS = ("concepts", "num_classes")


class Bottleneck:
    """A concept classifier as the part of a target model that sees images.

    Args:
        card: of the concept classifier: one network of format concept-cnn, timm or torchvision that
            answers with one logit per concept.
        device: where it runs.

    Raises:
        AuditError: the card is of another kind, or its weights do not fit.
    """

    def __init__(self, card: ModelCard, device: torch.device) -> None:
        _refuse_other(card)
        self.card = card
        self.model = load_model(card, str(device))
        assert self.model.classes is not None
        self.concepts = self.model.classes

    def plan(self) -> dict[str, Any]:
        """What the card of a model with this bottleneck says about its network."""
        card = self.card
        inner = {key: value for key, value in card.arguments.items() if key not in _OUTPUTS}
        arguments = {"backbone": card.format, "concepts": len(self.concepts), "outputs": 1}
        return {
            "format": "concept-bottleneck",
            "architecture": card.architecture,
            "arguments": {**arguments, "backbone_arguments": inner},
            "input": card.input.model_dump(mode="json", exclude_defaults=True),
        }

    def weights(self, head: nn.Linear) -> dict[str, torch.Tensor]:
        """The state of the model with this bottleneck and a head from the concepts."""
        backbone = self.model.network.state_dict()
        own = {f"head.{name}": value for name, value in head.state_dict().items()}
        return {**{f"backbone.{name}": value for name, value in backbone.items()}, **own}


def write_weighted(
    classifier: ModelCard,
    weights: Sequence[float],
    bias: float,
    name: str,
    out: Path,
    title: str = "",
) -> Path:
    """A target model with given weights: p = 1 / (1 + exp(-(w^T c + b))), positive from 0.5 on.

    The target models of DEPICT on synthetic shapes (arXiv:2407.14509, section 4.1), whose score w^T c orders
    images alike. With b = -sum(w) / 2 the model is positive where the concepts weigh more than half of all.

    Args:
        classifier: card of the concept classifier.
        weights: one per concept, in the order of its classes.
        bias: b.
        name: of the model.
        out: folder, made if it is not there.
        title: one line for people.

    Returns:
        The card, beside its weights in ``out``.

    Raises:
        AuditError: the classifier is of another kind, or there are not as many weights as concepts.
    """
    made = Bottleneck(classifier, torch.device("cpu"))
    if len(weights) != len(made.concepts):
        raise AuditError(
            f"{len(weights)} weights were given for the {len(made.concepts)} concepts of "
            f"'{classifier.model}'; one each was expected"
        )
    head = nn.Linear(len(weights), 1)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([list(weights)]))
        head.bias.fill_(bias)
    out.mkdir(parents=True, exist_ok=True)
    said = {
        "title": title,
        "task": classifier.task,
        **made.plan(),
        "output": OUTPUT,
        "threshold": 0.5,
    }
    return write_model(out, name, made.weights(head), said).path


def _refuse_other(card: ModelCard) -> None:
    wrong = ""
    if not card.output.independent or card.output.kind != "logits":
        wrong = (
            "its output is not `{kind: logits, exclusive: false, classes: [...]}` without a score"
        )
    elif card.format not in _BACKBONES:
        wrong = f"its format is {card.format}, not one of {', '.join(_BACKBONES)}"
    elif len(card.networks) != 1 or card.view_names != ["identity"] or card.table:
        wrong = "it has several members or views, or a second input"
    if wrong:
        raise AuditError(f"{card.path}: '{card.model}' cannot be a concept bottleneck: {wrong}")
