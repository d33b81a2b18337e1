"""Pictures for people: encoded, outlined, overlaid with a heatmap."""

from io import BytesIO

import numpy as np
import numpy.typing as npt


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """A picture as PNG bytes."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def outlined(picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The picture with the mask's edge in yellow."""
    edge = np.zeros_like(mask)
    edge[1:] |= mask[1:] != mask[:-1]
    edge[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    drawn = picture.copy()
    drawn[edge] = (255, 230, 0)
    return drawn


def overlaid(
    picture: npt.NDArray[np.uint8], heatmap: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """A heatmap's magnitude over the desaturated picture: clipped at the 99th percentile, opacity .8.

    The display of DeGrave et al., Supplement: transparent where nothing, orange where most.
    """
    heat = np.abs(np.nan_to_num(heatmap))
    most = float(np.percentile(heat, 99)) or float(heat.max()) or 1.0
    strength = np.clip(heat / most, 0, 1)[..., None]
    grey = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    warm = np.array([255.0, 90.0, 0.0]) * strength + np.array([60.0, 0.0, 90.0]) * (1 - strength)
    alpha = 0.8 * strength
    return np.rint(grey * (1 - alpha) + warm * alpha).astype(np.uint8)
