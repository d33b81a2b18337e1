"""Regions of similar colour: SLIC by scikit-image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from auditkit.errors import AuditError
from auditkit.spec.methods import Superpixels


def slic_regions(
    inputs: torch.Tensor, superpixels: Superpixels, modalities: Sequence[Sequence[int]]
) -> torch.Tensor:
    """SLIC regions of each input (Achanta et al., doi:10.1109/TPAMI.2012.120), found on the CPU.

    Args:
        inputs: float (N, C, *space) with two or three spatial axes; every input is scaled to its own range.
        superpixels: how many regions and how square; if they are not shared, each modality has its own.
        modalities: the channels of each modality.

    Returns:
        int32 (N, 1 if shared else M, *space) on the CPU, numbered 0 to P_i - 1 within each input, modality
        after modality.

    Raises:
        AuditError: scikit-image is missing, or the inputs have another number of spatial axes.
    """
    if inputs.dim() not in {4, 5}:
        raise AuditError(
            f"superpixels: SLIC takes inputs with 2 or 3 spatial axes, these have {inputs.dim() - 2}; "
            "use kind: grid"
        )
    every = [channel for group in modalities for channel in group]
    layers = [every] if superpixels.shared else [list(group) for group in modalities]
    colour = len(modalities[0]) == 3 and (len(modalities) == 1 or not superpixels.shared)
    slic = _slic()
    images = inputs.detach().cpu().double().numpy()
    found = [_regions(slic, image, layers, superpixels, colour) for image in images]
    return torch.from_numpy(np.stack(found))


def _slic() -> Any:
    try:
        from skimage.segmentation import slic
    except ImportError:
        raise AuditError(
            'superpixels: SLIC needs scikit-image: pip install "pytest-auditkit[superpixels]"'
        ) from None
    return slic


def _regions(
    slic: Any,
    image: np.ndarray[Any, Any],
    layers: Sequence[Sequence[int]],
    superpixels: Superpixels,
    colour: bool,
) -> np.ndarray[Any, Any]:
    """Layers of one image (C, *space), numbered one after the other."""
    found: list[np.ndarray[Any, Any]] = []
    start = 0
    for channels in layers:
        lab = colour and len(channels) == 3 and image.ndim == 3
        labels = slic(
            np.moveaxis(image[list(channels)], 0, -1),
            n_segments=superpixels.segments,
            # Compactness is on the scale of Lab, 0 to 100; other images are scaled to 0 to 1.
            compactness=superpixels.compactness / (1 if lab else 100),
            convert2lab=lab,
            channel_axis=-1,
            start_label=0,
        )
        names, numbered = np.unique(labels, return_inverse=True)
        found.append((numbered.reshape(labels.shape) + start).astype(np.int32))
        start += len(names)
    return np.stack(found)
