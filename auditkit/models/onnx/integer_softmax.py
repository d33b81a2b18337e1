"""Softmax of codes, as onnxruntime computes it: exponentials in fixed point, one whole division."""

import numpy as np
import torch
from torch import Tensor

from auditkit.models.onnx.grids import eight_bits, grid
from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.rounding import through
from auditkit.models.onnx.site import Site

_LARGEST_EXPONENTIAL = 0x7FFFFF
_LARGEST_SUM = (1 << 32) - 1


class IntegerSoftmax(Operator):
    """QLinearSoftmax: codes in, codes out.

    The exponentials are whole numbers below 2**23 and the output's scale is taken as one part of a
    whole number: 1/255 as 1/254, since 1 / float32(1/255) is below 255 and is cut off. The runtime's
    probabilities are then up to one code below the exact ones.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(positions=(0,))
        source, target = grid(site, 1, 2), grid(site, 3, 4)
        if source.scale.size != 1 or target.scale.size != 1:
            site.fail("has one scale per channel, which the reader does not know")
        if not (eight_bits(source) and eight_bits(target)):
            site.fail("works on codes of more than 8 bits, which the reader does not know")
        self.axis = site.integer("axis", -1)
        self.flat = site.integer("opset", 13) < 13
        self.scale = float(source.scale.reshape(()))
        self.step = float(target.scale.reshape(()))
        self.parts = int(np.floor(np.float32(1) / target.scale.reshape(())))
        self.zero_point, self.limits = int(target.zero_point.reshape(())), target.limits
        self.rounds, self.masked = site.mode == "fake", site.masked

    def forward(self, codes: Tensor) -> Tensor:
        """Give the codes of probabilities."""
        turned = codes.flatten(self.axis) if self.flat else codes.movedim(self.axis, -1)
        result = self._last(turned.to(torch.float32))
        return result.reshape(codes.shape) if self.flat else result.movedim(-1, self.axis)

    def _last(self, codes: Tensor) -> Tensor:
        exact = torch.softmax(codes * self.scale, -1) / self.step + self.zero_point
        with torch.no_grad():
            rounded = self._codes(codes) if self.rounds else exact.detach()
            lowest, highest = self.limits
            mask = (rounded >= lowest) & (rounded <= highest) if self.masked else None
            rounded = rounded.clamp(lowest, highest)
        return through(exact, rounded, mask)

    def _codes(self, codes: Tensor) -> Tensor:
        largest = min(_LARGEST_EXPONENTIAL, _LARGEST_SUM / codes.shape[-1])
        below = (codes - codes.amax(-1, keepdim=True)).double() * self.scale
        exponentials = (below.exp() * largest).round()
        total = exponentials.sum(-1, keepdim=True)
        parts = (exponentials * self.parts + (total / 2).floor()) / total
        return (parts.floor() + self.zero_point).float()


def build_integer_softmax(site: Site) -> Operator:
    """QLinearSoftmax."""
    return IntegerSoftmax(site)
