"""Pictures for people of an image, its counterfactuals and what differs between them."""

from collections.abc import Iterable, Sequence

import numpy as np

from auditkit.checks.pictures import png
from auditkit.data.dataset import Picture

GREY = 128
_GAINS = (16, 8, 4, 2)
# So many of all values may lie beyond the ends of the scale: a hair's edge is no reason to see nothing else.
_BEYOND = 0.005


def pair_panels(
    reference: Picture,
    benign: Picture,
    malignant: Picture,
    scores: Sequence[float] = (),
    names: tuple[str, str] = ("benign", "malignant"),
    gain: int = 0,
) -> list[tuple[str, bytes]]:
    """The panels of an example: the image, both counterfactuals, and malignant minus benign.

    Args:
        reference: uint8 (S, S, 3), the image as the model sees it.
        benign: its counterfactual for the first bin, of the same shape.
        malignant: its counterfactual for the last bin, of the same shape.
        scores: what the model answers to the three, to be said in the captions; left out if empty.
        names: what the ends are called.
        gain: how many times the difference is amplified; 0 chooses by this difference alone.

    Returns:
        Four captions, each with the bytes of a PNG.

    Example:
        >>> grey = np.full((2, 2, 3), 100, np.uint8)
        >>> [caption for caption, _ in pair_panels(grey, grey, grey, scores=(0.5, 0.1, 0.9))]
        ['image: 0.50', 'benign: 0.10', 'malignant: 0.90', 'malignant minus benign, 16 times, on mid-grey']
    """
    gain = gain or shared_gain([(benign, malignant)])
    captions = ["image", *names]
    if scores:
        captions = [f"{name}: {score:.2f}" for name, score in zip(captions, scores, strict=True)]
    pictures = [reference, benign, malignant, difference(benign, malignant, gain)]
    captions.append(f"{names[1]} minus {names[0]}, {times(gain)}, on mid-grey")
    return [(caption, png(each)) for caption, each in zip(captions, pictures, strict=True)]


def difference(before: Picture, after: Picture, gain: int) -> Picture:
    """The amplified difference on mid-grey, 128 + gain (after - before) per channel, clipped.

    Signed and in colour, so that it is seen whether a place became lighter, darker or pinker; grey is
    where nothing changed.

    Args:
        before: uint8 (..., 3).
        after: uint8 of the same shape.
        gain: how many times it is amplified.

    Returns:
        uint8 of the same shape.

    Example:
        >>> difference(np.full((1, 1, 3), 100, np.uint8), np.array([[[110, 100, 90]]], np.uint8), 4)
        array([[[168, 128,  88]]], dtype=uint8)
    """
    changed = after.astype(np.int16) - before.astype(np.int16)
    drawn: Picture = np.clip(GREY + gain * changed, 0, 255).astype(np.uint8)
    return drawn


def shared_gain(pairs: Iterable[tuple[Picture, Picture]]) -> int:
    """The strongest amplification (16, 8, 4, 2 or 1) at which no difference leaves the scale.

    Pictures that are to be compared are amplified alike. Of all values of any pair, 0.5 % may be clipped.

    Args:
        pairs: pictures before and after, uint8 (..., 3).

    Example:
        >>> black = np.zeros((1, 1, 3), np.uint8)
        >>> [shared_gain([(black, black + grey)]) for grey in (0, 7, 8, 100)]
        [16, 16, 8, 1]
    """
    most = max((_most(before, after) for before, after in pairs), default=0.0)
    return next((gain for gain in _GAINS if gain * most < GREY), 1)


def times(gain: int) -> str:
    """An amplification in words.

    Example:
        >>> times(1), times(8)
        ('not amplified', '8 times')
    """
    return "not amplified" if gain == 1 else f"{gain} times"


def _most(before: Picture, after: Picture) -> float:
    changed = np.abs(after.astype(np.int16) - before.astype(np.int16))
    return float(np.quantile(changed, 1 - _BEYOND, method="higher"))
