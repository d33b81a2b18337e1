"""Players: the regions of an input that are present or absent together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.perturbation.superpixels import slic_regions
from auditkit.spec.methods import Superpixels

Modalities = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Players:
    """Which player each pixel of each modality belongs to.

    Players of a grid are its cells in row-major order; a pixel belongs to the cell in which its centre
    lies (``nearest-exact``), so cells differ by a pixel where the side does not divide the space. Where
    modalities are not shared, the players of the first modality come first, then those of the next.

    Attributes:
        counts: players of each of the N images.
        modalities: the channels of each of the M modalities.
        space: sizes of the spatial axes.
        shared: whether a player covers its region in all modalities at once.
        side: cells per axis of a grid; 0 where regions are given.
        regions: int32 (N, 1 if shared else M, *space) on the CPU, the player of each pixel, for SLIC.
    """

    counts: tuple[int, ...]
    modalities: tuple[tuple[int, ...], ...]
    space: tuple[int, ...]
    shared: bool
    side: int = 0
    regions: torch.Tensor | None = None

    @property
    def layers(self) -> int:
        """How many different maps of regions an image has: one if shared, else one per modality."""
        return 1 if self.shared else len(self.modalities)

    @property
    def segments(self) -> torch.Tensor | None:
        """int32 (N, M, *space), the player of each pixel; None for a grid, which needs none."""
        return None if self.regions is None else self._of_modalities(self.regions)

    def groups(self) -> list[list[int]]:
        """Images with equally many players, together: those that can play one game."""
        return [
            [image for image, count in enumerate(self.counts) if count == size]
            for size in sorted(set(self.counts))
        ]

    def maps(self, values: Sequence[torch.Tensor]) -> torch.Tensor:
        """One value per player, laid out as heatmaps.

        Args:
            values: one (P_i,) per image.

        Returns:
            float32 (N, M, *grid) on the CPU: the cells of a grid, or for SLIC a value per pixel. Shared
            players have the same map in every modality.
        """
        if self.regions is None:
            grid = (self.side,) * len(self.space)
            found = torch.stack([value.cpu().float() for value in values])
            return self._of_modalities(found.view(len(values), self.layers, *grid))
        pairs = zip(values, self.regions, strict=True)
        laid = [value.cpu().float()[regions.long()] for value, regions in pairs]
        return self._of_modalities(torch.stack(laid))

    def _of_modalities(self, maps: torch.Tensor) -> torch.Tensor:
        if not self.shared:
            return maps
        return maps.repeat_interleave(len(self.modalities), dim=1)


def players_of(inputs: torch.Tensor, superpixels: Superpixels, modalities: Modalities) -> Players:
    """The players of each input.

    Args:
        inputs: float (N, C, *space).
        superpixels: a grid, or regions of similar colour.
        modalities: the channels of each modality.

    Raises:
        AuditError: the grid has more cells than the input pixels along an axis, scikit-image is missing,
            or SLIC was asked for inputs that have neither two nor three spatial axes.
    """
    space = tuple(inputs.shape[2:])
    groups = tuple(tuple(group) for group in modalities)
    layers = 1 if superpixels.shared else len(groups)
    if superpixels.kind == "grid":
        _check_side(space, superpixels.side)
        count = layers * superpixels.side ** len(space)
        return Players(
            (count,) * len(inputs), groups, space, superpixels.shared, side=superpixels.side
        )
    regions = slic_regions(inputs, superpixels, groups)
    counts = tuple(int(found.max()) + 1 for found in regions)
    return Players(counts, groups, space, superpixels.shared, regions=regions)


def cell_of(space: Sequence[int], superpixels: Superpixels) -> int:
    """Side in pixels of a grid's largest cell, 1 for SLIC, whose maps have a value per pixel.

    Raises:
        AuditError: the grid has more cells than the input pixels along an axis.
    """
    if superpixels.kind == "slic":
        return 1
    _check_side(space, superpixels.side)
    return -(-max(space) // superpixels.side)


def _check_side(space: Sequence[int], side: int) -> None:
    if side > min(space):
        raise AuditError(
            f"superpixels: a grid of {side} cells per axis on inputs of {' x '.join(map(str, space))} "
            f"pixels; side {min(space)} at most was expected"
        )


def cell_of_pixel(size: int, side: int) -> torch.Tensor:
    """int64 (size,): the cell in which each pixel's centre lies, of ``side`` cells along an axis.

    In integers, so that no rounding decides: floor((p + 1/2) side / size). E.g. 5 pixels in 2 cells:
    0 0 1 1 1.
    """
    return (2 * torch.arange(size) + 1) * side // (2 * size)
