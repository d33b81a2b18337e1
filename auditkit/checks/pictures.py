"""Pictures for people: encoded, outlined, under a heatmap, with a legend."""

from functools import cache
from io import BytesIO

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Mask, Picture

Strength = npt.NDArray[np.float64]

EDGE = (0, 230, 255)
"""Cyan: nowhere in the colour map, and seldom in a clinical picture."""

OPACITY = 0.8
_LEGEND = (30, 224)


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """A picture as PNG bytes."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def outlined(picture: Picture, mask: Mask) -> Picture:
    """The picture with the mask's edge in cyan."""
    edge = np.zeros_like(mask)
    edge[1:] |= mask[1:] != mask[:-1]
    edge[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    drawn = picture.copy()
    drawn[edge] = EDGE
    return drawn


def overlaid(picture: Picture, strength: Strength) -> Picture:
    """A heatmap over the desaturated picture, the more opaque the stronger, at most 80 %.

    The display of DeGrave et al. (doi:10.1038/s41551-023-01160-9, Supplement), in a perceptually
    uniform colour map.

    Args:
        picture: uint8 (h, w, 3).
        strength: (h, w) in [0, 1], of the post-processing stage ``display``.
    """
    grey = picture.mean(axis=-1, keepdims=True)
    alpha = OPACITY * strength[..., None]
    blended: Picture = np.rint(grey * (1 - alpha) + coloured(strength) * alpha).astype(np.uint8)
    return blended


def coloured(strength: Strength) -> npt.NDArray[np.uint8]:
    """Colours (..., 3) of strengths in [0, 1]: dark where 0, bright yellow where 1."""
    place = np.rint(np.clip(strength, 0, 1) * 255).astype(np.intp)
    colours: npt.NDArray[np.uint8] = _colour_map()[place]
    return colours


@cache
def _colour_map() -> npt.NDArray[np.uint8]:
    import matplotlib as mpl

    colours = mpl.colormaps["inferno"](np.arange(256), bytes=True)
    table: npt.NDArray[np.uint8] = np.asarray(colours, dtype=np.uint8)[:, :3]
    return table


@cache
def legend() -> bytes:
    """PNG of a colour bar as `overlaid` draws on grey, its ends labelled 0 and 99th percentile."""
    from PIL import Image, ImageDraw

    height, width = _LEGEND
    ramp = np.broadcast_to(np.linspace(0, 1, width), (height // 2, width))
    bar = overlaid(np.full((*ramp.shape, 3), 160, np.uint8), ramp)
    image = Image.new("RGB", (width, height), "white")
    image.paste(Image.fromarray(bar), (0, 0))
    draw = ImageDraw.Draw(image)
    baseline = height - 1
    draw.text((1, baseline), "0", fill="black", anchor="lb")
    draw.text((width - 1, baseline), "99th percentile", fill="black", anchor="rb")
    return png(np.asarray(image))
