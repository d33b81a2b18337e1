"""Operators that both of TFLite's runtimes compute in fixed point, with a gradient all the same."""

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import through
from auditkit.models.tflite.site import Site


class FixedPoint(nn.Module):
    """Values of one module, which is exact, and the gradient of another, which has one."""

    def __init__(self, exact: nn.Module, smooth: nn.Module) -> None:
        super().__init__()
        self.exact = exact
        self.smooth = smooth

    def forward(self, values: Tensor) -> Tensor:
        """Compute."""
        found: Tensor = self.exact(values.detach())
        return through(self.smooth(values), found) if values.requires_grad else found


def fixed_point(site: Site, make: Callable[[Site], nn.Module]) -> nn.Module:
    """Build an operator that XNNPACK leaves to TFLite's own kernels.

    Args:
        site: of an operator on codes.
        make: builds it in the arithmetic of the site that it is given.
    """
    module = make(site)
    if site.mode != "fake":
        return module
    return FixedPoint(make(replace(site, mode="ref")), module)
