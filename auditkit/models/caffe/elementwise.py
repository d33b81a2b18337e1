"""Layers that work on each number: activations, Power, Eltwise, Dropout; and Softmax."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auditkit.models.caffe.definition import Shape
from auditkit.models.caffe.site import Built, Site


def relu(site: Site) -> Built:
    """Build a ReLU, leaky if it has a negative slope."""
    slope = site.options("relu_param").get("negative_slope", 0.0)
    module = nn.LeakyReLU(slope) if slope else nn.ReLU()
    return Built(module, (site.only_shape(),))


class PReLU(nn.Module):
    """max(0, x) + slope * min(0, x), a slope per channel or one for all."""

    slope: Tensor

    def __init__(self, slope: Tensor) -> None:
        super().__init__()
        self.register_buffer("slope", slope)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (N, C, ...)."""
        return F.prelu(x, self.slope)


def prelu(site: Site) -> Built:
    """Build a PReLU."""
    shape = site.only_shape()
    if len(shape) == 1:
        site.fail(f"takes a blob of shape {shape}, expected (N, channels, ...)")
    shared = site.options("prelu_param").get("channel_shared", False)
    (slope,) = site.tensors(() if shared else (shape[1],))
    return Built(PReLU(slope.reshape(-1)), (shape,))


def sigmoid(site: Site) -> Built:
    """Build a Sigmoid."""
    return Built(nn.Sigmoid(), (site.only_shape(),))


def tanh(site: Site) -> Built:
    """Build a TanH."""
    return Built(nn.Tanh(), (site.only_shape(),))


def elu(site: Site) -> Built:
    """Build an ELU."""
    return Built(nn.ELU(site.options("elu_param").get("alpha", 1.0)), (site.only_shape(),))


def dropout(site: Site) -> Built:
    """Build a Dropout, which does nothing in the test phase."""
    options = site.options("dropout_param")
    ratio = options.get("dropout_ratio", 0.5)
    if options.get("scale_train", True):
        return Built(nn.Identity(), (site.only_shape(),))
    return Built(Power(1.0, 1.0 - ratio, 0.0), (site.only_shape(),))


class Power(nn.Module):
    """(shift + scale * x) ^ power."""

    def __init__(self, power: float, scale: float, shift: float) -> None:
        super().__init__()
        self.power, self.scale, self.shift = power, scale, shift

    def forward(self, x: Tensor) -> Tensor:
        """Apply to each number."""
        base = self.shift + self.scale * x
        return base if self.power == 1 else base**self.power


def power(site: Site) -> Built:
    """Build a Power layer."""
    options = site.options("power_param")
    numbers = [options.get("power", 1.0), options.get("scale", 1.0), options.get("shift", 0.0)]
    return Built(Power(*numbers), (site.only_shape(),))


class Absolute(nn.Module):
    """|x|."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply to each number."""
        return x.abs()


def absolute(site: Site) -> Built:
    """Build an AbsVal."""
    return Built(Absolute(), (site.only_shape(),))


class Eltwise(nn.Module):
    """Sum with coefficients, product or maximum of blobs of one shape."""

    def __init__(self, operation: str, coefficients: list[float]) -> None:
        super().__init__()
        self.operation, self.coefficients = operation, coefficients

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """Combine the blobs, from the first on."""
        blobs = (first, *others)
        if self.coefficients:
            weighted = zip(self.coefficients, blobs, strict=True)
            blobs = tuple(blob if weight == 1 else weight * blob for weight, blob in weighted)
        total = blobs[0]
        for blob in blobs[1:]:
            if self.operation == "SUM":
                total = total + blob
            elif self.operation == "PROD":
                total = total * blob
            else:
                total = torch.maximum(total, blob)
        return total


def eltwise(site: Site) -> Built:
    """Build an Eltwise."""
    options = site.options("eltwise_param")
    operation, coefficients = options.get("operation", "SUM"), options.numbers("coeff")
    if len(set(site.shapes)) != 1 or len(site.layer.tops) != 1:
        site.fail(f"combines blobs of shapes {site.shapes[:8]}, expected one shape and one top")
    if coefficients and (operation != "SUM" or len(coefficients) != len(site.shapes)):
        site.fail(
            f"has {len(coefficients)} coefficients for {operation} of {len(site.shapes)} blobs"
        )
    return Built(Eltwise(operation, coefficients), (site.shapes[0],))


def softmax(site: Site) -> Built:
    """Build a Softmax along an axis, the channels unless the definition says another."""
    shape: Shape = site.only_shape()
    axis = site.axis(site.options("softmax_param").get("axis", 1), len(shape))
    return Built(nn.Softmax(axis), (shape,))
