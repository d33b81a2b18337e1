"""Weights, bias and output stage of the layers that multiply by stored weights."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from auditkit.models.tflite.arithmetic import DoubleStage, OutputStage
from auditkit.models.tflite.hybrid import hybrid_kind
from auditkit.models.tflite.schema import TensorRecord
from auditkit.models.tflite.site import Site

# float32 holds every integer up to here; a sum that stays below is exact in any order.
_EXACT = 1 << 24
_LARGEST_HYBRID = 255


@dataclass(frozen=True)
class Parameters:
    """What a layer holds.

    Attributes:
        weight: in the file's order of axes; centred codes, or real values.
        bias: of the sums, in `dtype`; None if there is none or it is added in real values.
        dtype: that sums are exact in.
        stage: from the sums to the output.
        scale: of the codes of the weights, broadcastable to the output; for hybrid layers.
        real_bias: added after that scale, broadcastable to the output; for hybrid layers.
    """

    weight: npt.NDArray[np.float32]
    bias: Tensor | None
    dtype: torch.dtype
    stage: OutputStage
    scale: Tensor
    real_bias: Tensor | None


def parameters(site: Site, channel_axis: int, *, spatial: bool, bias_at: int = 2) -> Parameters:
    """Read weights and bias.

    Args:
        site: the layer, whose weights are its input 1.
        channel_axis: of the weights in the file, which counts outputs.
        spatial: whether the sums are (N, C, H, W), or have the channels last.
        bias_at: position of the bias among the inputs.
    """
    weight, record = site.input(1), site.optional(bias_at)
    outputs = weight.shape[channel_axis]
    bias = None if record is None else site.constant(record)
    if outputs != site.output.shape[-1]:
        site.fail(f"has {outputs} outputs, the file says {site.output.shape[-1]}")
    if bias is not None and bias.shape != (outputs,):
        site.fail(f"has a bias of shape {bias.shape} for {outputs} outputs")
    _check_scales(site, weight, channel_axis)
    shape = (-1, 1, 1) if spatial else (-1,)
    if not site.quantised:
        return _real(site, record, channel_axis, shape)
    if record is not None and record.dtype != "INT32":
        site.fail(f"has a bias of the type {record.dtype}, expected INT32")
    values = site.centred(weight)
    dtype = _summing_type(site, values, bias, channel_axis, _largest_code(site))
    stage = _rescaling(site, shape, spatial=spatial)
    summed = None if bias is None else torch.from_numpy(bias.astype(np.float64)).to(dtype)
    return Parameters(values, summed, dtype, stage, torch.ones(()), None)


def _real(
    site: Site, record: TensorRecord | None, channel_axis: int, shape: tuple[int, ...]
) -> Parameters:
    bias = None if record is None else torch.from_numpy(site.real(record).copy())
    stage = site.real_stage(site.activation)
    if hybrid_kind(site) is None:
        one = torch.ones(())
        return Parameters(site.real(site.input(1)), bias, torch.float32, stage, one, None)
    values, quantisation = site.centred(site.input(1)), site.input(1).quantisation
    assert quantisation is not None
    dtype = _summing_type(site, values, None, channel_axis, _LARGEST_HYBRID)
    scale = torch.from_numpy(quantisation.scale.copy())
    scale = scale.reshape(()) if scale.numel() == 1 else scale.reshape(shape)
    return Parameters(
        values, None, dtype, stage, scale, None if bias is None else bias.reshape(shape)
    )


def _largest_code(site: Site) -> int:
    return int(np.abs(site.grid(site.source).limits).max())


def _summing_type(
    site: Site,
    weight: npt.NDArray[np.float32],
    bias: npt.NDArray[np.int32] | None,
    channel_axis: int,
    largest: int,
) -> torch.dtype:
    """Double precision in `ref` where a sum could pass what float32 holds exactly."""
    if site.mode != "ref":
        return torch.float32
    axes = tuple(axis for axis in range(weight.ndim) if axis != channel_axis)
    sums = np.abs(weight).sum(axes, dtype=np.float64) * largest
    if bias is not None:
        sums = sums + np.abs(bias.astype(np.float64))
    return torch.float32 if sums.max() < _EXACT else torch.float64


def _check_scales(site: Site, weight: TensorRecord, channel_axis: int) -> None:
    quantisation = weight.quantisation
    if quantisation is None or not weight.quantised:
        return
    if quantisation.scale.size > 1 and quantisation.axis != channel_axis:
        site.fail(f"has one scale per element of axis {quantisation.axis}, expected {channel_axis}")
    if not (quantisation.scale > 0).all():
        site.fail("has weights with the scale 0")
    zeros, single = quantisation.zero_point, quantisation.scale.size == 1
    if weight.dtype == "UINT8" or (single and site.record.name == "FULLY_CONNECTED"):
        lowest = 0 if weight.dtype == "UINT8" else -128
        if not (lowest <= zeros).all() or not (zeros < lowest + 256).all():
            site.fail(f"has weights with the zero points {zeros[:4]}, which they cannot hold")
    elif zeros.any():
        # The kernels leave these out, whatever the file says.
        site.fail("has weights with zero points other than 0, which int8 weights cannot have")


def _rescaling(site: Site, shape: tuple[int, ...], *, spatial: bool) -> OutputStage:
    source, target = site.grid(site.source), site.grid(site.output)
    quantisation = site.input(1).quantisation
    if quantisation is None:
        site.fail("has weights without a scale")
    scale = quantisation.scale
    shape = () if scale.size == 1 else shape
    site.check_ratio(source.scale * scale / target.scale)
    multiplier = (source.scale * scale / target.scale).astype(np.float64)
    exact = np.float64(source.scale) * scale.astype(np.float64) / np.float64(target.scale)
    if site.mode == "ref" and not spatial:
        return DoubleStage(target.activation_limits(site.activation), exact.reshape(shape))
    if scale.size == 1 and source.dtype == "UINT8":
        # The older kernels multiply the two scales in single precision first.
        exact = (source.scale * scale).astype(np.float64) / np.float64(target.scale)
    return site.stage(
        multiplier.reshape(shape),
        site.activation,
        reference=exact.reshape(shape),
    )
