"""What every heatmap method is given, and what it gives."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from auditkit.evidence.heatmaps.subject import Subject, Table
from auditkit.evidence.kinds import Fitness

__all__ = ["Batch", "Explained", "Explainer", "Fitness", "completeness", "summed"]

# Below this change of the answer there is nothing to explain, and shares of it mean nothing.
_LEAST_CHANGE = 1e-6


@dataclass(frozen=True)
class Batch:
    """Inputs to explain.

    Attributes:
        inputs: float (N, C, *space) on the subject's device.
        target: int64 (N,), the output that is explained.
        table: float (N, F), the second input of networks that have one.
        seeds: one per input, a function of (method, parameters, image): what is random about an input
            follows from its own seed alone.
    """

    inputs: torch.Tensor
    target: torch.Tensor
    seeds: Sequence[int]
    table: Table = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Explained:
    """Heatmaps and how good they are.

    Attributes:
        maps: float32 (N, M, *grid) on the CPU, one per modality, positive where evidence for the target is.
            The grid is the input's own, or that of cells of `Explainer.cell` pixels.
        standard_error: of every value of ``maps``, where the method estimates it.
        residual: (N,) see `completeness`, where the method promises that a map sums to a change of the
            answer.
        evaluations: (N,) inputs that the network was shown, forwards.
        segments: int32 (N, M, *space), the superpixel of each pixel, where they are not a grid.
    """

    maps: torch.Tensor
    standard_error: torch.Tensor | None = None
    residual: torch.Tensor | None = None
    evaluations: torch.Tensor | None = None
    segments: torch.Tensor | None = None


class Explainer(ABC):
    """A heatmap method bound to a subject.

    Args of the constructor: the subject; the method's parameters; ``background`` float (B, C, *space) on the
    subject's device, as many images of the data set as the method asks for, None if it asks for none.

    Attributes:
        cell: side in input pixels of one value of the map, rounded up; 1 where the map has a value per pixel.
    """

    cell: int = 1

    @abstractmethod
    def fitness(self) -> Fitness:
        """Whether the method can be asked of this subject."""

    @abstractmethod
    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch.

        Args:
            batch: the inputs.
            rows: most inputs in one pass of the network. Bounds memory; changes no number beyond rounding.
        """


def summed(values: torch.Tensor, subject: Subject) -> torch.Tensor:
    """Values per channel (N, C, *space) summed over the channels of each modality, (N, M, *space)."""
    groups = subject.modalities
    if len(groups) == 1:
        return values.sum(dim=1, keepdim=True)
    return torch.stack([values[:, list(group)].sum(dim=1) for group in groups], dim=1)


def completeness(total: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Residual |sum of the map - change| / |change|, float32 (N,) on the CPU.

    A change below 1e-6 counts as 1e-6.

    Args:
        total: maps (N, M, *space), or values (N, P).
        wanted: (N,) change of the answer.
    """
    missing = (total.flatten(1).sum(dim=1) - wanted).abs()
    return (missing / wanted.abs().clamp(min=_LEAST_CHANGE)).float().cpu()
