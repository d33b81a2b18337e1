"""Run lengths of COCO masks: column by column, background first."""

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Mask

# Five bits per character and a sign: no run in a picture needs more.
_MAX_CHARACTERS = 7


def decompress(text: str) -> list[int]:
    """Run lengths from COCO's compressed string.

    Each number is written in groups of five bits, lowest first, as a character from '0'; bit 5 says that
    more follow, bit 4 of the last is the sign. From the fourth number on, the difference to the number
    two before is stored.

    Raises:
        ValueError: the text is not such a string.

    Example:
        >>> decompress("52203")  # 5, 2, 2, then 0 + 2 = 2 and 3 + 2 = 5
        [5, 2, 2, 2, 5]
    """
    runs: list[int] = []
    value = used = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or used >= _MAX_CHARACTERS:
            raise ValueError("is not a run-length string")
        value |= (bits & 31) << (5 * used)
        used += 1
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << (5 * used)
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = used = 0
    if used:
        raise ValueError("is a run-length string that ends early")
    return runs


def fill(runs: list[int], shape: tuple[int, int]) -> Mask:
    """The mask of a picture of this height and width.

    Raises:
        ValueError: the runs are not of such a picture.
    """
    height, width = shape
    if any(run < 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(
            f"has run lengths over {sum(runs)} pixels, the picture has {height * width}"
        )
    inside = np.arange(len(runs)) % 2 == 1
    flat: npt.NDArray[np.bool_] = np.repeat(inside, runs)
    return flat.reshape(width, height).T.copy()
