"""How operators on codes begin and end: one scale in, one rounding out."""

import numpy as np

from auditkit.models.onnx.grids import Grid, grid
from auditkit.models.onnx.rounding import Quantiser
from auditkit.models.onnx.site import Site
from auditkit.models.onnx.tensors import Array


def stage_of(site: Site, multiplier: Array, target: Grid) -> Quantiser:
    """Give what turns sums into codes: times `multiplier`, rounded, limited."""
    limits = site.list("auditkit_limits") or target.limits
    if limits[0] > limits[1] or target.scale.size != 1 or not np.isfinite(multiplier).all():
        site.fail("has scales that leave no code for its output")
    return Quantiser(
        (limits[0], limits[1]),
        target.zero_point.reshape(()),
        multiplier,
        rounds=site.mode == "fake",
        masked=site.masked,
    )


def single(site: Site, scale_at: int, what: str) -> Grid:
    """Give the grid of a tensor that has one scale."""
    found = grid(site, scale_at, scale_at + 1)
    if found.scale.size != 1:
        site.fail(f"has one scale per channel for its {what}, which the reader does not know")
    return found
