"""The pigmented lesion: outline, colours and dermoscopic structures.

Pigments are optical densities, so that overlapping ones darken as they do in skin: the linear
light that returns is exp(-sum of densities).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.data.synthetic.noise import (
    Field,
    View,
    bumps,
    fade_in,
    smooth_noise,
    smoothstep,
    stream,
)

# Optical density of a unit of pigment in linear red, green, blue light.
MELANIN = np.array([0.62, 0.95, 1.25], dtype=np.float32)
HAEMOGLOBIN = np.array([0.10, 0.80, 0.62], dtype=np.float32)
_DEEP_MELANIN = np.array([1.25, 0.85, 0.55], dtype=np.float32)
_BLACK = np.array([1.3, 1.3, 1.25], dtype=np.float32)
_VEIL = np.array([0.21, 0.26, 0.35], dtype=np.float32)
_SCAR = np.array([0.62, 0.50, 0.47], dtype=np.float32)
_HARMONICS = 11
# Mean of the veil's field within the lesion where it must show: patches stay, but none misses the lesion.
_CLEAR_VEIL = 0.4


@dataclass(frozen=True)
class Outline:
    """Where the lesion is.

    Attributes:
        inside: Share of lesion in each pixel, 0..1, with a soft rim (size, size).
        depth: 1 at the centre, 0 on the border, negative outside (size, size).
        across: Position along the axis of asymmetry, about -1..1 within the lesion.
        mask: The lesion proper (size, size), bool.
    """

    inside: Field
    depth: Field
    across: Field
    mask: npt.NDArray[np.bool_]


def _harmonics(
    generator: np.random.Generator, attributes: Mapping[str, float]
) -> npt.NDArray[np.complex64]:
    """Return complex amplitudes of the border's Fourier harmonics 0.._HARMONICS."""
    phase = np.exp(2j * np.pi * generator.random(_HARMONICS + 1))
    size = 0.6 + 0.8 * generator.random(_HARMONICS + 1)
    order = np.arange(_HARMONICS + 1)
    amplitude = np.zeros(_HARMONICS + 1)
    amplitude[2:4] = (0.10, 0.025)
    amplitude[1:4] += attributes["asymmetry"] * np.array([0.10, 0.06, 0.09])
    amplitude[4:] = (0.008 + 0.14 * attributes["border_irregularity"]) / (order[4:] - 2.0) ** 0.7
    amplitude[4:] *= 0.6
    harmonics: npt.NDArray[np.complex64] = (amplitude * size * phase).astype(np.complex64)
    return harmonics


def outline(seed: int, index: int, attributes: Mapping[str, float], view: View) -> Outline:
    """Draw the border r(angle) = r0 (1 + sum_k Re(c_k exp(i k angle))) on the pixel grid."""
    generator = stream(seed, index, "outline")
    centre = 0.07 * generator.standard_normal(2, dtype=np.float32)
    softness = 0.05 + 0.09 * generator.random()
    harmonics = _harmonics(generator, attributes)
    tilt = np.exp(-2j * np.pi * generator.random())
    radius = np.float32(0.30 + 0.34 * attributes["size"])
    position = (view.x - centre[0])[None, :] + 1j * (view.y - centre[1])[:, None]
    distance = np.abs(position) + np.float32(1e-6)
    direction = position / distance
    border = np.zeros_like(direction)
    for amplitude in harmonics[:0:-1]:
        border = (border + amplitude) * direction
    reach = radius * (1.0 + border.real)
    depth = (1.0 - distance / reach).astype(np.float32)
    inside = smoothstep(depth, -softness, softness + 0.02)
    across = (position * np.complex64(tilt)).real.astype(np.float32) / radius
    return Outline(inside, depth, across, depth > 0)


def _colour_shares(seed: int, index: int, colours: float, view: View) -> Field:
    """Return the share of brown, dark brown, tan, red, blue-grey, black (6, size, size)."""
    fields = smooth_noise(stream(seed, index, "colours"), view, 7, 6)
    # The amount enters before the power: a colour that fades in grows from its own centre.
    amount = np.concatenate([[1.0], np.clip(colours - 1.0 - np.arange(5), 0.0, 1.0)])
    weights = np.exp(2.8 * fields) * (amount**2).astype(np.float32)[:, None, None]
    shares: Field = weights / weights.sum(axis=0)
    return shares


def pigment(
    seed: int,
    index: int,
    attributes: Mapping[str, float],
    shape: Outline,
    view: View,
    structures: float = 1.0,
) -> Field:
    """Return the optical density of the lesion's pigment, float32 (3, size, size).

    Args:
        seed: Seed of the data set.
        index: Position of the picture.
        attributes: What to draw.
        shape: Where the lesion is.
        view: Where the lesion lies in the picture.
        structures: Visibility of network and globules; 1 under a dermatoscope.
    """
    mottling, lobes = smooth_noise(stream(seed, index, "mottling"), view, 9, 2)
    flat = 0.5 + 0.5 * stream(seed, index, "profile").random()
    profile = flat + (1.0 - flat) * smoothstep(shape.depth, -0.1, 0.8)
    lopsided = 1.0 + 0.45 * attributes["asymmetry"] * np.clip(shape.across, -1.2, 1.2)
    melanin = (0.45 + 1.25 * attributes["darkness"]) * profile * lopsided * (1.0 + 0.10 * mottling)
    share = _colour_shares(seed, index, attributes["colours"], view)
    brown = melanin * (share[0] + 1.9 * share[1] + 0.45 * share[2] + 0.35 * share[3])
    brown += melanin * (0.5 * share[4] + 0.9 * share[5])
    density = MELANIN[:, None, None] * brown
    density += HAEMOGLOBIN[:, None, None] * (1.1 * share[3])
    density += _DEEP_MELANIN[:, None, None] * (1.2 * share[4])
    density += _BLACK[:, None, None] * (1.5 * share[5])
    fine = _network(seed, index, attributes, lobes, view)
    density += MELANIN[:, None, None] * (np.float32(structures) * fine)
    fine = _globules(seed, index, attributes["globules"], shape, view)
    density += MELANIN[:, None, None] * (np.float32(structures) * fine)
    pigmented: Field = density * shape.inside
    return pigmented


def _lattice(generator: np.random.Generator, view: View, *, period: float, warp: float) -> Field:
    """Return a honeycomb of warped plane waves, -1.5 on its lines and 3 in its holes."""
    angle = np.pi * generator.random() + np.arange(3) * (2.0 * np.pi / 3.0)
    # Phases that sum to zero only move the lattice; others would turn its hexagons into triangles.
    first, second = 2.0 * np.pi * generator.random(2)
    shift = np.array([first, second, -first - second])
    bend = np.float32(warp) * smooth_noise(generator, view, 6, 2)
    x, y = view.x[None, :] + bend[0], view.y[:, None] + bend[1]
    wave = np.float32(2.0 * np.pi / period)
    total = np.zeros((view.size, view.size), dtype=np.float32)
    for turn, offset in zip(angle, shift, strict=True):
        across, down = wave * np.float32(np.cos(turn)), wave * np.float32(np.sin(turn))
        total += np.cos(across * x + down * y + np.float32(offset))
    return total


def _network(
    seed: int, index: int, attributes: Mapping[str, float], lobes: Field, view: View
) -> Field:
    """Return melanin of the pigment networks; their holes are as much lighter."""
    total = np.zeros((view.size, view.size), dtype=np.float32)
    if attributes["network"] > 0.0:
        mesh = _lattice(stream(seed, index, "network"), view, period=0.115, warp=0.012)
        total += 0.85 * attributes["network"] * (smoothstep(-mesh, -0.9, 0.9) - 0.55)
    if attributes["atypical_network"] > 0.0:
        generator = stream(seed, index, "atypical network")
        mesh = _lattice(generator, view, period=0.165, warp=0.055)
        lines = smoothstep(0.45 * lobes - mesh, -0.7, 0.9)
        patches = smoothstep(lobes, -0.9, 0.5)
        total += attributes["atypical_network"] * patches * (1.9 * lines - 0.55)
    return total


def _globules(seed: int, index: int, value: float, shape: Outline, view: View) -> Field:
    if value <= 0.0:
        return np.zeros((view.size, view.size), dtype=np.float32)
    generator, count = stream(seed, index, "globules"), 40
    # Spread over the square around the lesion; the lesion's own edge crops them.
    centres = generator.uniform(-0.62, 0.62, (count, 2)).astype(np.float32)
    radii = generator.uniform(0.018, 0.034, count).astype(np.float32)
    dots = bumps(centres, radii, 3.0 * fade_in(value, count), view)
    return np.float32(1.7) * np.minimum(dots, 1.0) * (shape.depth > 0)


def redness(seed: int, index: int, value: float, shape: Outline, view: View) -> Field:
    """Return haemoglobin of the erythema, in the lesion and in a rim around it."""
    flush = smooth_noise(stream(seed, index, "redness"), view, 5)[0]
    rim = smoothstep(shape.depth, -0.45, 0.1) * (1.0 - 0.5 * smoothstep(shape.depth, 0.2, 0.6))
    erythema: Field = np.float32(0.75 * value) * rim * np.clip(1.0 + 0.4 * flush, 0.2, None)
    return erythema


def veil_and_regression(
    seed: int,
    index: int,
    attributes: Mapping[str, float],
    shape: Outline,
    light: Field,
    view: View,
    *,
    clear_veil: bool = False,
) -> Field:
    """Lay the blue-white veil and scar-like regression over linear light (3, size, size).

    Args:
        seed: Seed of the data set.
        index: Position of the picture.
        attributes: What to draw.
        shape: Where the lesion is.
        light: Linear light of skin and pigment.
        view: Where the lesion lies in the picture.
        clear_veil: Whether the veil's patches are moved onto the lesion, which they may else miss.
    """
    veil, scar = attributes["blue_white_veil"], attributes["regression"]
    within = smoothstep(shape.depth, 0.02, 0.3)
    if scar > 0.0:
        generator = stream(seed, index, "regression")
        area, haze = smooth_noise(generator, view, 4)[0], smooth_noise(generator, view, 16)[0]
        opacity = (0.25 + 0.5 * scar) * smoothstep(area, 0.6 - 1.3 * scar, 1.8 - 1.3 * scar)
        opacity = opacity * (1.0 + 0.12 * np.clip(haze, -2.0, 2.0))
        opacity = opacity * within * min(4.0 * scar, 1.0)
        light = light + opacity * (_SCAR[:, None, None] - light)
        centres = generator.uniform(-0.55, 0.55, (60, 2)).astype(np.float32)
        pepper = bumps(centres, np.full(60, 0.013, np.float32), np.ones(60, np.float32), view)
        light = light * np.exp(-_DEEP_MELANIN[:, None, None] * (1.1 * pepper * opacity))
    if veil > 0.0:
        generator = stream(seed, index, "veil")
        area, haze = smooth_noise(generator, view, 3)[0], smooth_noise(generator, view, 13)[0]
        if clear_veil:
            area = area + np.float32(_CLEAR_VEIL - np.average(area, weights=within + 1e-6))
        opacity = (0.25 + 0.45 * veil) * smoothstep(area, 0.5 - 1.4 * veil, 1.9 - 1.4 * veil)
        opacity = opacity * (1.0 + 0.12 * np.clip(haze, -2.0, 2.0))
        opacity = opacity * within * min(4.0 * veil, 1.0)
        light = light + opacity * (_VEIL[:, None, None] - light)
    return light
