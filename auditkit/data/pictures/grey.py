"""Grey values of any depth to 8-bit RGB."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Picture
from auditkit.errors import AuditError

# Pixels of a picture; Pillow's own limit against decompression bombs.
MAX_PIXELS = 2**28 // 3
# The longest side that JPEG and DICOM know; a longer one is a damaged header.
MAX_SIDE = 2**16 - 1


def check_size(height: int, width: int, what: str) -> None:
    """Refuse pictures without pixels, and those that would fill the memory.

    Raises:
        AuditError: naming the picture by ``what``.
    """
    if height < 1 or width < 1:
        raise AuditError(f"{what} has no pixels ({width} x {height})")
    if height * width > MAX_PIXELS or max(height, width) > MAX_SIDE:
        raise AuditError(
            f"{what} is too large: {width} x {height} pixels, at most {MAX_PIXELS}, and {MAX_SIDE} on a "
            "side, are read"
        )


def windowed(
    values: npt.NDArray[Any], window: Sequence[float] | str, what: str
) -> npt.NDArray[np.float64]:
    """Grey values as shares of a window: clip((x - low) / (high - low), 0, 1).

    Args:
        values: numbers (height, width).
        window: low and high, or "percentiles" for the 1st and 99th of these values.
        what: names the picture in messages.

    Returns:
        In [0, 1], (height, width).

    Raises:
        AuditError: values are not finite, or percentiles are asked of a flat picture.

    Example:
        >>> windowed(np.array([[-1000.0, 0.0, 50.0, 400.0]]), [-100.0, 100.0], "x")
        array([[0.  , 0.5 , 0.75, 1.  ]])
    """
    # One copy, changed in place: of the largest picture that is read, it has 700 MB.
    numbers = np.array(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise AuditError(f"{what} has values that are not finite; replace them by numbers")
    if isinstance(window, str):
        low, high = np.percentile(numbers, [1, 99])
        if low >= high:
            raise AuditError(
                f"{what} is flat (1st and 99th percentile are both {low:g}); declare a window "
                "(pictures: {window: [low, high]})"
            )
    else:
        low, high = window
    numbers -= low
    numbers /= high - low
    return np.clip(numbers, 0.0, 1.0, out=numbers)


def grey_rgb(shares: npt.NDArray[np.float64]) -> Picture:
    """Shares of white in [0, 1] as 8-bit RGB with three equal channels (height, width, 3)."""
    picture = np.empty((*shares.shape, 3), dtype=np.uint8)
    for row, values in enumerate(shares):
        picture[row] = np.rint(values * 255.0)[:, None]
    return picture
