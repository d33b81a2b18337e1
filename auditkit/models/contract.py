"""What every format gives: a network that PyTorch can differentiate, and the runtime it is held to."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

Floats32 = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]


class Network(Protocol):
    """A classifier in evaluation mode, whose parameters need no gradient.

    A network is a `torch.nn.Module`. Rows of a batch do not influence each other, and a batch may have
    any size. It may also have ``has_logits = True`` and ``logits(x, table)``, the values in front of a
    final softmax or sigmoid, (N, K).
    """

    def __call__(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Answer, float32 (N, K).

        Args:
            x: float32 (N, C, H, W), already scaled and normalised as the card says.
            table: float32 (N, F), the second input of networks that have one.
        """
        ...


class Runtime(Protocol):
    """The device's own runtime."""

    @property
    def output_step(self) -> float:
        """Quantisation step of the outputs; 0 where they are floats."""
        ...

    @property
    def name(self) -> str:
        """Of the runtime, with its version."""
        ...

    def answer(self, x: Floats32, table: Floats32 | None = None) -> Floats64:
        """Answer to exactly what the network is given: (N, C, H, W) and (N, F) in, (N, K) out."""
        ...
