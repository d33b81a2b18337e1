"""TRANSPOSE_CONV."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage
from auditkit.models.tflite.site import Site
from auditkit.models.tflite.weights import parameters
from auditkit.models.tflite.window import same_padding

_SAME, _VALID = 0, 1


class TransposedConvolution(nn.Module):
    """TRANSPOSE_CONV: each input cell spreads the kernel over the output, which is then cropped."""

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, int],
        crop: tuple[tuple[int, int], tuple[int, int]],
        stage: OutputStage,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.stride = stride
        # F.pad counts from the last axis; where the output is larger than what is spread, it pads.
        (top, bottom), (left, right) = crop
        self.padding = (-left, -right, -top, -bottom)
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Spread (N, C, H, W)."""
        spread = F.conv_transpose2d(values.to(self.weight.dtype), self.weight, None, self.stride)
        total = F.pad(spread, self.padding)
        if self.bias is not None:
            total = total + self.bias[:, None, None]
        result: Tensor = self.stage(total)
        return result


def build_transposed_convolution(site: Site) -> nn.Module:
    """TRANSPOSE_CONV with stored weights (outputs, height, width, inputs)."""
    site = replace(site, main=2)
    site.arity(3, 4)
    source, output, weight = site.source.shape, site.output.shape, site.input(1).shape
    if len(source) != 4 or len(output) != 4 or len(weight) != 4 or weight[3] != source[3]:
        site.fail(f"has weights of shape {weight} for the shapes {source} and {output}")
    if site.optional(0) is not None:
        site.gives(site.integers(0))
    stride, kind = (site.positive("stride_h"), site.positive("stride_w")), site.option("padding")
    if kind not in (_SAME, _VALID):
        site.fail(f"has the padding {kind}")
    crop = [
        _crop(site, source[1 + axis], output[1 + axis], weight[1 + axis], stride[axis], kind)
        for axis in (0, 1)
    ]
    site.gives((source[0], *output[1:3], weight[0]))
    found = parameters(site, 0, spatial=True, bias_at=3)
    if site.input(1).quantised and not site.quantised:
        site.fail("has integer weights beside real activations, which the reader does not know")
    stored = torch.from_numpy(np.ascontiguousarray(found.weight.transpose(3, 0, 1, 2)))
    stored = stored.to(found.dtype)
    return TransposedConvolution(stored, found.bias, stride, (crop[0], crop[1]), found.stage)


def _crop(
    site: Site, size: int, outputs: int, window: int, stride: int, kind: int
) -> tuple[int, int]:
    """What to cut off before and after; negative where the output reaches further."""
    expected = -(-outputs // stride) if kind == _SAME else -(-(outputs - window + 1) // stride)
    if expected != size:
        site.fail(f"spreads {size} cells over {outputs}, expected {expected} cells")
    before = same_padding(outputs, window, stride, 1)[0] if kind == _SAME else 0
    return before, (size - 1) * stride + window - before - outputs
