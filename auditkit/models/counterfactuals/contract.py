"""The one interface of counterfactual generators, whatever their family."""

from typing import Protocol

import torch


class CounterfactualGenerator(Protocol):
    """Changes pictures so that the audited model answers with a wanted score.

    Attributes:
        bins: equal parts of [0, 1]; bin c stands for the score (c + 1/2) / bins.
    """

    bins: int

    def generate(
        self, images: torch.Tensor, targets: torch.Tensor, scores: torch.Tensor
    ) -> torch.Tensor:
        """One counterfactual per image, a function of that image, its score and its target alone.

        Args:
            images: (N, 3, S, S) in [0, 1], the audited model's inputs.
            targets: (N,) bins from 0.
            scores: (N,) f(x), what the audited model answers to these images.

        Returns:
            (N, 3, S, S) in [0, 1].
        """
        ...


def bin_of(score: torch.Tensor, bins: int) -> torch.Tensor:
    """The bin [c / bins, (c + 1) / bins) of each score (N,); 1 belongs to the last."""
    return (score.double() * bins).long().clamp(0, bins - 1)


def centre_of(target: torch.Tensor, bins: int) -> torch.Tensor:
    """The score (c + 1/2) / bins that a bin stands for, (N,)."""
    return (target.double() + 0.5) / bins
