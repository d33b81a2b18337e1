"""Discriminators: whether an image looks like those that a generator learns from."""

from itertools import pairwise
from typing import cast

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from auditkit.spec.counterfactual_card import Discriminator

# Positions of the last features at 224 pixels, the paper's size.
_POSITIONS = 14 * 14


class Unconditional(nn.Module):
    """Four convolutions 4x4 of stride 2 and a linear map, all of spectral norm 1 (arXiv:1802.05957).

    The features of all positions are added up, as in the paper's code, and scaled to what 224 pixels give: of
    a plain sum, the hinge's margin would depend on the images' size. 2,757,057 parameters at width 64.

    Deviates: that scale, which is 1 at 224 pixels; and Xavier's initial values, which the paper's code gives
    to a copy, without effect, are left out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width, 8 * width]
        self.convolutions = nn.ModuleList(
            spectral_norm(nn.Conv2d(given, made, 4, 2, 1)) for given, made in pairwise(widths)
        )
        self.last = spectral_norm(nn.Linear(widths[-1], 1))

    def forward(self, images: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:  # noqa: ARG002 one interface
        """One number per image (N,): high for real ones.

        Args:
            images: (N, 3, S, S) in [-1, 1].
            condition: (N,) bins, not used.
        """
        return cast("torch.Tensor", self.last(self._features(images)))[:, 0]

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        features = images
        for convolution in self.convolutions:
            features = nn.functional.leaky_relu_(convolution(features), 0.2)
        return features.mean((2, 3)) * _POSITIONS


class ClassConditional(Unconditional):
    """Whether an image looks like those of its bin: what the paper replaced (its Supplementary Fig. 3).

    A projection (arXiv:1802.05637) on the bins up to the image's own, as bins are ordered (arXiv:1911.00483):
    D(x, c) = l(phi(x)) + sum_{k <= c} <v_k, phi(x)>.
    """

    def __init__(self, width: int, bins: int) -> None:
        super().__init__(width)
        self.directions = spectral_norm(nn.Linear(8 * width, bins, bias=False))

    def forward(self, images: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """As of `Unconditional`, for bins ``condition`` (N,)."""
        features = self._features(images)
        along = self.directions(features).cumsum(1)
        own: torch.Tensor = along.gather(1, condition[:, None])
        return cast("torch.Tensor", self.last(features) + own)[:, 0]


def discriminator(kind: Discriminator, width: int, bins: int) -> Unconditional:
    """The network of a recipe, with initial values."""
    return Unconditional(width) if kind == "unconditional" else ClassConditional(width, bins)
