"""Volumes and several modalities as a model's input: one grid for all, scaled case by case.

The audited input of such a model is (N, M, *space) after `scaled`, in which nothing there is 0, as black
is in pictures: 0 stays 0, or the least value becomes it. What the card then subtracts and divides by is part
of the model, as with pictures.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Dataset, Mask, Volume, VolumeDataset
from auditkit.errors import AuditError
from auditkit.spec.model_card import ModelCard
from auditkit.spec.problems import nearest
from auditkit.spec.volume import VolumeInput

if TYPE_CHECKING:
    import torch

PICTURE = "image"


def space_of(card: ModelCard) -> tuple[int, ...]:
    """Sizes of the spatial axes of a model's input."""
    if card.volume is None:
        return (card.input.size, card.input.size)
    return tuple(card.volume.size)


def modalities_of(card: ModelCard) -> tuple[str, ...]:
    """Names of a model's modalities, in its order; a picture is one, called image."""
    return (PICTURE,) if card.volume is None else tuple(card.volume.modalities)


def volume_input(card: ModelCard) -> VolumeInput:
    """How a model is given volumes.

    Raises:
        AuditError: it reads pictures.
    """
    if card.volume is None:
        raise AuditError(f"model '{card.model}' reads pictures; a card with 'volume' was expected")
    return card.volume


def volumes_of(card: ModelCard, data: Dataset, index: int) -> list[Volume]:
    """A case's arrays in the order of the model's modalities.

    Raises:
        AuditError: the data set has pictures, or lacks a modality.
    """
    found = _in_order(card, _volume_data(card, data).volume(index))
    axes = len(volume_input(card).size)
    for name, volume in zip(volume_input(card).modalities, found, strict=True):
        if volume.ndim != axes:
            raise AuditError(
                f"{data.card.data}: case '{data.records[index].id:.200}': {name} has shape {volume.shape}; "
                f"{axes} axes were expected, as 'volume.size' of the card of '{card.model}' has"
            )
    return found


def region_of(card: ModelCard, data: Dataset, index: int) -> Mask | None:
    """A case's annotated region on the model's grid, bool (M, *space); None if there is none."""
    found = _volume_data(card, data).regions(index)
    if found is None:
        return None
    spec = volume_input(card)
    return np.stack([mask_to_grid(mask, spec) for mask in _in_order(card, found)])


def _volume_data(card: ModelCard, data: Dataset) -> VolumeDataset:
    if not hasattr(data, "volume"):
        raise AuditError(
            f"model '{card.model}' reads volumes of {', '.join(volume_input(card).modalities)}; the data set "
            f"'{data.card.data}' has pictures"
        )
    return cast("VolumeDataset", data)


def _in_order(card: ModelCard, given: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    for name in volume_input(card).modalities:
        if name not in given:
            raise AuditError(
                f"model '{card.model}' reads the modality '{name}', which the data set does not have; "
                f"{nearest(name, given)}"
            )
    return [given[name] for name in volume_input(card).modalities]


def _cropped(array: npt.NDArray[Any], spec: VolumeInput) -> npt.NDArray[Any]:
    if array.ndim != len(spec.size):
        raise AuditError(
            f"a volume has shape {array.shape}; {len(spec.size)} axes were expected, as the model card's "
            f"'volume.size' {spec.size} has"
        )
    if spec.crop is None:
        return array
    sides = [min(wanted, side) for wanted, side in zip(spec.crop, array.shape, strict=True)]
    starts = [(side - kept) // 2 for kept, side in zip(sides, array.shape, strict=True)]
    return array[tuple(slice(s, s + k) for s, k in zip(starts, sides, strict=True))]


def mask_to_grid(mask: Mask, spec: VolumeInput) -> Mask:
    """A mask on the model's grid, bool (*space): the voxel in which a voxel's centre lies."""
    found = _cropped(mask, spec)
    for axis, size in enumerate(spec.size):
        found = found.take((2 * np.arange(size) + 1) * found.shape[axis] // (2 * size), axis=axis)
    return found


def volumes_to_grid(volumes: Sequence[Volume], spec: VolumeInput) -> Volume:
    """Modalities on the model's grid as they are stored, float32 (M, *space). No torch.

    Linear interpolation is antialiased: weights are a triangle as wide as the coarser of two voxels,
    of the axes one after the other.
    """
    return np.stack([_resampled(_cropped(volume, spec), spec) for volume in volumes])


def _resampled(volume: Volume, spec: VolumeInput) -> Volume:
    found: Volume = volume.astype(np.float32)
    for axis, size in enumerate(spec.size):
        if found.shape[axis] == size:
            continue
        if spec.resample == "nearest":
            places = (2 * np.arange(size) + 1) * found.shape[axis] // (2 * size)
            found = found.take(places, axis=axis)
        else:
            weights = _weights(found.shape[axis], size)
            found = np.moveaxis(np.tensordot(weights, found, axes=(1, axis)), 0, axis)
    return found.astype(np.float32, copy=False)


def _weights(before: int, after: int) -> Volume:
    """Triangular weights (after, before), rows summing to 1."""
    ratio = before / after
    centres = (np.arange(after) + 0.5) * ratio - 0.5
    away = np.abs(np.arange(before)[None] - centres[:, None]) / max(ratio, 1.0)
    weights = np.maximum(1.0 - away, 0.0)
    if ratio < 1.0:  # beyond the outermost centres the outermost value stays
        weights[:, 0] = np.where(centres < 0, 1.0, weights[:, 0])
        weights[:, -1] = np.where(centres > before - 1, 1.0, weights[:, -1])
    shares: Volume = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def scaled(gridded: "torch.Tensor", spec: VolumeInput) -> "torch.Tensor":
    """Volumes on the model's grid (N, M, *space), each modality of each case scaled by itself.

    ``foreground``: (x - mean) / sd of voxels that are not 0, which stay 0; a modality of one value
    becomes 0. ``unit`` and ``bytes``: (x - min) / (max - min), times 255. ``maximum``: x / max |x|.
    """
    import torch

    flat = gridded.flatten(2)
    if spec.scale == "none":
        return gridded
    if spec.scale == "foreground":
        inside = flat != 0
        count = inside.sum(dim=2, keepdim=True).clamp(min=1)
        centred = torch.where(inside, flat - flat.sum(dim=2, keepdim=True) / count, 0.0)
        spread = (centred.square().sum(dim=2, keepdim=True) / count).sqrt()
        level = flat.abs().amax(dim=2, keepdim=True)
        constant = spread <= 1e-6 * level
        found = torch.where(constant, 0.0, centred / spread.clamp(min=1e-30))
    elif spec.scale == "maximum":
        most = flat.abs().amax(dim=2, keepdim=True)
        found = flat / most.where(most > 0, 1.0)
    else:
        least, most = flat.aminmax(dim=2, keepdim=True)
        room = most - least
        found = (flat - least) / room.where(room > 0, 1.0)
        found = found * (255.0 if spec.scale == "bytes" else 1.0)
    return found.view_as(gridded)
