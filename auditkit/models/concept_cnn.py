"""The concept classifier of DEPICT: a small convolutional network with one logit per concept."""

from collections.abc import Sequence

import torch
from torch import nn

BLOCKS = 5
WIDTHS = (32, 64, 128, 128, 128)


class ConceptCnn(nn.Module):
    """Five blocks of convolution, batch norm, ReLU and max pooling, then a perceptron of three layers.

    arXiv:2407.14509, section 8.1 of the supplement, which names no widths: they are the user's. Pooling
    rounds up, so that small inputs do not vanish: 24 px become 12, 6, 3, 2, 1.

    Args:
        concepts: number of logits K.
        size: side of the square input in pixels.
        widths: channels of the five blocks; the last is also the width of the perceptron.
        channels: of the input.

    Raises:
        ValueError: there are not five widths, or a number is not positive.

    Example:
        >>> ConceptCnn(concepts=6, size=32, widths=(4, 4, 8, 8, 8))(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 6])
    """

    def __init__(
        self, concepts: int, size: int, widths: Sequence[int] = WIDTHS, channels: int = 3
    ) -> None:
        super().__init__()
        if len(widths) != BLOCKS:
            raise ValueError(f"widths: {len(widths)} were given, {BLOCKS} were expected")
        if min(concepts, size, channels, *widths) < 1:
            raise ValueError("concepts, size, channels and widths: positive numbers were expected")
        pairs = zip([channels, *widths], widths, strict=False)
        self.blocks = nn.Sequential(*(_block(given, made) for given, made in pairs))
        # ceil(ceil(size / 2) / 2) ... is ceil(size / 2^5).
        side, width = -(-size // 2**BLOCKS), widths[-1]
        self.perceptron = nn.Sequential(
            nn.Flatten(),
            nn.Linear(width * side * side, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, concepts),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of images (N, C, size, size)."""
        logits: torch.Tensor = self.perceptron(self.blocks(x))
        return logits


def _block(given: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        # Batch norm has the offset.
        nn.Conv2d(given, made, 3, padding=1, bias=False),
        nn.BatchNorm2d(made),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
    )
