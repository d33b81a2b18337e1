"""Synthetic dermoscopy: pictures of pigmented lesions whose every attribute is known.

The pictures are closed-form functions on a pixel grid: Fourier harmonics for the border, a softmax
of smooth noise for the colours, warped plane waves for the pigment network, arcs for hair. Each
component draws from a random stream of its own, so re-rendering a case with one attribute changed
gives the ground truth of a counterfactual: nothing else moves. The attributes follow the vocabulary
of DeGrave et al. (doi:10.1038/s41551-023-01160-9); how they look is our own.
"""

import numpy as np
import numpy.typing as npt

from auditkit.data.synthetic.cases import Case, malignancy_logit, sample_case, with_attribute
from auditkit.data.synthetic.lesion import (
    HAEMOGLOBIN,
    outline,
    pigment,
    redness,
    veil_and_regression,
)
from auditkit.data.synthetic.noise import View, stream
from auditkit.data.synthetic.scene import (
    bubbles,
    colour_cast,
    exposure,
    hair,
    linear_light,
    ruler,
    skin,
    srgb,
)
from auditkit.spec.attributes import ATTRIBUTES, Attribute

__all__ = [
    "ATTRIBUTES",
    "Attribute",
    "Case",
    "malignancy_logit",
    "render",
    "sample_case",
    "with_attribute",
]

_SENSOR_NOISE = 0.008


def render(case: Case, size: int = 128) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Draw a case.

    Args:
        case: What to draw.
        size: Pixels along an edge.

    Returns:
        The image, sRGB uint8 (size, size, 3), and the lesion's mask, bool (size, size).
    """
    seed, index, attributes = case.seed, case.index, case.attributes
    view = View(size)
    shape = outline(seed, index, attributes, view)
    density = skin(seed, index, attributes, size)
    density += pigment(seed, index, attributes, shape, view)
    blood = redness(seed, index, attributes["redness"], shape, view)
    density += HAEMOGLOBIN[:, None, None] * blood
    light = veil_and_regression(
        seed, index, attributes, shape, linear_light(density), view, clear_veil=case.clear
    )
    light = bubbles(seed, index, attributes["gel_bubble"], light)
    light = hair(seed, index, attributes["hair"], light)
    light = ruler(seed, index, attributes["ruler"], light)
    light = colour_cast(attributes["tint"], exposure(attributes, light))
    grain = stream(seed, index, "sensor").standard_normal((3, size, size), dtype=np.float32)
    encoded = np.clip(srgb(light) + np.float32(_SENSOR_NOISE) * grain, 0.0, 1.0)
    image = np.moveaxis(np.rint(encoded * 255.0).astype(np.uint8), 0, -1)
    return np.ascontiguousarray(image), shape.mask
