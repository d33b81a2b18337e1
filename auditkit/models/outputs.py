"""From what a network answers to the probability of each decision.

A model with a score decides between no (0) and yes (1), another one between its classes; D is the number
of decisions. A concept classifier answers each class by itself: its D = K probabilities sum to anything, and
its decision is the most probable class, however probable the others are. All of this is differentiable
and works on log-probabilities where there are logits, so that a saturated probability does not end the
gradient.
"""

import torch
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.models.identity import positive_outputs
from auditkit.spec.model_card import ModelCard

_SUM_TOLERANCE = 0.05
_EPSILON = 1e-6


class Outputs:
    """Reads a network's raw outputs (N, K) as the card says."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.positive = positive_outputs(card)
        self.independent = card.output.independent

    def check(self, outputs: int, classes: list[str] | None) -> None:
        """Refuse a card that does not fit the number of outputs.

        Raises:
            AuditError: names, score or threshold do not fit.
        """
        path = self.card.path
        if classes is not None and len(classes) != (
            outputs if self.independent else max(outputs, 2)
        ):
            raise AuditError(
                f"{path}: the network has {outputs} outputs, the card names {len(classes)} classes"
            )
        if outputs == 1 and self.positive != [1] and not self.independent:
            raise AuditError(
                f"{path}: the network has one output, which is the probability of the second class: "
                "set output.score: 1 and name the classes [negative, positive]"
            )
        if self.positive and max(self.positive) >= max(outputs, 2):
            raise AuditError(
                f"{path}: output.score is {max(self.positive)}, but the network has {outputs} outputs "
                f"(0 to {outputs - 1})"
            )
        if len(self.positive) == max(outputs, 2):
            raise AuditError(f"{path}: output.score takes every class, so that it is always 1")

    def probabilities(self, raw: torch.Tensor) -> torch.Tensor:
        """Probability of each decision, (N, D).

        Raises:
            AuditError: the answers are not finite, or not probabilities though the card says so.
        """
        self._refuse_infinite(raw)
        if self.card.output.kind == "logits":
            return raw.sigmoid() if self.independent else self.log_probabilities(raw).exp()
        self._refuse_logits(raw)
        if self.independent:
            return raw
        if raw.shape[1] == 1:
            return torch.cat([1 - raw, raw], dim=1)
        if not self.positive:
            return raw
        score = raw[:, self.positive].sum(dim=1, keepdim=True)
        return torch.cat([1 - score, score], dim=1)

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Log-probability of each decision, (N, D), from logits (N, K).

        Of classes that are answered by themselves (N, 2 K): log p, then log (1 - p), which no sum over
        the other classes gives.
        """
        if self.independent:
            return torch.cat([functional.logsigmoid(logits), functional.logsigmoid(-logits)], dim=1)
        if logits.shape[1] == 1 or not self.card.output.exclusive:
            one = logits[:, self.positive] if logits.shape[1] > 1 else logits
            return torch.cat([functional.logsigmoid(-one), functional.logsigmoid(one)], dim=1)
        total = torch.log_softmax(logits, dim=1)
        if not self.positive:
            return total
        rest = [i for i in range(logits.shape[1]) if i not in self.positive]
        no = torch.logsumexp(total[:, rest], dim=1, keepdim=True)
        yes = torch.logsumexp(total[:, self.positive], dim=1, keepdim=True)
        return torch.cat([no, yes], dim=1)

    def from_probabilities(self, raw: torch.Tensor) -> torch.Tensor:
        """As `log_probabilities`, where the network gives probabilities only."""
        found = self.probabilities(raw).clamp(_EPSILON, 1 - _EPSILON)
        return (torch.cat([found, 1 - found], dim=1) if self.independent else found).log()

    def log_odds(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Log-odds log p_t - log(1 - p_t) of decisions ``target`` (N,), from `log_probabilities`."""
        if not self.independent:
            return log_odds(log_probabilities, target)
        rows = torch.arange(len(target), device=target.device)
        yes, no = log_probabilities.chunk(2, dim=1)
        return yes[rows, target] - no[rows, target]

    def decide(self, probabilities: torch.Tensor) -> torch.Tensor:
        """The decision (N,): by the card's threshold, or the most probable class."""
        if self.card.threshold is None:
            return probabilities.argmax(dim=1)
        # In double precision, as numpy compares stored scores.
        return (probabilities[:, 1].double() >= self.card.threshold).long()

    def _refuse_infinite(self, answer: torch.Tensor) -> None:
        if not torch.isfinite(answer).all():
            bad = int((~torch.isfinite(answer)).any(dim=1).sum())
            raise AuditError(
                f"model '{self.card.model}' answered NaN or infinity for {bad} of {len(answer)} images "
                "of a batch; check its weights and the card's 'input' (scale, mean, std)"
            )

    def _refuse_logits(self, answer: torch.Tensor) -> None:
        outside = answer.min() < -_EPSILON or answer.max() > 1 + _SUM_TOLERANCE
        total = answer.sum(dim=1)
        one = answer.shape[1] > 1 and self.card.output.exclusive
        if outside or (one and (total - 1).abs().max() > _SUM_TOLERANCE):
            raise AuditError(
                f"model '{self.card.model}' answered values from {float(answer.min()):.3g} to "
                f"{float(answer.max()):.3g} (sum {float(total[0]):.3g}), which are no probabilities; "
                "if they are logits, set 'output.kind: logits' in the card"
            )


def log_odds(log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Log-odds log p_t - log(1 - p_t) of decisions ``target`` (N,), from (N, D)."""
    rows = torch.arange(len(log_probabilities), device=log_probabilities.device)
    chosen = log_probabilities[rows, target]
    others = log_probabilities.masked_fill(
        functional.one_hot(target, log_probabilities.shape[1]).bool(), -torch.inf
    )
    return chosen - torch.logsumexp(others, dim=1)
