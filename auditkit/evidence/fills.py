"""What replaces removed voxels of one image, and which voxels may be removed at all."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.baselines import baseline
from auditkit.metrics.coverage import Mask

Ranks = npt.NDArray[np.int32]

# Of the order's end, per modality: the published code takes the lowest 5 % of the heatmap.
_LOW_SHARE, _LEAST = 0.05, 16


def support_of(image: torch.Tensor, groups: Sequence[Sequence[int]], kind: str) -> Mask:
    """What of an image may be removed, bool (M, *space).

    Args:
        image: float (C, *space), as the model is given it; nothing there is 0.
        groups: the channels of each modality.
        kind: ``image``: every voxel; ``foreground``: those where a channel of the modality is not 0.
    """
    if kind == "image":
        return np.ones((len(groups), *image.shape[1:]), dtype=bool)
    found = [(image[list(group)] != 0).any(dim=0).cpu().numpy() for group in groups]
    return np.stack(found)


def filling(image: torch.Tensor, kind: str, support: torch.Tensor) -> torch.Tensor:
    """What every voxel would be replaced by, (C, *space).

    Args:
        image: float (C, *space).
        kind: ``black`` 0; ``mean`` each channel's mean over the support; ``blur`` the image blurred, see
            `baseline`.
        support: bool (C, *space).

    Raises:
        AuditError: the kind is unknown.
    """
    if kind == "black":
        return torch.zeros_like(image)
    if kind == "mean":
        inside = torch.where(support, image, 0.0).flatten(1).sum(dim=1)
        means = inside / support.flatten(1).sum(dim=1).clamp(min=1)
        return means.view(-1, *[1] * (image.dim() - 1)).expand_as(image)
    if kind == "blur":
        return baseline(image[None], "blur")[0]
    raise AuditError(f"unknown fill '{kind}'; black, mean, blur or noise was expected")


def noise(
    image: torch.Tensor,
    groups: Sequence[Sequence[int]],
    support: Mask,
    ranks: Ranks,
    generator: np.random.Generator,
) -> torch.Tensor:
    """Each voxel of the support replaced by one that the order removes last, of its own modality.

    Sources are, of each modality, the voxels of the support that the order ranks lowest: 5 % of them,
    at least 16. Channels of one modality are drawn together, so that colours stay colours.

    Deviates: the published code of Jin et al. (arXiv:2202.10553) draws anew at each step, mixes
    modalities, and takes background as well; here a voxel keeps its value from one step to the next, so
    that a step changes the image by what it removes alone.

    Args:
        image: float (C, *space).
        groups: the channels of each modality.
        support: bool (M, *space).
        ranks: int32 (M, *space) of the order, which may be a random one.
        generator: the random numbers.

    Returns:
        (C, *space), the image itself outside the support.
    """
    filled = image.flatten(1).clone()
    for group, inside, places in zip(groups, support, ranks, strict=True):
        voxels = np.flatnonzero(inside)
        if voxels.size == 0:
            continue
        drawn = generator.choice(_lowest(voxels, places.reshape(-1)[voxels]), voxels.size)
        here, there = (torch.from_numpy(index).to(image.device) for index in (voxels, drawn))
        for channel in group:
            filled[channel, here] = image[channel].flatten()[there]
    return filled.view_as(image)


def _lowest(voxels: npt.NDArray[np.int64], ranks: Ranks) -> npt.NDArray[np.int64]:
    """The voxels whose ranks come last: whole units, enough of them."""
    wanted = min(voxels.size, max(_LEAST, int(np.ceil(_LOW_SHARE * voxels.size))))
    least = np.partition(ranks, voxels.size - wanted)[voxels.size - wanted]
    lowest: npt.NDArray[np.int64] = voxels[ranks >= least]
    return lowest
