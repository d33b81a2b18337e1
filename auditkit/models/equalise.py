"""Histogram equalisation, channel by channel: bit for bit as OpenCV, and as PyTorch can differentiate it.

ModelDerm 2018 was trained on pictures whose channels went through OpenCV's equalizeHist. With h the
counts of the 256 levels, n pixels and m the lowest level,

    y(v) = 255 (sum_{j <= v} h_j - h_m) / (n - h_m),

rounded to whole levels; a channel of one level stays as it is.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from auditkit.errors import AuditError

_LEVELS = 256
# Rounding of x = level / 255 in float32 moves a level by 3e-5; what is closer is the level itself.
_SNAP = 1e-3
_PIXELS_AT_ONCE = 1 << 20
_KERNEL = (1, 2, 3, 4, 5, 4, 3, 2, 1)


def equalise_exact(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Equalise each channel's histogram, bit for bit as OpenCV's equalizeHist does.

    Args:
        picture: uint8 (H, W, channels).

    Returns:
        uint8 (H, W, channels).

    Raises:
        AuditError: if the picture is none of whole bytes, or is empty.

    Example:
        The levels 10, 10, 20, 30 become 0, 0, 128, 255: the lowest is subtracted, 20 has one of the
        two remaining pixels below or at it, and 127.5 is rounded to the even 128.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or not picture.size:
        raise AuditError(
            f"equalisation was given {picture.dtype} of shape {picture.shape}, expected uint8 "
            "(height, width, channels)",
        )
    channels = [_table(channel)[channel] for channel in np.moveaxis(picture, 2, 0)]
    return np.stack(channels, axis=2)


def _table(channel: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    counts = np.bincount(channel.reshape(-1), minlength=_LEVELS)
    lowest = int(np.flatnonzero(counts)[0])
    if counts[lowest] == channel.size:
        return np.full(_LEVELS, lowest, np.uint8)
    above = counts.cumsum() - counts[lowest]
    # Single precision and rounding half to even, as OpenCV.
    step = np.float32(255) / np.float32(channel.size - counts[lowest])
    levels = np.rint(above.astype(np.float32) * step)
    table: npt.NDArray[np.uint8] = np.clip(levels, 0, 255).astype(np.uint8)
    return table


def equalise(x: Tensor) -> Tensor:
    """Equalise each channel's histogram so that gradients flow.

    A pixel between two levels counts for both in proportion (linear binning), and the sum of counts is
    interpolated between levels: y(v) = (S(v) - S(min)) / (S(max) - S(min)). At whole levels this is
    OpenCV's value before rounding. The gradient is that of the sum of counts smoothed over 9 levels
    (triangular weights), without the pixels at the minimum; it includes the pixel's influence on the
    histogram.

    Args:
        x: float (N, C, H, W) in [0, 1], where 1 is level 255; what lies outside is clipped.

    Returns:
        float (N, C, H, W) in [0, 1].

    Raises:
        AuditError: if the shape is another, or x holds NaN or an infinity.

    Deviates:
        The code published with DeGrave et al., doi:10.1038/s41551-023-01160-9, has a sum of counts at 21
        knots, each count ramped over 10 levels, and does not subtract the lowest level's pixels: a dark
        corner lifts all others by its own share. Here the value is exact at whole levels. Only the
        gradient is smoothed, because that of the exact sum follows single levels and not the picture. A
        channel that spans less than one level is blended with itself unchanged, so that rounding noise
        on a constant channel is not stretched to black and white.
    """
    if x.ndim != 4 or not x.is_floating_point() or not x.numel():
        raise AuditError(
            f"equalisation was given {x.dtype} of shape {tuple(x.shape)}, expected floating point "
            "(N, channels, height, width)",
        )
    if not bool(torch.isfinite(x).all()):
        raise AuditError("equalisation was given NaN or infinite values, expected 0 to 1")
    planes = x.flatten(2).flatten(0, 1)
    at_once = max(1, _PIXELS_AT_ONCE // planes.shape[1])
    parts = [_equalise_planes(part) for part in torch.split(planes, at_once)]
    return torch.cat(parts).reshape(x.shape).to(x.dtype)


def _equalise_planes(planes: Tensor) -> Tensor:
    levels = _snapped(planes.clamp(0, 1).to(torch.float64) * (_LEVELS - 1))
    low, high = levels.detach().aminmax(dim=1, keepdim=True)
    with torch.no_grad():
        values = _exact(levels, low, high)
    if levels.requires_grad:
        smooth = _smooth(levels, low)
        values = values + (smooth - smooth.detach())
    share = (high - low).clamp(max=1)
    return share * values + (1 - share) * levels / (_LEVELS - 1)


def _snapped(levels: Tensor) -> Tensor:
    nearest = levels.detach().round()
    offset = nearest - levels.detach()
    return levels + torch.where(offset.abs() < _SNAP, offset, 0)


def _binned(levels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # (planes, 256) counts, and where each pixel lies between two levels.
    below = levels.detach().floor().clamp(max=_LEVELS - 2)
    place, part = below.long(), levels - below
    counts = levels.new_zeros(len(levels), _LEVELS)
    counts = counts.scatter_add(1, place, weights * (1 - part))
    return counts.scatter_add(1, place + 1, weights * part), place, part


def _between(sums: Tensor, place: Tensor, part: Tensor) -> Tensor:
    start = sums.gather(1, place)
    return start + part * (sums.gather(1, place + 1) - start)


def _exact(levels: Tensor, low: Tensor, high: Tensor) -> Tensor:
    counts, place, part = _binned(levels, torch.ones_like(levels))
    sums = counts.cumsum(1)
    found = _between(sums, place, part)
    least, most = (_at(sums, level) for level in (low, high))
    return (found - least) / (most - least).clamp(min=torch.finfo(sums.dtype).tiny)


def _at(sums: Tensor, level: Tensor) -> Tensor:
    below = level.floor().clamp(max=_LEVELS - 2)
    return _between(sums, below.long(), level - below)


def _smooth(levels: Tensor, low: Tensor) -> Tensor:
    above = (levels.detach() > low).to(levels.dtype)
    counts, place, part = _binned(levels, above)
    kernel = levels.new_tensor(_KERNEL)
    spread = F.conv1d(counts[:, None], (kernel / kernel.sum())[None, None], padding="same")[:, 0]
    found = _between(spread.cumsum(1), place, part)
    return found / above.sum(1, keepdim=True).clamp(min=1)
