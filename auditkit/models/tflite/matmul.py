"""BATCH_MATMUL of real values."""

import numpy as np
import torch
from torch import Tensor, nn

from auditkit.models.tflite.layout import from_file_order, to_file_order
from auditkit.models.tflite.site import Site


class BatchMatmul(nn.Module):
    """Matrix products over the last two axes, each operand transposed if wanted."""

    stored: Tensor | None

    def __init__(self, stored: Tensor | None, turned: tuple[bool, bool]) -> None:
        super().__init__()
        self.register_buffer("stored", stored)
        self.turned = turned

    def forward(self, left: Tensor, right: Tensor | None = None) -> Tensor:
        """Multiply, in the file's order of axes."""
        pair = [to_file_order(left)]
        if self.stored is not None:
            pair.append(self.stored)
        elif right is not None:
            pair.append(to_file_order(right))
        first, second = (
            values.transpose(-1, -2) if turned else values
            for values, turned in zip(pair, self.turned, strict=True)
        )
        return from_file_order(torch.matmul(first, second))


def build_batch_matmul(site: Site) -> nn.Module:
    """BATCH_MATMUL whose left operand is computed."""
    site.arity(2)
    site.real_only()
    left, right = site.input(0), site.input(1)
    turned = bool(site.option("adjoint_x")), bool(site.option("adjoint_y"))
    ranks = len(left.shape), len(right.shape)
    if left.data is not None or left.dtype != right.dtype or not 2 <= ranks[1] <= ranks[0]:
        site.fail(f"multiplies {left.dtype} {left.shape} by {right.dtype} {right.shape}")
    if ranks[0] < 3 and turned[0]:
        site.fail("transposes the axis that counts images")
    if right.data is None and (ranks[1] < 3 or ranks[0] != ranks[1]):
        site.fail(f"multiplies the shapes {left.shape} and {right.shape}, mixing images")
    if right.data is not None and ranks[0] == ranks[1] > 2 and right.shape[0] != 1:
        site.fail(f"multiplies by {right.shape}, a matrix for each image")
    site.gives(_product_shape(site, left.shape, right.shape, turned))
    stored = None if right.data is None else torch.from_numpy(site.real(right).copy())
    return BatchMatmul(stored, turned)


def _product_shape(
    site: Site, left: tuple[int, ...], right: tuple[int, ...], turned: tuple[bool, bool]
) -> tuple[int, ...]:
    rows, inner = left[-2:][::-1] if turned[0] else left[-2:]
    other, columns = right[-2:][::-1] if turned[1] else right[-2:]
    if inner != other:
        site.fail(f"multiplies the shapes {left} and {right}")
    return (*np.broadcast_shapes(left[:-2], right[:-2]), rows, columns)
