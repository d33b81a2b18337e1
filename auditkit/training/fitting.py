"""The loop that trains classifiers: cross-entropy, early stopping, and checkpoints after each epoch.

All that is random is drawn from (seed, epoch, step), so that a run that was interrupted and continued
has the weights of one that was not: equal bits on one machine's CPU, up to rounding on a GPU.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.evidence.identity import seed_of
from auditkit.spec.training_classifier import ImageTraining
from auditkit.training import checkpoint
from auditkit.training.batches_of_images import Indices, Part, in_order
from auditkit.training.identity import require_same
from auditkit.training.images import ahead
from auditkit.training.progress import Progress

_GROUPS = ("network", "best", "optimiser")


@dataclass
class History:
    """Losses by epoch.

    Attributes:
        training: mean over the epoch's steps.
        validation: mean over the known targets of the validation part, after the epoch.
    """

    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.training)

    @property
    def best(self) -> int:
        """The epoch (from 1) with the lowest validation loss, the first of equal ones."""
        return self.validation.index(min(self.validation)) + 1

    def ends(self, recipe: ImageTraining) -> bool:
        """Whether training is over."""
        done = len(self)
        if done >= recipe.epochs:
            return True
        if recipe.patience is None or done < recipe.patience_from:
            return False
        return done - self.best >= recipe.patience


@dataclass(frozen=True)
class Task:
    """What is trained, and on what.

    Attributes:
        network: whose parameters are trained and kept.
        answer: logits (N, K) of inputs on the device; through ``network``.
        training: at least two images.
        validation: at least one.
        identity: what must be equal for a run to be continued (`identity.require_same`).
    """

    network: nn.Module
    answer: Callable[[torch.Tensor], torch.Tensor]
    training: Part
    validation: Part
    identity: Mapping[str, Any]


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy in nats over the known targets, a scalar; 0 if none is known.

    Args:
        logits: (N, K).
        targets: (N, K), 0 or 1; NaN where unknown.

    Example:
        >>> logits, targets = torch.zeros(1, 2), torch.tensor([[1.0, torch.nan]])
        >>> cross_entropy(logits, targets).item()  # ln 2; the second one does not count
        0.6931471824645996
    """
    known = ~targets.isnan()
    total = functional.binary_cross_entropy_with_logits(
        logits[known], targets[known], reduction="sum"
    )
    return total / known.sum().clamp(min=1)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch draws from ``seed`` within (initial values, dropout), and afterwards as if it had not."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def fit(task: Task, recipe: ImageTraining, out: Path, device: torch.device) -> History:
    """Train to the end, from the newest checkpoint in ``out``; the network has the best epoch's weights.

    Raises:
        AuditError: the loss is not finite, or ``out`` holds another run.
    """
    run = _Run(task, recipe, out, device)
    run.resume()
    progress = Progress(recipe.epochs * run.steps, recipe.batch, len(run.history) * run.steps)
    while not run.history.ends(recipe):
        run.epoch(progress)
    task.network.load_state_dict(run.best)
    task.network.eval()
    return run.history


class _Run:
    """A run in progress: ``history`` so far, ``best`` weights, ``steps`` per epoch."""

    def __init__(self, task: Task, recipe: ImageTraining, out: Path, device: torch.device) -> None:
        self._task, self._recipe, self._out, self._device = task, recipe, out, device
        self._optimiser = _optimiser(task.network, recipe)
        self.history = History()
        self.best: dict[str, torch.Tensor] = {}
        # Parts of nearly equal size: batch norm knows no batch of one image.
        self.steps = math.ceil(len(task.training.inputs) / recipe.batch)

    def resume(self) -> None:
        """Take up the newest whole checkpoint, if there is one."""
        folder = checkpoint.newest(self._out)
        if folder is None:
            return
        state = checkpoint.read_state(folder)
        require_same(self._out, state["identity"], self._task.identity)
        self.history = History(state["training"], state["validation"])
        self._task.network.load_state_dict(checkpoint.read_tensors(folder, "network"))
        self.best = checkpoint.read_tensors(folder, "best")
        restore_moments(self._optimiser, checkpoint.read_tensors(folder, "optimiser"))

    def epoch(self, progress: Progress) -> None:
        """Train one epoch, validate, and write a checkpoint."""
        self.history.training.append(self._train(progress))
        self.history.validation.append(self._validate())
        network = self._task.network.state_dict()
        if self.history.best == len(self.history):
            self.best = {name: value.detach().clone() for name, value in network.items()}
        state = {
            "identity": self._task.identity,
            "training": self.history.training,
            "validation": self.history.validation,
            "files": list(_GROUPS),
        }
        groups = {"network": network, "best": self.best, "optimiser": moments(self._optimiser)}
        checkpoint.write(self._out, len(self.history) * self.steps, groups, state)

    def _train(self, progress: Progress) -> float:
        epoch, seed, total = len(self.history), self._recipe.seed, 0.0
        part = self._task.training
        order = np.random.default_rng(seed_of("order", seed, epoch)).permutation(len(part.inputs))
        batches: list[Indices] = np.array_split(order, self.steps)

        def made(step: int) -> torch.Tensor:
            return part.inputs.batch(batches[step], seed_of("augmentation", seed, epoch, step))

        self._task.network.train()
        for step, inputs in enumerate(ahead(made, range(self.steps), self._recipe.workers)):
            targets = part.targets[torch.from_numpy(batches[step])]
            with seeded(seed_of("network", seed, epoch, step), self._device):
                loss = self._step(inputs, targets)
            if not math.isfinite(loss):
                raise AuditError(
                    f"the loss of epoch {epoch + 1}, step {step + 1} is {loss}; lower learning_rate, or "
                    "check 'input' (mean, std, scale)"
                )
            total += loss
            progress.tell(epoch * self.steps + step + 1, loss)
        return total / self.steps

    def _step(self, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        self._optimiser.zero_grad()
        loss = cross_entropy(self._task.answer(inputs.to(self._device)), targets.to(self._device))
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is incomplete
        self._optimiser.step()
        return float(loss.detach())

    @torch.no_grad()
    def _validate(self) -> float:
        part, batch = self._task.validation, self._recipe.batch
        self._task.network.eval()
        total, known, start = 0.0, 0, 0
        for inputs in in_order(part.inputs, batch, self._recipe.workers):
            targets = part.targets[start : start + len(inputs)]
            count = int((~targets.isnan()).sum())
            answers = self._task.answer(inputs.to(self._device)).cpu()
            total += float(cross_entropy(answers, targets)) * count
            known, start = known + count, start + len(inputs)
        if not known or not math.isfinite(total):
            raise AuditError(
                f"the validation loss after epoch {len(self.history.training)} is {total} over {known} known "
                "targets; check the validation data, or lower learning_rate"
            )
        return total / known


def _optimiser(network: nn.Module, recipe: ImageTraining) -> torch.optim.Optimizer:
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
    return torch.optim.SGD(
        network.parameters(), lr=rate, momentum=recipe.momentum, weight_decay=decay
    )


def moments(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimiser's tensors by parameter and name."""
    state: dict[int, dict[str, Any]] = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": value
        for index, values in state.items()
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }


def restore_moments(optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Take up what `moments` gave."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for place, value in tensors.items():
        index, _, name = place.partition(".")
        state.setdefault(int(index), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    # Fused optimisers walk through memory: there, moments must lie as their parameters do.
    for parameter, values in optimiser.state.items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter).copy_(value)
