"""RESHAPE, TRANSPOSE, SPACE_TO_DEPTH, DEPTH_TO_SPACE: operators that only move values."""

import numpy as np
from torch import Tensor, nn

from auditkit.models.tflite.layout import from_file_order, to_file_order
from auditkit.models.tflite.site import Site


class Reshape(nn.Module):
    """RESHAPE, SQUEEZE and EXPAND_DIMS: every image to one shape of the file's order."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, values: Tensor) -> Tensor:
        """Reshape (N, ...)."""
        return from_file_order(to_file_order(values).reshape(len(values), *self.shape))


class Transpose(nn.Module):
    """TRANSPOSE of the axes after the first."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, values: Tensor) -> Tensor:
        """Permute."""
        return from_file_order(to_file_order(values).permute(self.axes))


class DepthSpace(nn.Module):
    """SPACE_TO_DEPTH and DEPTH_TO_SPACE: blocks of cells become channels, or the other way round.

    TFLite keeps the channels innermost, other than torch's pixel shuffle.
    """

    def __init__(self, block: int, *, to_depth: bool) -> None:
        super().__init__()
        self.block = block
        self.to_depth = to_depth

    def forward(self, values: Tensor) -> Tensor:
        """Move (N, C, H, W)."""
        block, last = self.block, to_file_order(values)
        count, height, width, channels = last.shape
        if self.to_depth:
            cut = last.reshape(count, height // block, block, width // block, block, channels)
            moved = cut.permute(0, 1, 3, 2, 4, 5).reshape(
                count, height // block, width // block, -1
            )
        else:
            cut = last.reshape(count, height, width, block, block, -1)
            moved = cut.permute(0, 1, 3, 2, 4, 5).reshape(count, height * block, width * block, -1)
        return from_file_order(moved)


def build_reshape(site: Site) -> nn.Module:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the shape recorded for the output counts, not the input's."""
    source, output = site.input(0), site.output
    if len(site.record.outputs) != 1 or not source.shape or not output.shape:
        site.fail(f"turns the shape {source.shape} into {output.shape}")
    if source.shape[0] != output.shape[0] or np.prod(source.shape) != np.prod(output.shape):
        site.fail(
            f"turns the shape {source.shape} into {output.shape}; the first axis, which counts "
            "images, must stay",
        )
    site.passes()
    return Reshape(output.shape[1:])


def build_transpose(site: Site) -> nn.Module:
    """TRANSPOSE that keeps the first axis."""
    site.arity(2)
    axes = tuple(site.integers(1))
    if sorted(axes) != list(range(len(site.input(0).shape))) or axes[0] != 0:
        site.fail(f"permutes the axes as {axes}; the first, which counts images, must stay")
    site.gives([site.input(0).shape[axis] for axis in axes])
    site.passes()
    return Transpose(axes)


def build_depth_space(site: Site) -> nn.Module:
    """SPACE_TO_DEPTH and DEPTH_TO_SPACE."""
    site.arity(1)
    shape, block = site.input(0).shape, site.positive("block")
    if len(shape) != 4:
        site.fail(f"has an input of shape {shape}, expected four axes")
    count, height, width, channels = shape
    to_depth = site.record.name == "SPACE_TO_DEPTH"
    if to_depth:
        fits = height % block == 0 and width % block == 0
        site.gives((count, height // block, width // block, channels * block * block))
    else:
        fits = channels % (block * block) == 0
        site.gives((count, height * block, width * block, channels // (block * block)))
    if not fits:
        site.fail(f"has blocks of {block}, which do not fit the shape {shape}")
    site.passes()
    return DepthSpace(block, to_depth=to_depth)
