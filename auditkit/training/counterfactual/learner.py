"""One step of training a counterfactual generator."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.evidence.identity import seed_of
from auditkit.models.counterfactuals.contract import bin_of, centre_of
from auditkit.models.counterfactuals.discriminators import discriminator
from auditkit.models.counterfactuals.networks import Generator, generator
from auditkit.models.model import Model
from auditkit.models.views import see
from auditkit.spec.training_counterfactual import CounterfactualTraining
from auditkit.training.counterfactual.losses import (
    distance,
    hinge_of_discriminator,
    hinge_of_generator,
    wanted_score,
)
from auditkit.training.ema import Average
from auditkit.training.fitting import moments, restore_moments, seeded

Tensors = dict[str, torch.Tensor]
Network = TypeVar("Network", bound=nn.Module)
# Adam's, as in the paper.
_SECOND_DECAY = 0.9


@dataclass(frozen=True)
class Batch:
    """Pictures to learn from.

    Attributes:
        images: (N, 3, S, S) float32 in [0, 1], as the audited model sees them.
        scores: (N,) the audited model's probability f(x) of each; None: it is asked.
    """

    images: torch.Tensor
    scores: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)


class Learner:
    """Generator, discriminator, their optimisers and the generator's average.

    What is drawn follows from (seed, step) alone. Outside of its methods the audited model is as it was.
    """

    def __init__(self, recipe: CounterfactualTraining, model: Model, device: torch.device) -> None:
        self._recipe, self._model, self._device = recipe, model, device
        with seeded(seed_of("initial", recipe.seed), device):
            made = generator(recipe.network, recipe.bins)
            judge = discriminator(recipe.discriminator, recipe.discriminator_width, recipe.bins)
        self.generator = _placed(made, device)
        self.discriminator = _placed(judge, device)
        self._generating = self._optimiser(self.generator)
        self._judging = self._optimiser(self.discriminator)
        self.average = Average(dict(self.generator.named_parameters()), recipe.ema)
        self._parts = model.parts()

    def step(
        self, step: int, discriminator_batches: Sequence[Batch], generator_batch: Batch
    ) -> dict[str, float]:
        """Update the discriminator once per batch of it, then the generator once.

        Args:
            step: from 0; targets and view are drawn from it.
            discriminator_batches: images for each update of the discriminator.
            generator_batch: for the generator's update.

        Returns:
            Loss terms before they are weighted, ``discriminator`` averaged over its updates.

        Raises:
            AuditError: a loss is not finite.
        """
        self.generator.train()
        self.discriminator.train()
        with _still(self._model.network):
            judged = [
                self._judge(batch, self._targets("discriminator", step, index, len(batch)))
                for index, batch in enumerate(discriminator_batches)
            ]
            targets = self._targets("generator", step, 0, len(generator_batch))
            terms = self._generate(step, generator_batch, targets)
        self.average.update(step + 1)
        terms["discriminator"] = sum(judged) / max(len(judged), 1)
        if not all(map(math.isfinite, terms.values())):
            raise AuditError(
                f"step {step + 1}: the losses are not finite ({terms}); lower learning_rate, or use "
                "precision: float32"
            )
        return terms

    @torch.no_grad()
    def averaged(self, batch: Batch) -> Generator:
        """The generator with averaged weights and norms of its own, as it is used (eval mode).

        The running statistics of the norms belong to the weights of single steps, not to averaged ones. They
        are taken anew: the plain mean over parts of ``batch``, each image in a bin at random.

        Args:
            batch: some hundred of the training images.
        """
        made = copy.deepcopy(self.generator)
        made.train()
        for name, value in made.named_parameters():
            value.copy_(self.average.values.get(name, value))
        norms = [part for part in made.modules() if isinstance(part, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        own = self._own(batch)
        for index, rows in enumerate(torch.split(torch.arange(len(batch)), self._recipe.batch)):
            if len(rows) > 1:
                targets = self._targets("norms", 0, index, len(rows))
                made(self._signed(batch.images[rows]), _told(targets, own[rows]))
        made.eval()
        return made

    def tensors(self) -> dict[str, Tensors]:
        """Everything that changes in training, by group: for a checkpoint."""
        return {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": dict(self.average.values),
            "generator-adam": moments(self._generating),
            "discriminator-adam": moments(self._judging),
        }

    @torch.no_grad()
    def load(self, groups: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        """Take up what `tensors` gave: the next step has the same bits."""
        self.generator.load_state_dict(groups["generator"])
        self.discriminator.load_state_dict(groups["discriminator"])
        for name, value in self.average.values.items():
            value.copy_(groups["average"][name])
        restore_moments(self._generating, groups["generator-adam"])
        restore_moments(self._judging, groups["discriminator-adam"])

    def _judge(self, batch: Batch, targets: torch.Tensor) -> float:
        """One update of the discriminator."""
        images = self._signed(batch.images)
        own = self._own(batch)
        with self._autocast():
            with torch.no_grad():
                made = self.generator(images, _told(targets, own))
            # Together, so that the spectral norms are brought forward once.
            answers = self.discriminator(torch.cat([images, made]), torch.cat([own, targets]))
        real, fake = answers.float().chunk(2)
        loss = hinge_of_discriminator(real, fake)
        self._judging.zero_grad()
        torch.autograd.backward(self._recipe.weights.gan * loss)
        self._judging.step()
        return loss.item()

    def _generate(self, step: int, batch: Batch, targets: torch.Tensor) -> dict[str, float]:
        """One update of the generator."""
        images, weights = self._signed(batch.images), self._recipe.weights
        own, bins = self._own(batch), self._recipe.bins
        self.discriminator.eval().requires_grad_(False)
        with self._autocast():
            made = self.generator(images, _told(targets, own))
        answers = self._log_odds(made.float() / 2 + 0.5, step)
        reached = bin_of(answers.detach().sigmoid(), bins)
        with self._autocast():
            terms = {
                "gan": hinge_of_generator(self.discriminator(made, targets).float()),
                "reconstruction": distance(images, self.generator(images, _told(own, own))),
                "cycle": distance(images, self.generator(made, _told(own, reached))),
                "classifier": wanted_score(answers, centre_of(targets, bins)),
            }
        loss = torch.stack([getattr(weights, name) * term for name, term in terms.items()]).sum()
        self._generating.zero_grad()
        torch.autograd.backward(loss)
        self._generating.step()
        self.discriminator.requires_grad_(True)
        return {name: term.item() for name, term in terms.items()}

    def _log_odds(self, inputs: torch.Tensor, step: int) -> torch.Tensor:
        """What the audited model says, or one member under one view, another one in each step."""
        positive = torch.ones(len(inputs), dtype=torch.long, device=self._device)
        if self._recipe.views == "all" or len(self._parts) == 1:
            return self._model.log_odds(inputs, positive)
        part, view = self._parts[seed_of("view", self._recipe.seed, step) % len(self._parts)]
        return part.log_odds(see(inputs, view), positive)

    @torch.no_grad()
    def _own(self, batch: Batch) -> torch.Tensor:
        """The bin of what the audited model says to each image as it is, (N,)."""
        scores = batch.scores
        if scores is None:
            scores = self._model.probabilities(batch.images.to(self._device))[:, 1]
        return bin_of(scores.to(self._device), self._recipe.bins)

    def _targets(self, purpose: str, step: int, index: int, count: int) -> torch.Tensor:
        """A bin per image, each as likely as any."""
        drawing = torch.Generator().manual_seed(
            seed_of("targets", purpose, self._recipe.seed, step, index)
        )
        drawn = torch.randint(self._recipe.bins, (count,), generator=drawing)
        return drawn.to(self._device)

    def _signed(self, images: torch.Tensor) -> torch.Tensor:
        """From [0, 1] to [-1, 1]."""
        moved = images.to(self._device, memory_format=torch.channels_last)
        return moved * 2 - 1

    def _optimiser(self, network: nn.Module) -> torch.optim.Adam:
        betas = float(self._recipe.momentum), _SECOND_DECAY
        rate = float(self._recipe.learning_rate)
        return torch.optim.Adam(network.parameters(), rate, betas, fused=True)

    def _autocast(self) -> torch.autocast:
        enabled = self._recipe.precision == "bfloat16"
        return torch.autocast(self._device.type, torch.bfloat16, enabled=enabled)


def _placed(network: Network, device: torch.device) -> Network:
    """On a device, laid out as its convolutions are quickest."""
    network.to(device)
    network.to(memory_format=torch.channels_last)
    return network


def _told(wanted: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """What a generator is told, (N, 2)."""
    return torch.stack([wanted, own], dim=1)


@contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """An audited network as it is used, whose parameters take no gradients; afterwards as it was."""
    modes = [(module, module.training) for module in network.modules()]
    wanting = [value for value in network.parameters() if value.requires_grad]
    network.eval()
    for value in wanting:
        value.requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for value in wanting:
            value.requires_grad_(True)
