"""The skin around the lesion and what the camera adds: hair, gel, ruler, light and colour cast."""

import math
from collections.abc import Mapping

import numpy as np

from auditkit.data.synthetic.lesion import HAEMOGLOBIN, MELANIN
from auditkit.data.synthetic.noise import (
    Field,
    View,
    axis,
    bumps,
    fade_in,
    smooth_noise,
    smoothstep,
    stream,
)

_BLOODLESS_SKIN = np.array([0.80, 0.62, 0.52], dtype=np.float32)
_HAIR = np.array([0.030, 0.022, 0.018], dtype=np.float32)
_GEL = np.array([0.92, 0.92, 0.92], dtype=np.float32)
_MARK = np.array([0.035, 0.035, 0.04], dtype=np.float32)
# CIE 1931 XYZ of linear sRGB under D65 (IEC 61966-2-1), and back.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ],
    dtype=np.float32,
)
_FROM_XYZ = np.linalg.inv(_TO_XYZ.astype(np.float64)).astype(np.float32)
FULL_TINT = 12.0
"""Shift of u* at tint 1."""


def skin(
    seed: int, index: int, attributes: Mapping[str, float], size: int, fineness: float = 1.0
) -> Field:
    """Return the optical density of the skin over bloodless skin, float32 (3, size, size).

    Args:
        seed: Seed of the data set.
        index: Position of the picture.
        attributes: What to draw.
        size: Pixels along an edge.
        fineness: How many times as much skin as under a dermatoscope is in the picture.
    """
    generator, view = stream(seed, index, "skin"), View(size)
    flush, blotches, grain = (
        smooth_noise(generator, view, round(cells * fineness))[0] for cells in (5, 14, 52)
    )
    tone = attributes["skin_tone"]
    melanin = (0.06 + 1.15 * tone) * (1.0 + 0.05 * blotches + 0.06 * grain)
    melanin += 0.018 * grain + _creases(seed, index, size, fineness)
    melanin += _freckles(seed, index, attributes["background_spots"], size, fineness)
    blood = 0.34 + 0.06 * flush + 0.035 * blotches
    density: Field = MELANIN[:, None, None] * melanin + HAEMOGLOBIN[:, None, None] * blood
    return density


def _creases(seed: int, index: int, size: int, fineness: float) -> Field:
    """Return the melanin of the skin's fine rhomboid grooves."""
    generator = stream(seed, index, "creases")
    turn = np.pi * generator.random()
    bend = 0.05 * smooth_noise(generator, View(size), 5, 2)
    total = np.zeros((size, size), dtype=np.float32)
    for angle, warp in zip((turn, turn + 1.1), bend, strict=True):
        across, down = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        phase = across * axis(size)[None, :] + down * axis(size)[:, None] + warp
        ridge = np.cos(46.0 * fineness * phase)
        squared = ridge * ridge
        total += squared * squared
    return np.float32(0.045) * total


def _freckles(seed: int, index: int, value: float, size: int, fineness: float) -> Field:
    generator, count = stream(seed, index, "freckles"), round(16 * fineness**2)
    centres = generator.uniform(-1.0, 1.0, (count, 2)).astype(np.float32)
    radii = generator.uniform(0.025, 0.06, count).astype(np.float32) / np.float32(fineness)
    return bumps(centres, radii, 0.55 * fade_in(value, count), View(size))


def linear_light(density: Field) -> Field:
    """Return the linear light that skin of this density sends back, (3, size, size) in 0..1."""
    light: Field = _BLOODLESS_SKIN[:, None, None] * np.exp(-density)
    return light


def cover(light: Field, opacity: Field, colour: Field) -> Field:
    """Lay a colour over linear light with an opacity (size, size) in 0..1."""
    covered: Field = light + opacity * (colour[:, None, None] - light)
    return covered


def hair(seed: int, index: int, value: float, light: Field, scale: float = 1.0) -> Field:
    """Lay up to ten dark arcs over the light, `scale` times as large as under a dermatoscope."""
    size, generator = light.shape[-1], stream(seed, index, "hair")
    comb = 2.0 * np.pi * generator.random()
    for amount in fade_in(value, 10):
        angle = comb + 0.5 * generator.standard_normal()
        offset, bend = generator.uniform(-0.9, 0.9), 0.35 * generator.standard_normal()
        width, start = generator.uniform(0.008, 0.016), generator.uniform(-1.6, 0.1)
        length = generator.uniform(0.8, 2.2)
        if amount <= 0.0:
            break
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        x, y = axis(size)[None, :], axis(size)[:, None]
        along, away = cosine * x + sine * y, cosine * y - sine * x
        slope = np.float32(2.0 * bend) * along
        distance = np.abs(away - np.float32(offset) - np.float32(bend) * along * along)
        distance /= np.sqrt(1.0 + slope * slope)
        start, length, width = start + 0.5 * (1.0 - scale) * length, length * scale, width * scale
        strand = 1.0 - smoothstep(distance, width, width + 0.016)
        strand *= smoothstep(along, start, start + 0.1 * scale)
        strand *= 1.0 - smoothstep(along, start + length, start + length + 0.2 * scale)
        light = cover(light, 0.9 * math.sqrt(scale) * amount * strand, _HAIR)
    return light


def bubbles(seed: int, index: int, value: float, light: Field) -> Field:
    """Lay up to five gel bubbles over the light: a dark rim, a bright inner ring, a glint."""
    size, generator = light.shape[-1], stream(seed, index, "gel")
    for amount in fade_in(value, 5):
        centre, radius = generator.uniform(-0.9, 0.9, 2), generator.uniform(0.05, 0.17)
        if amount <= 0.0:
            break
        x = axis(size)[None, :] - np.float32(centre[0])
        y = axis(size)[:, None] - np.float32(centre[1])
        distance = np.sqrt(x * x + y * y)
        rim = np.exp(-0.5 * ((distance - radius) / 0.012) ** 2)
        ring = np.exp(-0.5 * ((distance - radius + 0.028) / 0.014) ** 2)
        spot = np.exp(-((x + 0.4 * radius) ** 2 + (y + 0.4 * radius) ** 2) / (0.25 * radius) ** 2)
        light = light * (1.0 - 0.45 * amount * rim)
        light = cover(light, amount * np.minimum(0.45 * ring + 0.8 * spot, 1.0), _GEL)
    return light


def ruler(seed: int, index: int, value: float, light: Field) -> Field:
    """Lay a ruler's marks along one edge, every fifth longer."""
    size, generator = light.shape[-1], stream(seed, index, "ruler")
    side, phase = int(generator.integers(4)), generator.random()
    if value <= 0.0:
        return light
    along, inward = axis(size) / 0.1 + phase, axis(size) + 1.0
    nearest: Field = (np.abs(along - np.round(along)) * 0.1).astype(np.float32)
    tick = 1.0 - smoothstep(nearest, 0.006, 0.022)
    reach = np.where(np.round(along) % 5 == 0, 0.26, 0.15)
    excess: Field = (inward[None, :] - reach[:, None]).astype(np.float32)
    marks = tick[:, None] * (1.0 - smoothstep(excess, 0.0, 0.03))
    return cover(light, np.float32(0.85 * value) * np.rot90(marks, side), _MARK)


def stops(attributes: Mapping[str, float]) -> np.float32:
    """Return the gain of the picture's exposure."""
    return np.float32(2.0 ** (0.4 * attributes["brightness"]))


def lamp(attributes: Mapping[str, float]) -> Field:
    """Return the gain that the lamp's colour temperature gives red, green and blue, (3, 1, 1)."""
    warm = attributes["colour_temperature"]
    gain: Field = np.exp(np.array([0.10 * warm, 0.0, -0.20 * warm], dtype=np.float32))
    return gain[:, None, None]


def exposure(attributes: Mapping[str, float], light: Field) -> Field:
    """Apply brightness, lens fall-off, dark corners and the lamp's colour temperature."""
    size, dark = light.shape[-1], attributes["dark_corner"]
    x, y = axis(size)[None, :], axis(size)[:, None]
    radius = np.sqrt(x * x + y * y)
    gain: Field = stops(attributes) * (1.0 - np.float32(0.13) * radius * radius)
    if dark > 0.0:
        edge = 1.42 - 0.42 * dark
        gain = gain * (1.0 - 0.985 * smoothstep(radius, edge - 0.05, edge + 0.05))
    lit: Field = light * gain * lamp(attributes)
    return lit


def colour_cast(value: float, light: Field) -> Field:
    r"""Shift u* of CIELUV by `FULL_TINT * value`, at constant L* and v*.

    With u* = 13 L* (u' - u'_n) and v' held, du' = du* / (13 L*), and in tristimulus values
    dX = (X + 15 Y + 3 Z) du* / (52 L*), dZ = -(X + 15 Y + 3 Z) du* / (156 L*), dY = 0
    (CIE 015:2018, 8.2.2).
    """
    if value == 0.0:
        return light
    size = light.shape[-1]
    flat = light.reshape(3, -1)
    luminance = _TO_XYZ[1] @ flat
    lightness = 116.0 * np.cbrt(luminance) - 16.0
    lightness = np.where(luminance > 216.0 / 24389.0, lightness, luminance * (24389.0 / 27.0))
    total = (_TO_XYZ[0] + 15.0 * _TO_XYZ[1] + 3.0 * _TO_XYZ[2]) @ flat
    step = np.float32(FULL_TINT * value) * total / np.maximum(lightness, np.float32(1e-3))
    direction = _FROM_XYZ[:, 0] / 52.0 - _FROM_XYZ[:, 2] / 156.0
    cast: Field = (flat + direction[:, None] * step).reshape(3, size, size)
    return cast


def srgb(light: Field) -> Field:
    """Encode linear light as sRGB in 0..1 (IEC 61966-2-1)."""
    light = np.clip(light, 0.0, 1.0)
    bright = np.float32(1.055) * light ** np.float32(1.0 / 2.4) - np.float32(0.055)
    encoded: Field = np.where(light > 0.0031308, bright, 12.92 * light)
    return encoded
