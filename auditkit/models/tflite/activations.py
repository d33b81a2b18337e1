"""RELU and its relatives as operators of their own, and PRELU."""

import numpy as np
import torch
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import OutputStage
from auditkit.models.tflite.fixed_values import fixed_point
from auditkit.models.tflite.layout import operand
from auditkit.models.tflite.site import Site


class Activation(nn.Module):
    """RELU, RELU6 and RELU_N1_TO_1 as operators of their own."""

    def __init__(self, stage: OutputStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Limit."""
        # The stage overwrites what it is given, and others may read the input.
        result: Tensor = self.stage(values.clone())
        return result


class SlopedActivation(nn.Module):
    """PRELU: a stored slope for negative values, per channel or per element.

    He et al., Delving Deep into Rectifiers, arXiv:1502.01852, equation 1.
    """

    slope: Tensor

    def __init__(self, slope: Tensor, positive: OutputStage, negative: OutputStage) -> None:
        super().__init__()
        self.register_buffer("slope", slope)
        self.positive = positive
        self.negative = negative

    def forward(self, values: Tensor) -> Tensor:
        """Scale what is negative."""
        # A stage overwrites what it is given.
        left, right = self.positive(values.clone()), self.negative(values * self.slope)
        return torch.where(values >= 0, left, right)


def build_activation(site: Site) -> nn.Module:
    """RELU, RELU6, RELU_N1_TO_1."""
    site.keeps_shape()
    if not site.quantised:
        return Activation(site.real_stage(site.record.name))
    source, target = site.grid(site.input(0)).scale, site.grid(site.output).scale
    ratio = np.array(source / target, np.float64)
    return fixed_point(site, lambda here: Activation(here.stage(ratio, here.record.name)))


def build_prelu(site: Site) -> nn.Module:
    """PRELU with stored slopes."""
    site.arity(2)
    source, slope = site.input(0), site.input(1)
    site.gives(source.shape)
    rank = len(source.shape)
    if np.broadcast_shapes(source.shape, slope.shape) != source.shape:
        site.fail(f"has slopes of shape {slope.shape} for the shape {source.shape}")
    if len(slope.shape) == rank and slope.shape[0] != 1:
        site.fail(f"has slopes of shape {slope.shape}, one for each image")
    stored = operand(site.centred(slope), rank)
    if not site.quantised:
        return SlopedActivation(stored, site.real_stage("NONE"), site.real_stage("NONE"))
    if slope.dtype != source.dtype:
        site.fail(f"has slopes of the type {slope.dtype} for {source.dtype}")
    left, right, target = (site.grid(t).scale for t in (source, slope, site.output))
    positive, negative = left / target, left * right / target
    ratios = [np.array(ratio, np.float64) for ratio in (positive, negative)]
    return fixed_point(site, lambda here: SlopedActivation(stored, *map(here.stage, ratios)))
