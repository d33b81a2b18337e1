"""Test-time views of square inputs, and their undoing on heatmaps."""

import torch

from auditkit.spec.views import VIEWS, View


def see(inputs: torch.Tensor, view: View) -> torch.Tensor:
    """A view of inputs or maps (..., side, side)."""
    swap, rows, columns = VIEWS[view]
    if swap:
        inputs = inputs.transpose(-1, -2)
    mirrored = [axis for axis, flip in ((-2, rows), (-1, columns)) if flip]
    return inputs.flip(mirrored) if mirrored else inputs


def undo(maps: torch.Tensor, view: View) -> torch.Tensor:
    """Maps of a view in the picture's own orientation: ``undo(see(x, view), view) == x``."""
    swap, rows, columns = VIEWS[view]
    mirrored = [axis for axis, flip in ((-2, rows), (-1, columns)) if flip]
    if mirrored:
        maps = maps.flip(mirrored)
    return maps.transpose(-1, -2) if swap else maps
