"""Normalisations: batch, instance, layer, group, root mean square, local response."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from auditkit.models.onnx.operation import Operator
from auditkit.models.onnx.site import Site


def build_batch(site: Site) -> Operator:
    """BatchNormalization with stored statistics."""
    site.one_output()
    site.only("training_mode", 0)
    site.only("spatial", 1)
    return Operator(partial(_batch, epsilon=site.real("epsilon", 1e-5)))


def _batch(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    *,
    epsilon: float,
) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, bias, training=False, eps=epsilon)


def build_instance(site: Site) -> Operator:
    """InstanceNormalization: each channel of each image by itself."""
    return Operator(partial(_instance, epsilon=site.real("epsilon", 1e-5)))


def _instance(x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float) -> Tensor:
    # As many groups as channels: instance_norm refuses images of one pixel.
    return F.group_norm(x, x.shape[1], scale, bias, epsilon)


def build_group(site: Site) -> Operator:
    """GroupNormalization, whose scale is per channel since opset 21."""
    groups, epsilon = site.integer("num_groups", 1), site.real("epsilon", 1e-5)
    return Operator(partial(_group, groups=groups, epsilon=epsilon))


def _group(x: Tensor, scale: Tensor, bias: Tensor, *, groups: int, epsilon: float) -> Tensor:
    if scale.numel() == groups:
        scale, bias = (part.repeat_interleave(x.shape[1] // groups) for part in (scale, bias))
    return F.group_norm(x, groups, scale, bias, epsilon)


def build_layer(site: Site) -> Operator:
    """LayerNormalization from an axis to the last."""
    site.one_output()
    axis, epsilon = site.integer("axis", -1), site.real("epsilon", 1e-5)
    return Operator(partial(_layer, axis=axis, epsilon=epsilon))


def _layer(
    x: Tensor,
    scale: Tensor,
    bias: Tensor | None = None,
    *,
    axis: int,
    epsilon: float,
) -> Tensor:
    normal = F.layer_norm(x, x.shape[axis:], eps=epsilon) * scale
    return normal if bias is None else normal + bias


def build_root(site: Site) -> Operator:
    """RMSNormalization from an axis to the last."""
    axis, epsilon = site.integer("axis", -1), site.real("epsilon", 1e-5)
    return Operator(partial(_root, axis=axis, epsilon=epsilon))


def _root(x: Tensor, scale: Tensor, *, axis: int, epsilon: float) -> Tensor:
    axes = tuple(range(axis % x.ndim, x.ndim))
    return x * torch.rsqrt(x.square().mean(axes, keepdim=True) + epsilon) * scale


def build_local(site: Site) -> Operator:
    """LRN across channels."""
    size = site.integer("size", 0)
    if not 0 < size < 1 << 10:
        site.fail(f"has size = {size}, which should be a small positive number")
    alpha, beta = site.real("alpha", 1e-4), site.real("beta", 0.75)
    return Operator(partial(_local, size=size, alpha=alpha, beta=beta, k=site.real("bias", 1.0)))


def _local(x: Tensor, *, size: int, alpha: float, beta: float, k: float) -> Tensor:
    before, after = (size - 1) // 2, size // 2
    squares = x.square().transpose(1, -1)
    windows = F.pad(squares, (before, after)).unfold(-1, size, 1).sum(-1).transpose(1, -1)
    return x / (k + alpha / size * windows) ** beta
