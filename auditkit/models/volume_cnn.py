"""A small convolutional network of pictures or volumes with several modalities, fused early or late."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

Fusion = Literal["input", "feature"]


class VolumeCnn(nn.Module):
    """VGG-like: blocks of two convolutions and a max pooling, global mean, one hidden layer.

    After the networks of Jin et al., arXiv:2202.10553, sections 3.1.3 and 3.2. ``input`` fusion: modalities
    are the channels of the first convolution. ``feature`` fusion: each modality has blocks of its own, and
    their features are joined behind them.

    Deviates: batch norm, and a mean over space in place of a flattened map, for few parameters.

    Args:
        outputs: number of logits K.
        modalities: M.
        axes: number of spatial axes, 2 or 3.
        widths: channels of each block.
        hidden: width of the hidden layer.
        fusion: where modalities meet.

    Raises:
        ValueError: a number is not positive, or axes or fusion are others.

    Example:
        >>> VolumeCnn(2, modalities=4, axes=3, widths=(4, 8))(torch.zeros(1, 4, 8, 8, 8)).shape
        torch.Size([1, 2])
    """

    def __init__(
        self,
        outputs: int,
        modalities: int,
        axes: int,
        widths: Sequence[int] = (8, 16, 32),
        hidden: int = 32,
        fusion: Fusion = "input",
    ) -> None:
        super().__init__()
        if axes not in (2, 3) or fusion not in ("input", "feature"):
            raise ValueError("axes: 2 or 3, and fusion: input or feature, were expected")
        if not widths or min(outputs, modalities, hidden, *widths) < 1:
            raise ValueError(
                "outputs, modalities, widths and hidden: positive numbers were expected"
            )
        self.branches = 1 if fusion == "input" else modalities
        given = modalities // self.branches
        self.features = nn.ModuleList(_blocks(axes, [given, *widths]) for _ in range(self.branches))
        self.classify = nn.Sequential(
            nn.Linear(widths[-1] * self.branches, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of (N, M, *space)."""
        if self.branches == 1:
            found = self.features[0](x).flatten(2).mean(dim=2)
        else:
            parts = [
                blocks(part).flatten(2).mean(dim=2)
                for blocks, part in zip(self.features, torch.split(x, 1, dim=1), strict=True)
            ]
            found = torch.cat(parts, dim=1)
        logits: torch.Tensor = self.classify(found)
        return logits


def _blocks(axes: int, widths: Sequence[int]) -> nn.Sequential:
    convolution = nn.Conv2d if axes == 2 else nn.Conv3d
    norm = nn.BatchNorm2d if axes == 2 else nn.BatchNorm3d
    pool = nn.MaxPool2d if axes == 2 else nn.MaxPool3d
    layers: list[nn.Module] = []
    for before, width in pairwise(widths):
        for given in (before, width):
            # Batch norm has the offset.
            layers += [convolution(given, width, 3, padding=1, bias=False), norm(width), nn.ReLU()]
        layers.append(pool(2, ceil_mode=True))
    return nn.Sequential(*layers)
