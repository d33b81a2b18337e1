"""What is measured in the pictures that a model is shown, variant by variant: no model is asked.

A variant is the picture as it is, shifted in colour, redrawn with one attribute at a value, corrupted, or
covered in part.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.data.dataset import Mask, Picture
from auditkit.evidence.engine import Compute, Stage, threads_restored
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.measuring import measure
from auditkit.evidence.measuring.traces import TRACES, traces_of
from auditkit.evidence.portable import Portable
from auditkit.evidence.stages import MakeModel
from auditkit.evidence.store import Arrays
from auditkit.spec.corruptions import parse_corruption
from auditkit.spec.measured import QUANTITIES

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence

NAMES: tuple[str, ...] = (*QUANTITIES, *TRACES)
# As of the check counterfactual-attributes.
DILATE = 0.06

Variant = dict[str, Any]
"""``{}``, ``{"radius", "angle"}``, ``{"attribute", "value"}``, ``{"corruption"}`` or ``{"covered": [top,
bottom, left, right]}`` in pixels, which gets the picture's mean colour."""


def measured_values(evidence: "Evidence", variants: Sequence[Variant]) -> Floats:
    """Every quantity of `auditkit.spec.measured`, and every trace, in every variant of every picture.

    Args:
        evidence: of any model whose input the pictures are brought to.
        variants: as `Variant`.

    Returns:
        (n, variants, quantities) in the order of `NAMES`; NaN where a quantity cannot be measured.
    """
    parameters = {"variants": list(variants), "input": evidence.card.input.model_dump(mode="json")}
    identity = {"stage": "measured attributes", "parameters": parameters}
    what = "as they are" if list(variants) == [{}] else f"{len(variants)} variants"
    name = f"measured attributes of {evidence.data.card.data}, {what}"
    stage = Stage(name, identity, evidence.identities, evidence.settings.shard)
    with threads_restored():
        worker = Portable(evidence, values_worker, parameters)
        found: Floats = evidence._engine.gather(stage, worker)["value"]  # noqa: SLF001 a part of Evidence
    return found


def values_worker(
    evidence: "Evidence", _make: MakeModel, _settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Measures each variant alone, around the annotation of the picture as it is."""

    def compute(indices: Sequence[int]) -> Arrays:
        variants: Sequence[Variant] = parameters["variants"]
        rows = [
            [values_of(_varied(evidence, index, one), evidence.mask(index)) for one in variants]
            for index in indices
        ]
        return {"value": np.array(rows)}

    return compute


def values_of(picture: Picture, mask: Mask | None) -> Floats:
    """(quantities,) in the order of `NAMES`."""
    found = measure([picture], mask, DILATE)[0]
    return np.array(
        [*(_number(found[name]) for name in QUANTITIES), *traces_of(picture, mask, DILATE)]
    )


def _number(value: object) -> float:
    return value if isinstance(value, float) else np.nan


def _varied(evidence: "Evidence", index: int, variant: Variant) -> Picture:
    if "attribute" in variant:
        return evidence.intervened_picture(index, variant["attribute"], variant["value"])
    if "corruption" in variant:
        return evidence.corrupted_picture(index, parse_corruption(variant["corruption"]))
    picture = evidence.picture(index)
    if "covered" in variant:
        return covered(picture, *variant["covered"])
    return shifted(picture, variant["radius"], variant["angle"]) if variant else picture


def covered(picture: Picture, top: int, bottom: int, left: int, right: int) -> Picture:
    """The picture with a window of its mean colour, in 8 bits."""
    found = picture.copy()
    found[top:bottom, left:right] = np.rint(picture.mean(axis=(0, 1)))
    return found


def shifted(picture: Picture, radius: float, angle: float) -> Picture:
    """The picture as `colour-shift` moves it, in 8 bits."""
    from auditkit.colour import shift_luv_polar

    scaled = np.moveaxis(picture, -1, 0)[None] / np.float32(255)
    moved = np.moveaxis(np.asarray(shift_luv_polar(scaled, angle, radius))[0], 0, -1)
    return np.asarray(np.rint(moved * 255), dtype=np.uint8)
