"""Averages of codes, as onnxruntime computes them."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from auditkit.models.onnx.integer_end import single, stage_of
from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.pooling import Averaging
from auditkit.models.onnx.site import Site


class IntegerMean(Operator):
    """QLinearGlobalAveragePool and QLinearAveragePool.

    An average over the whole picture is a whole sum times one factor. Over smaller windows the
    runtime averages real numbers and adds the zero point before it rounds. With equal scales on
    both sides, as the quantiser writes them, ties are common; each way rounds them by its own rule.
    """

    def __init__(self, site: Site, how: Averaging | None) -> None:
        super().__init__(positions=(0,))
        source, target = single(site, 1, "input"), single(site, 3, "output")
        self.how = how
        self.last = bool(site.integer("channels_last", 0))
        if self.last and how is not None:
            site.fail("has its channels last, which the reader does not know; export without")
        self.zero_points = (
            float(source.zero_point.reshape(())),
            float(target.zero_point.reshape(())),
        )
        self.scales = float(source.scale.reshape(())), float(target.scale.reshape(()))
        one = np.asarray(np.float32(1))
        self.whole = stage_of(site, one, target)
        # Fused int8 codes are shifted to uint8 by the runtime on x86; a sum rounded together with
        # another zero point breaks ties otherwise.
        shifted = target.dtype == "int8" and "auditkit_limits" in site.node.attributes
        self.shift = 128.0 if shifted else 0.0
        self.parts = stage_of(site, one, replace(target, zero_point=np.array(-self.shift)))

    def forward(self, codes: Tensor) -> Tensor:
        """Average codes."""
        centred = codes.to(torch.float32) - self.zero_points[0]
        if self.how is not None and not self.how.covers(centred):
            total, count = self.how.sums(centred * self.scales[0])
            zero = self.zero_points[1] + self.shift
            parts: Tensor = self.parts(total / count / self.scales[1] + zero)
            return parts
        axes = tuple(range(1, codes.ndim - 1) if self.last else range(2, codes.ndim))
        total = centred.sum(axes, keepdim=True)
        pixels = np.float32(centred[0].numel() // total[0].numel())
        factor = np.float32(self.scales[0]) / (np.float32(self.scales[1]) * pixels)
        whole: Tensor = self.whole(total * float(factor))
        return whole


def build_integer_mean(site: Site) -> Operator:
    """QLinearGlobalAveragePool."""
    return IntegerMean(site, None)


def build_integer_average(site: Site) -> Operator:
    """QLinearAveragePool."""
    return IntegerMean(site, Averaging.of(site))
