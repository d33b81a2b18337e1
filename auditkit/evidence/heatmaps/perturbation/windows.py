"""Windows that slide over an input."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from auditkit.evidence.heatmaps.perturbation.players import cell_of_pixel
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.methods import Occlusion


@dataclass(frozen=True)
class Axis:
    """Where windows lie along one axis.

    Attributes:
        covers: bool (windows, size), the pixels that each window covers.
        shares: float64 (windows, cells), what each window's drop adds to each cell of the map: the mean over
            a cell's pixels of (1 / windows that cover the pixel) if the window covers it. There are as many
            cells as strides, rounded up, and a pixel belongs to the one in which its centre lies.
    """

    covers: torch.Tensor
    shares: torch.Tensor


def axis_of(size: int, window: int, stride: int) -> Axis:
    """Windows from 0 in steps of ``stride`` until the end is covered; the last one may reach beyond it."""
    starts = torch.arange(-(-(size - window) // stride) + 1)[:, None] * stride
    pixels = torch.arange(size)
    covers = (pixels >= starts) & (pixels < starts + window)
    count = -(-size // stride)
    cells = cell_of_pixel(size, count) == torch.arange(count)[:, None]
    means = cells.double() / cells.sum(dim=1, keepdim=True)
    return Axis(covers, (covers / covers.sum(dim=0)).double() @ means.T)


def axes_of(method: Occlusion, space: Sequence[int]) -> list[Axis]:
    """The windows of occlusion along each axis of inputs (*space)."""
    strides = [max(1, round(method.stride * size)) for size in space]
    windows = [max(1, round(method.window * size)) for size in space]
    return [axis_of(*sizes) for sizes in zip(space, windows, strides, strict=True)]


class Windows:
    """Which pixels a window covers: mask 0 covers nothing, mask w + 1 is window w.

    Windows are numbered in row-major order, modality after modality.
    """

    def __init__(self, covers: list[torch.Tensor], subject: Subject, like: torch.Tensor) -> None:
        self._covers = [cover.to(like) for cover in covers]
        groups = subject.modalities
        channels = torch.arange(subject.shape[0])
        within = torch.stack([torch.isin(channels, torch.tensor(group)) for group in groups])
        # One modality is one mask for all channels, a third of the work for a photograph.
        self._within = (within[:, :1] if len(groups) == 1 else within).to(like)

    def __call__(self, position: torch.Tensor, masks: slice) -> torch.Tensor:
        """Weights (1, masks, C or 1, *space), the same for every image; 1 where covered."""
        window = torch.arange(masks.start, masks.stop, device=position.device) - 1
        left = window.clamp(min=0)
        sides = []
        for cover in reversed(self._covers):
            sides.append(cover[left % len(cover)])
            left = left // len(cover)
        covered = self._within[left] * (window >= 0)[:, None]
        for side in reversed(sides):
            between = (1,) * (covered.dim() - 1)
            covered = covered[..., None] * side.view(len(side), *between, -1)
        return covered[None]
