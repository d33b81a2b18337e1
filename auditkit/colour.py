"""Shifts of an image's colour at constant lightness, in CIE 1976 L*u*v*.

Images are (..., 3, H, W) sRGB in [0, 1], NumPy arrays or torch tensors of float32 or float64; the
result has the same type, precision and device. torch is never imported here: a tensor brings it.

    sRGB (IEC 61966-2-1)  ->  linear RGB  ->  XYZ (Rec. 709 primaries, white D65, Y = 1)
    L* = 116 f(Y) - 16,   f(Y) = Y^(1/3) above (6/29)^3, else (29/3)^3 Y / 116 + 16/116
    u* = 13 L* (u' - u'_n),   v* = 13 L* (v' - v'_n)
    u' = 4 X / (X + 15 Y + 3 Z),   v' = 9 Y / (X + 15 Y + 3 Z)          (CIE 15:2004, 8.2.2)

The white point is that of the matrix, so that greys have u* = v* = 0.
"""

import math
import sys
from typing import Any, Final, TypeVar

import numpy as np

from auditkit.errors import AuditError

Image = TypeVar("Image")


def _rgb_to_xyz() -> list[list[float]]:
    # Columns are the primaries' XYZ, scaled so that they add up to the white (Rec. 709, D65).
    x, y = np.array([0.64, 0.30, 0.15]), np.array([0.33, 0.60, 0.06])
    primaries = np.stack([x / y, np.ones(3), (1 - x - y) / y])
    white = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
    matrix: list[list[float]] = (primaries * np.linalg.solve(primaries, white)).tolist()
    return matrix


_TO_XYZ: Final = _rgb_to_xyz()
_TO_RGB: Final[list[list[float]]] = np.linalg.inv(np.array(_TO_XYZ)).tolist()
_WHITE: Final = [sum(row) for row in _TO_XYZ]
_WHITE_SUM: Final = _WHITE[0] + 15 * _WHITE[1] + 3 * _WHITE[2]
_WHITE_U: Final = 4 * _WHITE[0] / _WHITE_SUM
_WHITE_V: Final = 9 * _WHITE[1] / _WHITE_SUM
_DARK_Y: Final = (6 / 29) ** 3  # below, L* is a straight line in Y
_DARK_SLOPE: Final = (29 / 3) ** 3
_DARK_L: Final = 8.0
_TINY: Final = 1e-12
_LEAST_L: Final = 1e-6
# v' of the blue primary, the lowest of any sRGB colour, less room for rounding.
_LEAST_V: Final = 0.1578


def srgb_to_luv(image: Image) -> Image:
    """CIE 1976 L*u*v* of an sRGB image, white D65.

    Args:
        image: (..., 3, H, W) floats, sRGB in [0, 1].

    Returns:
        The same shape: L* in [0, 100], u* and v* about [-134, 224]; exact black is (0, 0, 0).

    Raises:
        AuditError: another type, precision or shape.

    Example:
        >>> srgb_to_luv(np.ones((3, 1, 1))).round(6).reshape(3).tolist()
        [100.0, 0.0, 0.0]
    """
    xp, pixels = _opened(image)
    linear = _decode(xp, pixels)
    red, green, blue = _channels(linear)
    x, y, z = (row[0] * red + row[1] * green + row[2] * blue for row in _TO_XYZ)
    lightness = xp.where(
        y > _DARK_Y, 116 * _at_least(xp, y, _DARK_Y) ** (1 / 3) - 16, _DARK_SLOPE * y
    )
    # Black has no chromaticity; the floor makes L* = 0 times it 0 rather than NaN.
    total = _at_least(xp, x + 15 * y + 3 * z, _TINY)
    thirteen = 13 * lightness
    u = thirteen * (4 * x / total - _WHITE_U)
    v = thirteen * (9 * y / total - _WHITE_V)
    luv: Image = xp.stack((lightness, u, v), -3)
    return luv


def luv_to_srgb(luv: Image) -> Image:
    """The sRGB image of CIE 1976 L*u*v*, white D65; linear RGB outside [0, 1] is clamped.

    Args:
        luv: (..., 3, H, W) floats, L* in [0, 100], u*, v*.

    Returns:
        The same shape, sRGB in [0, 1]; L* = 0 is exact black whatever u* and v*.

    Raises:
        AuditError: another type, precision or shape.

    Deviates: v' is kept at or above that of the blue primary (0.158), below which no displayable
    colour lies; only near-black pixels and deep blues that move towards blue notice. The plain
    formula has a pole at v' = 0: moved by 20 towards blue, grey 12 would become (37, 0, 255) and
    grey 11 (5, 50, 0).

    Example:
        >>> luv_to_srgb(np.array([100.0, 0.0, 0.0]).reshape(3, 1, 1)).round(6).reshape(3).tolist()
        [1.0, 1.0, 1.0]
    """
    xp, values = _opened(luv)
    lightness, u, v = _channels(values)
    y = xp.where(lightness > _DARK_L, ((lightness + 16) / 116) ** 3, lightness * (1 / _DARK_SLOPE))
    scale = 1 / (13 * _at_least(xp, lightness, _LEAST_L))
    u_prime = u * scale + _WHITE_U
    v_prime = _at_least(xp, v * scale + _WHITE_V, _LEAST_V)
    quarter = y / (4 * v_prime)
    x = 9 * u_prime * quarter
    z = (12 - 3 * u_prime - 20 * v_prime) * quarter
    linear = xp.stack([row[0] * x + row[1] * y + row[2] * z for row in _TO_RGB], -3)
    srgb: Image = _encode(xp, linear.clip(0.0, 1.0))
    return srgb


def shift_luv(image: Image, du: float, dv: float) -> Image:
    """Shifts the colour of every pixel by a constant (du, dv) in u*, v* at its own L*.

    A change of the colour of the light, as an eye sees it. For many shifts of one image compute
    ``srgb_to_luv`` once, add the offsets, and call ``luv_to_srgb``.

    A constant u*, v* is a chromaticity offset of du / (13 L*), so dark pixels move farther in
    colour and leave the gamut: at du = 20 grey 128 becomes (153, 120, 126), grey 20 becomes
    (52, 0, 14) and grey 1 becomes (47, 0, 0), while exact black stays exact black. Dark corners
    of an image can therefore show coloured speckle, and clamping makes it lighter than it was.

    Args:
        image: (..., 3, H, W) floats, sRGB in [0, 1].
        du: offset of u*; above 0 towards pink.
        dv: offset of v*; above 0 towards yellow.

    Returns:
        The same shape, sRGB in [0, 1], never NaN for finite pixels.

    Raises:
        AuditError: an image of another type, precision or shape, or an offset that is not finite.

    Example:
        >>> grey = np.full((3, 1, 1), 128 / 255)
        >>> (255 * shift_luv(grey, 20.0, 0.0)).round().reshape(3).tolist()
        [153.0, 120.0, 126.0]
    """
    if not (math.isfinite(du) and math.isfinite(dv)):
        raise AuditError(f"shift ({du}, {dv}): expected finite offsets of u* and v*.")
    luv: Any = srgb_to_luv(image)
    # In place on an array of our own; torch allows it because stack keeps nothing for gradients.
    luv[..., 1, :, :] += du
    luv[..., 2, :, :] += dv
    shifted: Image = luv_to_srgb(luv)
    return shifted


def shift_luv_polar(image: Image, angle_degrees: float, radius: float) -> Image:
    """Shifts the colour of every pixel by ``radius`` towards an angle of the u*, v* plane.

    The angle is where the image moves (0 pink, 90 yellow, 180 teal, 270 blue), not the hue of a
    light that is discounted, which is the opposite.

    Args:
        image: (..., 3, H, W) floats, sRGB in [0, 1].
        angle_degrees: direction, anticlockwise from +u*.
        radius: length of the shift in u*, v*.

    Returns:
        The same shape, sRGB in [0, 1].

    Raises:
        AuditError: as ``shift_luv``.

    Example:
        >>> grey = np.full((3, 1, 1), 128 / 255)
        >>> (255 * shift_luv_polar(grey, 180.0, 20.0)).round().reshape(3).tolist()
        [95.0, 136.0, 130.0]
    """
    return shift_luv(image, *offset(angle_degrees, radius))


def offset(angle_degrees: float, radius: float) -> tuple[float, float]:
    """The shift (du, dv) of length ``radius`` towards an angle: (r cos angle, r sin angle)."""
    angle = math.radians(angle_degrees)
    return radius * math.cos(angle), radius * math.sin(angle)


def _opened(image: object) -> tuple[Any, Any]:
    """The module that computes on the image, and the image; refuses what is not an image."""
    xp: Any = np if isinstance(image, np.ndarray) else None
    if type(image).__module__.split(".")[0] == "torch":
        xp = sys.modules["torch"]
    pixels: Any = image
    if xp is None or pixels.dtype not in (xp.float32, xp.float64):
        kind = getattr(image, "dtype", type(image).__name__)
        raise AuditError(
            f"image is {kind}; expected a NumPy array or torch tensor of float32 or float64 in "
            "[0, 1]. Divide 8-bit images by 255."
        )
    if pixels.ndim < 3 or pixels.shape[-3] != 3:
        raise AuditError(
            f"image has shape {tuple(pixels.shape)}; expected (..., 3, height, width)."
        )
    return xp, pixels


def _channels(image: Any) -> tuple[Any, Any, Any]:
    return image[..., 0, :, :], image[..., 1, :, :], image[..., 2, :, :]


def _at_least(xp: Any, values: Any, least: float) -> Any:
    # Floors keep powers and quotients of the branch not taken finite, and so their gradients.
    return values.clip(least) if xp is np else values.clamp(min=least)


def _decode(xp: Any, srgb: Any) -> Any:
    bright = ((_at_least(xp, srgb, 0.04045) + 0.055) / 1.055) ** 2.4
    return xp.where(srgb <= 0.04045, srgb / 12.92, bright)


def _encode(xp: Any, linear: Any) -> Any:
    bright = 1.055 * _at_least(xp, linear, 0.0031308) ** (1 / 2.4) - 0.055
    return xp.where(linear <= 0.0031308, 12.92 * linear, bright)
