"""One interface to every model: pictures in, probabilities and differentiable log-odds out."""

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from auditkit.data.dataset import Picture
from auditkit.errors import AuditError
from auditkit.models.geometry import to_input
from auditkit.models.identity import class_names
from auditkit.models.networks import device_of, network
from auditkit.spec.model_card import ModelCard

_SUM_TOLERANCE = 0.05
_EPSILON = 1e-6
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Model:
    """A network with its preprocessing, on a device.

    Inputs are float tensors (N, 3, size, size) in [0, 1], sRGB, cropped and resized: the space in
    which colours are shifted, pixels removed and heatmaps drawn.
    """

    def __init__(
        self,
        card: ModelCard,
        net: nn.Module,
        device: torch.device,
        precision: str = "float32",
        outputs: int = 2,
    ) -> None:
        self.card = card
        self.outputs = outputs
        self.network = net.to(device).to(memory_format=torch.channels_last)
        self.device = device
        self.precision = precision
        self.classes = class_names(card)
        scale = 255.0 if card.input.scale == "bytes" else 1.0
        self._gain = scale / torch.tensor(card.input.std, device=device).view(1, -1, 1, 1)
        mean = torch.tensor(card.input.mean, device=device).view(1, -1, 1, 1)
        self._offset = mean / torch.tensor(card.input.std, device=device).view(1, -1, 1, 1)

    def prepare(self, pictures: Sequence[Picture]) -> torch.Tensor:
        """Pictures of any size as one input batch on the device."""
        batch = torch.stack([to_input(picture, self.card.input) for picture in pictures])
        return batch.to(self.device)

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the network itself is given: scaled as the card says."""
        scaled = inputs * self._gain - self._offset
        return scaled.contiguous(memory_format=torch.channels_last)

    def raw(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the network answers, float32 (N, C)."""
        with self._autocast():
            answer: torch.Tensor = self.network(self.normalise(inputs))
        return answer.float().flatten(1)

    def probabilities(self, inputs: torch.Tensor) -> torch.Tensor:
        """Class probabilities (N, C); one-output models give (N, 2), the positive class last.

        Raises:
            AuditError: the answers are not finite, or not probabilities though the card says so.
        """
        answer = self.raw(inputs)
        name = self.card.model
        if not torch.isfinite(answer).all():
            bad = int((~torch.isfinite(answer)).any(dim=1).sum())
            raise AuditError(
                f"model '{name}' answered NaN or infinity for {bad} of {len(answer)} images of a batch; "
                "check its weights and the card's 'input' (scale, mean, std)"
            )
        if self.card.output.kind == "logits":
            if answer.shape[1] == 1:
                positive = torch.sigmoid(answer)
                return torch.cat([1 - positive, positive], dim=1)
            return torch.softmax(answer, dim=1)
        self._refuse_logits(answer)
        return torch.cat([1 - answer, answer], dim=1) if answer.shape[1] == 1 else answer

    def log_odds(self, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Log-odds of class ``target`` (N,), differentiable: what heatmaps explain.

        log p_t - log(1 - p_t), computed from logits where the network has them, so that a saturated
        probability does not end the gradient.
        """
        logits = self._logits(inputs)
        rows = torch.arange(len(logits), device=logits.device)
        chosen = logits[rows, target]
        others = logits.masked_fill(
            torch.nn.functional.one_hot(target, logits.shape[1]).bool(), -torch.inf
        )
        return chosen - torch.logsumexp(others, dim=1)

    def _logits(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.card.output.kind == "logits":
            answer = self.raw(inputs)
        elif getattr(self.network, "has_logits", False):
            answer = self._own_logits(self.normalise(inputs)).float().flatten(1)
        else:
            answer = torch.log(self.probabilities(inputs).clamp(_EPSILON, 1 - _EPSILON))
        if answer.shape[1] == 1:
            answer = torch.cat([torch.zeros_like(answer), answer], dim=1)
        return answer

    def _own_logits(self, normalised: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = cast("Any", self.network).logits(normalised)
        return logits

    def decide(self, probabilities: torch.Tensor) -> torch.Tensor:
        """The decided class (N,): by the card's threshold, or the most probable."""
        if self.card.threshold is None or self.card.output.score is None:
            return probabilities.argmax(dim=1)
        return (probabilities[:, self.positive] >= self.card.threshold).long()

    @property
    def positive(self) -> int:
        """Index of the positive class in `probabilities`."""
        score = self.card.output.score
        assert score is not None
        return score

    def decided_output(self, decision: torch.Tensor) -> torch.Tensor:
        """Which output stands for a decision: for two-class models, 1 is the positive class."""
        if self.card.output.score is None:
            return decision
        return torch.where(decision == 1, self.positive, 1 - self.positive)

    def copy(self) -> "Model":
        """A copy that another thread may use."""
        net = copy.deepcopy(self.network)
        return Model(self.card, net, self.device, self.precision, self.outputs)

    def _refuse_logits(self, answer: torch.Tensor) -> None:
        outside = answer.min() < -_EPSILON or answer.max() > 1 + _SUM_TOLERANCE
        total = answer.sum(dim=1)
        not_one = answer.shape[1] > 1 and (total - 1).abs().max() > _SUM_TOLERANCE
        if outside or not_one:
            raise AuditError(
                f"model '{self.card.model}' answered values from {float(answer.min()):.3g} to "
                f"{float(answer.max()):.3g} (sum {float(total[0]):.3g}), which are no probabilities; "
                "if they are logits, set 'output.kind: logits' in the card"
            )

    def _autocast(self) -> torch.autocast:
        enabled = self.precision != "float32"
        return torch.autocast(self.device.type, PRECISIONS[self.precision], enabled=enabled)


def build(card: ModelCard, device: str, precision: str) -> Model:
    """The model that a card describes.

    Raises:
        AuditError: weights, architecture or class names do not fit; or the score is out of range.
    """
    model = Model(card, network(card), device_of(device), precision)
    with torch.no_grad():
        size = card.input.size
        probe = model.raw(torch.full((1, 3, size, size), 0.5, device=model.device))
    outputs = model.outputs = probe.shape[1]
    if model.classes is not None and len(model.classes) != max(outputs, 2):
        raise AuditError(
            f"{card.path}: the network has {outputs} outputs, the card names {len(model.classes)} classes"
        )
    if outputs == 1 and card.output.score != 1:
        raise AuditError(
            f"{card.path}: the network has one output, which is the probability of the second class: "
            "set output.score: 1 and name the classes [negative, positive]"
        )
    if card.output.score is not None and outputs > 2:
        raise AuditError(
            f"{card.path}: output.score is for two-class models, the network has {outputs} outputs; "
            "leave it out"
        )
    return model
