"""What surrounds a lesion in a clinical photograph: a lit body part, a sticker, the room's light."""

import numpy as np

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
from auditkit.data.synthetic.scene import cover

_PAPER = np.array([0.80, 0.80, 0.76], dtype=np.float32)
_PRINT = np.array([0.035, 0.035, 0.04], dtype=np.float32)
_GLARE = np.array([0.95, 0.93, 0.90], dtype=np.float32)
# Linear light of what lies behind the body: dark cloth, green drape, blue drape, couch paper.
_BEHIND = np.array(
    [[0.02, 0.02, 0.025], [0.05, 0.16, 0.13], [0.06, 0.11, 0.25], [0.42, 0.42, 0.44]],
    dtype=np.float32,
)


def _turned(size: int, angle: float) -> tuple[Field, Field]:
    """Return coordinates along and across a direction, each (size, size)."""
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x, y = axis(size)[None, :], axis(size)[:, None]
    return cosine * x + sine * y, cosine * y - sine * x


def _limb(seed: int, index: int) -> tuple[float, float]:
    """Return the direction across the body part and its curvature."""
    generator = stream(seed, index, "limb")
    return 2.0 * np.pi * generator.random(), generator.uniform(0.15, 0.6)


def _light_from(seed: int, index: int) -> float:
    """Return the direction in the picture that the light comes from."""
    return float(2.0 * np.pi * stream(seed, index, "light direction").random())


def shading(seed: int, index: int, size: int) -> Field:
    """Return the gain of a curved body part under uneven light with a soft shadow, (size, size).

    Lambert's law on a cylinder; a gradient and a fall-off towards the edges; a wide penumbra.
    """
    across, curvature = _limb(seed, index)
    from_ = _light_from(seed, index)
    slope = np.float32(curvature) * _turned(size, across)[0]
    oblique = 0.55 * np.cos(from_ - across)
    lambert = np.sqrt(np.maximum(1.0 - slope * slope, 0.05)) + oblique * slope
    generator = stream(seed, index, "room")
    along, aside = _turned(size, from_)
    uneven = 1.0 + generator.uniform(0.05, 0.30) * along
    uneven -= generator.uniform(0.04, 0.16) * (along * along + aside * aside)
    patch = 1.0 + 0.03 * smooth_noise(generator, View(size), 3)[0]
    gain: Field = lambert * uneven * patch * _shadow(seed, index, size)
    return gain


def _shadow(seed: int, index: int, size: int) -> Field:
    generator = stream(seed, index, "shadow")
    along = _turned(size, 2.0 * np.pi * generator.random())[0]
    edge, width = generator.uniform(0.1, 1.3), generator.uniform(0.15, 0.5)
    depth = generator.uniform(0.1, 0.4)
    bend = 0.12 * smooth_noise(generator, View(size), 3)[0]
    shade: Field = 1.0 - np.float32(depth) * smoothstep(along + bend, edge - width, edge + width)
    return shade


def texture(seed: int, index: int, size: int) -> Field:
    """Return the gain of the skin's relief under oblique light, mean 1 (size, size)."""
    generator = stream(seed, index, "texture")
    view, strength = View(size), generator.uniform(0.5, 1.2)
    fine, coarse = (smooth_noise(generator, view, cells)[0] for cells in (44, 20))
    height = fine + 1.3 * coarse
    down, right = np.gradient(height, 2.0 / size)
    from_ = _light_from(seed, index)
    lit = np.cos(from_) * right + np.sin(from_) * down
    relief: Field = (1.0 + np.clip(0.0016 * strength * lit, -0.15, 0.15)).astype(np.float32)
    return relief


def sheen(seed: int, index: int, size: int) -> Field:
    """Return the linear light that oily skin mirrors without colour, (size, size)."""
    generator = stream(seed, index, "sheen")
    across, curvature = _limb(seed, index)
    centre = np.cos(_light_from(seed, index) - across) * generator.uniform(0.1, 0.7)
    band = (_turned(size, across)[0] - np.float32(centre)) / np.float32(0.35 + 0.3 / curvature)
    grain = smooth_noise(generator, View(size), 44)[0]
    glint = np.maximum(1.0 + 0.5 * grain, 0.0)
    mirrored: Field = generator.uniform(0.0, 0.06) * np.exp(-band * band) * glint
    return mirrored.astype(np.float32)


def glare(seed: int, index: int, value: float, light: Field) -> Field:
    """Lay up to five wet, speckled highlights over the light."""
    view, generator = View(light.shape[-1]), stream(seed, index, "glare")
    centres = generator.uniform(-0.75, 0.75, (5, 2)).astype(np.float32)
    radii = generator.uniform(0.07, 0.17, 5).astype(np.float32)
    speckle = smooth_noise(generator, view, 44)[0] + 0.5 * smooth_noise(generator, view, 14)[0]
    if value <= 0.0:
        return light
    spots = bumps(centres, radii, fade_in(value, 5), view)
    wet = np.minimum(spots, 1.0) * smoothstep(speckle + 1.6 * spots, 0.7, 2.7)
    return cover(light, 0.12 * np.minimum(spots, 1.0) + 0.8 * wet, _GLARE)


def sticker(seed: int, index: int, value: float, light: Field) -> Field:
    """Lay a paper ruler along one edge: a white strip with black ticks and a thin shadow."""
    size, generator = light.shape[-1], stream(seed, index, "sticker")
    side, tilt, phase = (
        generator.integers(4) * np.pi / 2,
        generator.normal() * 0.07,
        generator.random(),
    )
    inner, start = generator.uniform(0.68, 0.76), generator.uniform(-0.9, -0.5)
    if value <= 0.0:
        return light
    along, out = _turned(size, float(side + tilt))
    length, height = 1.4, 0.2
    from_edge = np.minimum(
        np.minimum(along - start, start + length - along),
        np.minimum(out - inner, inner + height - out),
    ).astype(np.float32)
    paper = smoothstep(from_edge, -0.006, 0.010)
    near_paper = smoothstep(from_edge, -0.05, 0.0)
    light = light * (1.0 - np.float32(0.25 * value) * near_paper)
    light = cover(light, np.float32(value) * paper, _PAPER)
    position = along / 0.07 + phase
    nearest = (np.abs(position - np.round(position)) * 0.07).astype(np.float32)
    reach = np.where(np.round(position) % 5 == 0, 0.13, 0.07).astype(np.float32)
    tick = (1.0 - smoothstep(nearest, 0.004, 0.018)) * paper
    tick = tick * (1.0 - smoothstep(out - np.float32(inner) - reach, 0.0, 0.02))
    return cover(light, np.float32(0.85 * value) * tick, _PRINT)


def behind(seed: int, index: int, value: float, light: Field) -> Field:
    """Let the body part end: shade towards its edge, then what lies out of focus behind it."""
    size, generator = light.shape[-1], stream(seed, index, "behind")
    colour = _BEHIND[generator.integers(len(_BEHIND))] * np.float32(generator.uniform(0.6, 1.1))
    bulge, folds = generator.uniform(0.05, 0.25), smooth_noise(generator, View(size), 4)[0]
    if value <= 0.0:
        return light
    along, aside = _turned(size, _limb(seed, index)[0])
    beyond = along + np.float32(bulge) * aside * aside - np.float32(1.6 - 0.95 * value)
    light = light * (1.0 - np.float32(0.55) * smoothstep(beyond, -0.45, 0.03))
    cloth = colour[:, None, None] * (1.0 + 0.15 * folds)
    opacity = smoothstep(beyond, -0.02, 0.05)
    ended: Field = light + opacity * (cloth - light)
    return ended
