"""How much of a heatmap lies on what people marked, in the modalities that matter.

Jin, Li, Fatehi & Hamarneh 2023, "Guidelines and evaluation of clinical explainable AI in medical image
analysis", arXiv:2202.10553, doi:10.1016/j.media.2022.102684, section 4.4.1.
"""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auditkit.errors import AuditError
from auditkit.metrics.coverage import NO_POSITIVE
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.stats.inputs import Floats

Mask = NDArray[np.bool_]
Compat = Literal["glioma-2022", "knee-2022"]

EMPTY_ANNOTATION: Final = "the annotation is empty"
_SQUARE = 20  # side of the square by which the published glioma code widens the annotation


def feature_portion(heatmap: ArrayLike, annotation: Mask) -> float:
    r"""Feature portion, the share of the positive heat that lies on the annotation.

        FP = sum_i 1(L_i > 0) S_i / sum_i S_i        (Jin et al., arXiv:2202.10553, Eq. 2)

    with S = max(heatmap, 0) over all modalities together.

    Args:
        heatmap: (M, *space), finite; positive where evidence for the decided class is.
        annotation: bool (M, *space), L > 0.

    Returns:
        The portion, in [0, 1].

    Raises:
        NotEvaluable: the annotation is empty, or nothing is positive in the heatmap.
        AuditError: other shapes, or a mask that is not boolean.

    Example:
        >>> heat, marked = np.array([[3.0, 1.0], [4.0, -9.0]]), np.array([[True, False], [True, True]])
        >>> feature_portion(heat, marked)  # (3 + 4) / 8
        0.875
    """
    inside, total = _mass(heatmap, annotation)
    return float(inside.sum() / total.sum())


def modality_portions(heatmap: ArrayLike, annotation: Mask) -> tuple[Floats, Mask]:
    """`feature_portion` of each modality by itself, and which modalities have no positive heat.

    Args:
        heatmap: (M, *space).
        annotation: bool (M, *space).

    Returns:
        The portions float64 (M,), in [0, 1], 0 where a modality has no positive heat; and bool (M,), where
        it has none.

    Raises:
        NotEvaluable: no modality has an annotation, or none positive heat.
        AuditError: other shapes, or a mask that is not boolean.

    Example:
        >>> heat, marked = np.array([[3.0, 1.0], [0.0, -9.0]]), np.array([[True, False], [True, True]])
        >>> portions, silent = modality_portions(heat, marked)
        >>> portions.tolist(), silent.tolist()
        ([0.75, 0.0], [False, True])
    """
    inside, total = _mass(heatmap, annotation)
    silent = total == 0
    portions: Floats = inside / np.where(silent, 1.0, total)
    return portions, silent


def modality_weights(importance: ArrayLike, compat: Compat | None = None) -> Floats:
    r"""What each modality counts in MSFI: w_m = max(phi_m, 0) / sum_k max(phi_k, 0).

    Deviates: the paper normalises phi "to [0, 1]" without saying how. Its published code scales phi from
    its least to its most for the glioma task (``glioma-2022``; the least important modality never
    counts), and divides by its most for the knee task (``knee-2022``; a negative phi then takes MSFI out of
    [0, 1], which is refused here).

    Args:
        importance: (M,), phi.
        compat: the published code of one task instead.

    Returns:
        float64 (M,), >= 0, summing to 1.

    Raises:
        AuditError: nothing is left to count, or ``knee-2022`` with a negative phi.

    Example:
        >>> modality_weights([0.3, -0.1, 0.1]).round(6).tolist()
        [0.75, 0.0, 0.25]
        >>> modality_weights([0.3, -0.1, 0.1], "glioma-2022").round(6).tolist()  # (4, 0, 2) / 6
        [0.666667, 0.0, 0.333333]
    """
    given = np.asarray(importance, dtype=np.float64)
    # Sums of huge weights would overflow.
    most = float(np.abs(given).max(initial=0.0))
    counted = _counted(given / most if most > 1 else given, compat)
    weights: Floats = counted / counted.sum()
    return weights


def msfi(
    heatmap: ArrayLike, annotation: Mask, importance: ArrayLike, compat: Compat | None = None
) -> float:
    r"""Modality-specific feature importance (MSFI).

        MSFI = sum_m w_m sum_i 1(L_m^i > 0) S_m^i / sum_i S_m^i     (arXiv:2202.10553, Eqs. 3, 4)

    with w of `modality_weights` and S = max(heatmap, 0). For one modality it is the feature portion.

    Deviates: a modality without positive heat contributes 0 (0 / 0 there, which loses the case).

    Args:
        heatmap: (M, *space), finite.
        annotation: bool (M, *space).
        importance: (M,), phi.
        compat: weights and widening of the annotation as in the published code of one task.

    Returns:
        MSFI, in [0, 1].

    Raises:
        NotEvaluable: the annotation is empty, or nothing is positive in the heatmap.
        AuditError: other shapes, or importance that leaves nothing to count.

    Example:
        A tumour in the first of two voxels, importance of T1C 1 and of FLAIR 0; the annotation as heatmap:

        >>> tumour = np.array([[True, False], [True, False]])
        >>> on_t1c, on_flair = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [1.0, 0.0]])
        >>> msfi(on_t1c, tumour, [1, 0]), msfi(on_flair, tumour, [1, 0])
        (1.0, 0.0)

        Estimated importance of 0.3 and 0.1: what the modality weighs.

        >>> round(msfi(on_t1c, tumour, [0.3, 0.1]), 6), round(msfi(on_flair, tumour, [0.3, 0.1]), 6)
        (0.75, 0.25)
    """
    widened = widened_as_published(annotation) if compat == "glioma-2022" else annotation
    portions, _ = modality_portions(heatmap, widened)
    weights = modality_weights(importance, compat)
    if weights.shape != portions.shape:
        raise AuditError(f"importance of {weights.size} modalities, a heatmap of {portions.size}.")
    return float(weights @ portions)


def msfi_gradient(
    importance: ArrayLike, portions: ArrayLike, compat: Compat | None = None
) -> Floats:
    """Derivative of sum_m w_m(phi) P_m with respect to phi, (M,): how errors of phi become errors of MSFI.

    Args:
        importance: (M,), phi.
        portions: (M,), P, any values per modality.
        compat: as in `modality_weights`.

    Example:
        >>> msfi_gradient([0.3, 0.1], [1.0, 0.0]).round(6).tolist()  # d (x / (x + y)): y / s^2, -x / s^2
        [0.625, -1.875]
    """
    phi, values = (np.asarray(given, dtype=np.float64) for given in (importance, portions))
    counted = _counted(phi, compat)
    slopes: Floats = (values - counted @ values / counted.sum()) / counted.sum()
    if compat == "knee-2022":
        return slopes
    if compat == "glioma-2022":
        slopes[phi.argmin()] -= slopes.sum()
        return slopes
    slopes[phi <= 0] = 0.0
    return slopes


def msfi_range(
    importance: ArrayLike, portions: ArrayLike, unseen: float, compat: Compat | None = None
) -> tuple[float, float]:
    r"""Least and most sum_m w_m P_m if a share u of what phi averages had any other values.

    phi_m then lies within (1 - u) phi_m +- u, and the sum is a ratio of two linear functions of max(phi, 0),
    whose ends are at corners: the largest portions (or the smallest) have the most importance, the
    others the least. Weights of published code may be anything that adds up to 1.

    Args:
        importance: (M,), phi in [-1, 1].
        portions: (M,), P, any values per modality.
        unseen: u, in [0, 1].
        compat: as in `modality_weights`.

    Example:
        >>> low, high = msfi_range([0.3, 0.1], [1.0, 0.0], 0.05)  # phi in .285 +- .05 and .095 +- .05
        >>> round(low, 4), round(high, 4)  # .235 / (.235 + .145), .335 / (.335 + .045)
        (0.6184, 0.8816)
    """
    phi, values = (np.asarray(given, dtype=np.float64) for given in (importance, portions))
    if compat is not None:
        return float(values.min()), float(values.max())
    least, most = (np.maximum((1 - unseen) * phi + room, 0.0) for room in (-unseen, unseen))
    found = []
    for order in (np.argsort(values), np.argsort(-values)):
        for first in range(1, phi.size + 1):
            counted = least.copy()
            counted[order[:first]] = most[order[:first]]
            if counted.sum() > 0:
                found.append(float(counted @ values / counted.sum()))
    return min(found), max(found)


def dilated(annotation: Mask, pixels: int) -> Mask:
    """An annotation widened by so many pixels in every direction, diagonals included.

    Args:
        annotation: bool (M, *space), of each modality by itself.
        pixels: 0 leaves it as it is.

    Example:
        >>> dilated(np.array([[False, False, False, True]]), 2).tolist()
        [[False, True, True, True]]
    """
    if pixels == 0:
        return annotation
    from scipy import ndimage

    grown = annotation.astype(np.uint8)
    for axis in range(1, annotation.ndim):
        grown = ndimage.maximum_filter1d(grown, 2 * pixels + 1, axis=axis, mode="constant")
    found: Mask = grown.astype(np.bool_)
    return found


def widened_as_published(annotation: Mask) -> Mask:
    """The annotation widened as the published glioma code does before MSFI, and only there.

    By a square of 20 pixels in every slice of the third spatial axis: one voxel becomes 400.

    Args:
        annotation: bool (M, *space), of two or three spatial axes.

    Example:
        >>> voxel = np.zeros((1, 30, 30, 2), bool)
        >>> voxel[0, 15, 15, 0] = True
        >>> int(widened_as_published(voxel).sum())
        400
    """
    from scipy import ndimage

    sides = (1, _SQUARE, _SQUARE, 1)[: annotation.ndim]
    found: Mask = ndimage.binary_dilation(annotation, np.ones(sides, dtype=np.bool_))
    return found


def _mass(heatmap: ArrayLike, annotation: Mask) -> tuple[Floats, Floats]:
    """Positive heat on the annotation and altogether, (M,) each, as shares of the largest value."""
    heat = np.asarray(heatmap, dtype=np.float64)
    if annotation.dtype != np.bool_ or heat.shape != annotation.shape or heat.ndim < 2:
        raise AuditError(
            f"heatmap {heat.shape}, annotation {annotation.shape} of {annotation.dtype}; (modalities, "
            "*space) of both, the annotation bool, was expected."
        )
    if not np.isfinite(heat).all():
        raise NotEvaluable("heatmap with NaN or infinite values")
    if not annotation.any():
        raise NotEvaluable(EMPTY_ANNOTATION)
    most = heat.max()
    if most <= 0:
        raise NotEvaluable(NO_POSITIVE)
    # Shares of the largest value: sums of tiny or huge units neither under- nor overflow.
    strength = np.maximum(heat, 0.0).reshape(len(heat), -1) / most
    outside = np.where(annotation.reshape(len(heat), -1), 0.0, strength).sum(axis=1)
    inside = np.where(annotation.reshape(len(heat), -1), strength, 0.0).sum(axis=1)
    return inside, inside + outside


def _counted(phi: Floats, compat: Compat | None) -> Floats:
    """Importance as it counts, before the division by its sum.

    Raises:
        AuditError: nothing is left to count.
    """
    if phi.ndim != 1 or not np.isfinite(phi).all():
        raise AuditError(
            f"importance has shape {phi.shape}; one finite number per modality was expected."
        )
    if compat == "knee-2022" and phi.min() < 0:
        raise AuditError(
            f"knee-2022: the importance {phi.min():.3g} of a modality is negative, which takes MSFI out of "
            "[0, 1]; drop 'compat'"
        )
    counted = phi - phi.min() if compat == "glioma-2022" else np.maximum(phi, 0.0)
    if counted.sum() <= 0:
        raise AuditError(_NOTHING[compat])
    return counted


_NOTHING: Final[Mapping[Compat | None, str]] = {
    None: "no modality has an importance above 0, so that none counts in MSFI",
    "knee-2022": "no modality has an importance above 0, so that none counts in MSFI",
    "glioma-2022": "glioma-2022: all modalities are equally important, which its code divides by 0; drop "
    "'compat'",
}
