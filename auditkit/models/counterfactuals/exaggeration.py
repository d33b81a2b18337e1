"""Progressive exaggeration: a trained network as a counterfactual generator."""

from typing import Self, cast

import torch

from auditkit.errors import AuditError
from auditkit.models.counterfactuals.contract import bin_of
from auditkit.models.counterfactuals.identity import counterfactual_digest, counterfactual_weights
from auditkit.models.counterfactuals.networks import Generator, generator
from auditkit.models.counterfactuals.trained_on import TRAINED
from auditkit.models.watching import drawing
from auditkit.models.weights import created, fill, read_state
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.model_card import Weights


class Exaggeration:
    """A network in evaluation mode: what it makes of an image does not depend on the others.

    Attributes:
        bins: equal parts of [0, 1].
        network: images in [-1, 1] and bins to images in [-1, 1].
    """

    def __init__(self, network: Generator, size: int | None = None) -> None:
        """Take a network; its images have sides of ``size`` pixels, if it is given."""
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.bins = network.bins
        self._size = size

    @classmethod
    def from_card(cls, card: CounterfactualCard, device: torch.device) -> Self:
        """The generator whose weights a card names.

        Raises:
            AuditError: the weights are missing, not those that the card states, or do not fit the network.
        """
        spec, weights = card.network, card.weights
        if spec is None or weights is None:
            raise AuditError(f"{card.path}: 'network' and 'weights' were expected")
        counterfactual_digest(card)
        path = counterfactual_weights(card)
        network = cast("Generator", created(lambda: generator(spec, card.bins)))
        state = {name: value for name, value in read_state(path).items() if name != TRAINED}
        fill(network, state, Weights(file=weights.file), path)
        return cls(network.to(device), card.size)

    @torch.no_grad()
    def generate(
        self,
        images: torch.Tensor,
        targets: torch.Tensor,
        scores: torch.Tensor,
    ) -> torch.Tensor:
        """G(x, c), a function of the image, its score and the target alone.

        Args:
            images: (N, 3, S, S) in [0, 1].
            targets: (N,) bins from 0.
            scores: (N,) f(x).

        Returns:
            (N, 3, S, S) in [0, 1].

        Raises:
            AuditError: the images are not of the size that the generator was trained for.
        """
        drawing(len(images))
        side = images.shape[-1]
        if self._size is not None and images.shape[-2:] != (self._size, self._size):
            raise AuditError(
                f"the counterfactual generator was trained at {self._size} pixels and was given images of "
                f"{images.shape[-2]}x{side}; train one for the model's input size: auditkit train "
                "counterfactual"
            )
        whole = images.contiguous(memory_format=torch.channels_last) * 2 - 1
        told = torch.stack(
            [targets.to(images.device), bin_of(scores, self.bins).to(images.device)], 1
        )
        made: torch.Tensor = self.network(whole, told)
        return made.float() / 2 + 0.5
