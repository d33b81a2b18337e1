"""Synthetic clinical photographs: the cases of synthetic dermoscopy without the dermatoscope.

The same lesion, seen from further away in the room's light: it has .40 to .50 of its radius there, its
fine structures hardly show, the body part curves, the light is uneven and the skin shines. The
attributes mean the same, except for what only a dermatoscope has: `dark_corner` is where the body
part ends, `gel_bubble` wet glare, `ruler` a paper ruler stuck to the skin. Every component draws from a
random stream of its own, so that re-rendering with one attribute changed changes nothing else.
"""

import numpy as np
import numpy.typing as npt

from auditkit.data.synthetic.cases import Case
from auditkit.data.synthetic.clinical_scene import (
    behind,
    glare,
    shading,
    sheen,
    sticker,
    texture,
)
from auditkit.data.synthetic.lesion import (
    HAEMOGLOBIN,
    Outline,
    outline,
    pigment,
    redness,
    veil_and_regression,
)
from auditkit.data.synthetic.noise import Field, View, stream
from auditkit.data.synthetic.scene import (
    colour_cast,
    hair,
    lamp,
    linear_light,
    skin,
    srgb,
    stops,
)

_SENSOR_NOISE = 0.010
_STRUCTURES = 0.3
_FINENESS = 1.6
_HAIR_SCALE = 0.5


def render_clinical(
    case: Case, size: int = 128
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Draw a case as a clinical photograph.

    Args:
        case: What to draw.
        size: Pixels along an edge.

    Returns:
        The image, sRGB uint8 (size, size, 3), and the lesion's mask, bool (size, size).
    """
    seed, index, attributes = case.seed, case.index, case.attributes
    view = _placed(case, size)
    shape = outline(seed, index, attributes, view)
    light = _reflected(case, shape, view) * texture(seed, index, size)
    light = hair(seed, index, attributes["hair"], light, _HAIR_SCALE)
    light = sticker(seed, index, attributes["ruler"], light)
    light = light * shading(seed, index, size) + sheen(seed, index, size)
    light = glare(seed, index, attributes["gel_bubble"], light)
    light = behind(seed, index, attributes["dark_corner"], light)
    light = colour_cast(attributes["tint"], light * stops(attributes) * lamp(attributes))
    grain = stream(seed, index, "sensor").standard_normal((3, size, size), dtype=np.float32)
    encoded = np.clip(srgb(light) + np.float32(_SENSOR_NOISE) * grain, 0.0, 1.0)
    image = np.moveaxis(np.rint(encoded * 255.0).astype(np.uint8), 0, -1)
    return np.ascontiguousarray(image), shape.mask


def _placed(case: Case, size: int) -> View:
    """Return where the photographer put the lesion: near the centre, at a distance that varies."""
    generator = stream(case.seed, case.index, "placement")
    right, down = generator.uniform(-0.16, 0.16, 2)
    return View(size, generator.uniform(0.40, 0.50), right, down)


def _reflected(case: Case, shape: Outline, view: View) -> Field:
    """Return the linear light that skin and lesion send back, (3, size, size)."""
    seed, index, attributes = case.seed, case.index, case.attributes
    density = skin(seed, index, attributes, view.size, _FINENESS)
    density += pigment(seed, index, attributes, shape, view, _STRUCTURES)
    blood = redness(seed, index, attributes["redness"], shape, view)
    density += HAEMOGLOBIN[:, None, None] * blood
    return veil_and_regression(seed, index, attributes, shape, linear_light(density), view)
