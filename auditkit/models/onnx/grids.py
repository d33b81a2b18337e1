"""Scales, zero points and the integer types of codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from auditkit.models.onnx.site import Site
from auditkit.models.onnx.tensors import Array

LIMITS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)},
)


@dataclass(frozen=True)
class Grid:
    """Codes of a tensor: real = scale * (code - zero_point), once or per slice of an axis."""

    scale: Array
    zero_point: Array
    dtype: str

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest code."""
        return LIMITS[self.dtype]

    def along(self, rank: int, axis: int) -> "Grid":
        """Scale and zero point shaped so that they can be broadcast to a tensor."""
        if self.scale.size == 1:
            return Grid(self.scale.reshape(()), self.zero_point.reshape(()), self.dtype)
        shape = [1] * rank
        shape[axis] = self.scale.size
        return Grid(self.scale.reshape(shape), self.zero_point.reshape(shape), self.dtype)


def grid(site: Site, scale_at: int, zero_at: int, default: str = "uint8") -> Grid:
    """Give the grid of a tensor from two inputs of an operator.

    Raises:
        AuditError: if they are not constants that fit each other.
    """
    scale = site.known(scale_at, "scale").astype(np.float32)
    if site.has(zero_at):
        zero = site.known(zero_at, "zero point")
    else:
        zero = np.zeros(scale.shape, default if default in (*LIMITS, "int32") else "uint8")
    if zero.size == 1 < scale.size:
        zero = np.broadcast_to(zero.reshape(()), scale.shape)
    if scale.size != zero.size or max(scale.ndim, zero.ndim) > 1 or not scale.size:
        site.fail("has scales and zero points of different shapes, or in blocks")
    if not (np.isfinite(scale) & (scale > 0)).all():
        site.fail(f"has the scale {scale.min()}; scales are positive numbers")
    if zero.dtype.name not in (*LIMITS, "int32"):
        site.fail(f"has codes of {zero.dtype.name}; the reader knows {', '.join(LIMITS)}")
    return Grid(scale, zero.astype(np.float32), zero.dtype.name)


def eight_bits(found: Grid) -> bool:
    """Whether the runtime works on such codes in integers."""
    return found.dtype in ("uint8", "int8")
