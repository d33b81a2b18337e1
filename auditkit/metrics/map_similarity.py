"""Whether two heatmaps of one image rank its places alike.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv:1810.03292: Spearman's rank
correlation, with and without absolute values.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.metrics.coverage import Mask, ranked_values

Signs = Literal["signed", "absolute"]


def map_similarity(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    signs: Signs = "absolute",
    support: Mask | None = None,
) -> float:
    """Spearman's rank correlation of two heatmaps of one image, ties at their mean rank.

    Args:
        first: of any shape.
        second: of the same shape.
        signs: with their signs, or their magnitudes.
        support: bool, of the same shape, the places that count; all if left out. What is zero in both maps
            because there is nothing in the image would make any two maps alike.

    Returns:
        In [-1, 1]; exactly 1 for maps that are equal.

    Raises:
        NotEvaluable: a map is not finite, all zero or constant.
        AuditError: other shapes, or an empty support.

    Example:
        >>> map_similarity([1.0, 2.0, 3.0], [1.0, -3.0, 2.0])  # ranks 1 2 3 and 1 3 2
        0.5
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if a.shape != b.shape or (support is not None and support.shape != a.shape):
        raise AuditError(f"heatmaps have shapes {a.shape} and {b.shape}; expected one shape.")
    if support is not None:
        a, b = a[support], b[support]
    ranks = [_ranks(np.abs(each) if signs == "absolute" else each) for each in (a, b)]
    x, y = (rank - rank.mean() for rank in ranks)
    return float(np.clip((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()), -1.0, 1.0))


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    _, places, counts = np.unique(
        ranked_values(values.reshape(-1)), return_inverse=True, return_counts=True
    )
    last = np.cumsum(counts)
    found: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return found
