"""Functions of one tensor, element by element: LOGISTIC, TANH, HARD_SWISH, LEAKY_RELU and so on."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditkit.models.tflite.arithmetic import FakeStage, Grid, OutputStage, through
from auditkit.models.tflite.layout import from_file_order, to_file_order
from auditkit.models.tflite.site import Site
from auditkit.models.tflite.tables import (
    absolute_table,
    hard_swish_table,
    leaky_table,
    quick_leaky_table,
    rounded_table,
)

Function: TypeAlias = Callable[[Tensor], Tensor]
Codes: TypeAlias = npt.NDArray[np.float32]

_FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "ABS": torch.abs,
        "ELU": F.elu,
        "EXP": torch.exp,
        "HARD_SWISH": F.hardswish,
        "LOGISTIC": torch.sigmoid,
        "NEG": torch.neg,
        "RSQRT": torch.rsqrt,
        "SQRT": torch.sqrt,
        "SQUARE": torch.square,
        "TANH": torch.tanh,
    },
)
# What TFLite looks up in a table of the real function, rounded.
_ROUNDED = frozenset({"ELU", "EXP", "GELU", "LOGISTIC", "TANH"})


class Table(nn.Module):
    """A function of 8-bit codes: one stored output per code, the true function for the gradient."""

    table: Tensor

    def __init__(
        self,
        table: npt.NDArray[np.float32],
        source: Grid,
        target: Grid,
        function: Function,
    ) -> None:
        super().__init__()
        self.register_buffer("table", torch.from_numpy(table))
        self.lowest = source.limits[0]
        self.scales = float(source.scale), float(target.scale)
        self.function = function

    def forward(self, values: Tensor) -> Tensor:
        """Look up centred codes."""
        # Flat and in 32 bits: six times as fast as to index by the tensor itself.
        places = to_file_order(values.detach() - self.lowest).to(torch.int32)
        found = self.table.index_select(0, places.reshape(-1)).reshape(places.shape)
        found = from_file_order(found)
        if not values.requires_grad:
            return found
        exact = self.function(values * self.scales[0]) / self.scales[1]
        return through(exact, found)


class RealFunction(nn.Module):
    """A function of real values, or of codes without rounding."""

    def __init__(
        self,
        function: Function,
        scale: float,
        stage: OutputStage,
    ) -> None:
        super().__init__()
        self.function = function
        self.scale = scale
        self.stage = stage

    def forward(self, values: Tensor) -> Tensor:
        """Apply."""
        if not isinstance(self.stage, FakeStage):
            return self.function(values)
        # A product, because the stage overwrites what the function may need for its gradient.
        result: Tensor = self.stage(self.function(values * self.scale) * 1.0)
        return result


def build_function(site: Site) -> nn.Module:
    """Any of the functions, on real values or on codes."""
    site.keeps_shape()
    function = _function(site)
    if not site.quantised:
        return RealFunction(function, 1.0, site.real_stage("NONE"))
    source, target = site.grid(site.input(0)), site.grid(site.output)
    site.check_ratio(np.array(source.scale / target.scale, np.float64))
    table = _table(site, function, source, target)
    if site.mode == "float":
        inverse = np.array(1 / np.float64(target.scale))
        return RealFunction(function, float(source.scale), site.stage(inverse, masked=False))
    return Table(table, source, target, function)


def _function(site: Site) -> Function:
    name = site.record.name
    if name == "GELU":
        return partial(F.gelu, approximate="tanh" if site.option("approximate") else "none")
    if name == "LEAKY_RELU":
        return partial(F.leaky_relu, negative_slope=site.real_option("alpha"))
    return _FUNCTIONS[name]


def _table(site: Site, function: Function, source: Grid, target: Grid) -> Codes:
    name = site.record.name
    if name in _ROUNDED:
        return rounded_table(function, source, target)
    if name == "HARD_SWISH":
        return hard_swish_table(source, target)
    if name == "LEAKY_RELU":
        make = leaky_table if site.mode == "ref" else quick_leaky_table
        return make(source, target, site.real_option("alpha"))
    if name != "ABS":
        site.fail(f"works on {source.dtype} codes; the reader knows it on float32 only")
    return absolute_table(source, target)
