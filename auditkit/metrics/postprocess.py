"""Post-processing of one heatmap: a named stage in a fixed order.

resample to the input, blur, sign rule, scale rule. Published code does this in different orders and
with different operators from task to task (Jin et al. 2023, arXiv:2202.10553); here the order is
fixed, the parameters are declared, and their digest names the stage. Nothing is taken over a batch.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.coverage import NO_POSITIVE, ranked_values
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.spec.postprocess import Postprocess

Floats = NDArray[np.float64]

_MASS = 0.99


def postprocessed(heatmap: ArrayLike, space: Sequence[int], stage: Postprocess) -> Floats:
    """One image's heatmap as the stage leaves it.

    Deviates from the published code of Jin et al. where ``stage`` is their preset: there the scale
    of one task is taken before negative values are dropped; here always after.

    Args:
        heatmap: (*grid), or (M, *grid) with one map per modality.
        space: sizes of the input's spatial axes.
        stage: the parameters.

    Returns:
        (*space) or (M, *space); within [-1, 1] if the stage has a scale.

    Raises:
        NotEvaluable: a map that is not finite, all zero, constant, or without positive values where
            only they count.
        AuditError: the map has other axes than the input.

    Example:
        >>> stage = Postprocess(signs="absolute", scale="maximum")
        >>> postprocessed([[-4.0, 2.0]], (1, 4), stage).tolist()
        [[1.0, 1.0, 0.5, 0.5]]
    """
    values = ranked_values(np.asarray(heatmap, dtype=np.float64))
    lead = values.ndim - len(space)
    if lead not in (0, 1):
        raise AuditError(
            f"the heatmap has shape {values.shape} and the input {tuple(space)}; expected as many "
            "axes, or one more for the modalities."
        )
    grown = _blurred(resampled(values, space, stage.resample), stage.blur, lead)
    kept = _signed(grown, stage.signs)
    # Resampling and the sign rule may have left nothing, or one value everywhere.
    return _scaled(ranked_values(kept), stage.scale, 0 if stage.joint else lead)


def resampled(values: Floats, space: Sequence[int], how: str = "nearest") -> Floats:
    """A map with its last axes at other sizes; pixels are squares, whose centres are compared.

    nearest: the cell in which a pixel's centre lies; bilinear: linear along each axis, constant
    beyond the outermost centres (``align_corners=False``).

    Args:
        values: (..., *grid).
        space: new sizes of as many of the last axes.
        how: "nearest" or "bilinear".

    Returns:
        (..., *space).

    Example:
        >>> resampled(np.array([0.0, 1.0]), (4,), "bilinear").tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    grown = values
    for axis, size in enumerate(space, start=values.ndim - len(space)):
        side = grown.shape[axis]
        if side == size:
            continue
        if how == "nearest":
            grown = grown.take((2 * np.arange(size) + 1) * side // (2 * size), axis=axis)
        else:
            grown = _linear(grown, axis, size)
    return grown


def _linear(values: Floats, axis: int, size: int) -> Floats:
    side = values.shape[axis]
    place = np.clip((np.arange(size) + 0.5) * side / size - 0.5, 0, side - 1)
    below = np.minimum(place.astype(np.int64), max(side - 2, 0))
    above = np.minimum(below + 1, side - 1)
    weight = (place - below).reshape(-1, *[1] * (values.ndim - 1 - axis))
    grown: Floats = values.take(below, axis) * (1 - weight) + values.take(above, axis) * weight
    return grown


def _blurred(values: Floats, sigma: float, lead: int) -> Floats:
    if not sigma:
        return values
    from scipy import ndimage

    axes = tuple(range(lead, values.ndim))
    blurred: Floats = ndimage.gaussian_filter(values, sigma, axes=axes)
    return blurred


def _signed(values: Floats, signs: str) -> Floats:
    if signs == "signed":
        return values
    if signs == "absolute":
        return np.abs(values)
    positive = np.maximum(values, 0.0)
    if not positive.any():
        raise NotEvaluable(NO_POSITIVE)
    return positive


def _scaled(values: Floats, scale: str, lead: int) -> Floats:
    if scale == "none":
        return values
    if lead:
        return np.stack([_scaled(one, scale, 0) if one.any() else one for one in values])
    one = _unit(np.abs(values).reshape(-1), scale)
    # A plain quotient would overflow for subnormal units.
    clipped: Floats = np.clip(values, -one, one) / one
    return clipped


def _unit(magnitudes: Floats, scale: str) -> float:
    """The magnitude that becomes 1: never 0, since a map is not all zero."""
    most = float(magnitudes.max())
    if scale == "maximum":
        return most
    if scale == "percentile-99":
        # Maps of which 99 % are 0 have no other scale than their maximum.
        return float(np.percentile(magnitudes, 99)) or most
    ordered = np.sort(magnitudes)
    mass = np.cumsum(ordered / most)
    return float(ordered[np.searchsorted(mass, _MASS * mass[-1])])
