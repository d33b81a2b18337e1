"""Colours of a picture in CIELAB and CIELUV."""

from typing import Final

import numpy as np

from auditkit.colour import srgb_to_luv
from auditkit.evidence.measuring.kinds import Picture, Plane

AXES: Final = ("L", "a", "b", "u", "v")

# The white D65, x = .3127 and y = .3290, as of `auditkit.colour`.
_X_WHITE: Final = 0.3127 / 0.3290
_Z_WHITE: Final = (1 - 0.3127 - 0.3290) / 0.3290
_SUM_WHITE: Final = _X_WHITE + 15 + 3 * _Z_WHITE
_U_WHITE: Final = 4 * _X_WHITE / _SUM_WHITE
_V_WHITE: Final = 9 / _SUM_WHITE
_LINE_BELOW: Final = 6 / 29
_LEAST_L: Final = 1e-3


def colour_planes(picture: Picture) -> Plane:
    """CIELAB and CIELUV of every pixel, which have L* in common (CIE 15:2004, 8.2; white D65).

    a* = 500 (f(X / X_n) - f(Y)), b* = 200 (f(Y) - f(Z / Z_n)), where f(t) = t^(1/3) above (6/29)^3, else
    (29/6)^2 t / 3 + 4/29; X, Y and Z follow from L*, u* and v*.

    Args:
        picture: sRGB uint8 (S, S, 3).

    Returns:
        float32 (5, S, S): L* in [0, 100], a*, b*, u*, v*; black is 0 in all.

    Example:
        >>> red = np.array([[[255, 0, 0]]], np.uint8)
        >>> colour_planes(red).reshape(5).round().tolist()
        [53.0, 80.0, 67.0, 175.0, 38.0]
    """
    scaled = np.moveaxis(picture, -1, 0).astype(np.float32) * np.float32(1 / 255)
    lightness, u, v = srgb_to_luv(scaled)
    of_y = (lightness + 16) / 116
    y = np.where(of_y > _LINE_BELOW, of_y**3, (of_y - 4 / 29) * 3 * _LINE_BELOW**2)
    scale = 1 / (13 * np.maximum(lightness, _LEAST_L))
    chroma_u, chroma_v = u * scale + _U_WHITE, v * scale + _V_WHITE
    quarter = y / (4 * chroma_v)
    x, z = 9 * chroma_u * quarter, (12 - 3 * chroma_u - 20 * chroma_v) * quarter
    a = 500 * (_root(x / _X_WHITE) - of_y)
    b = 200 * (of_y - _root(z / _Z_WHITE))
    planes: Plane = np.stack([lightness, a, b, u, v]).astype(np.float32)
    return planes


def _root(value: Plane) -> Plane:
    line = value / (3 * _LINE_BELOW**2) + 4 / 29
    root: Plane = np.where(value > _LINE_BELOW**3, np.cbrt(value), line)
    return root
