"""Averaged weights: what is validated, sampled from and saved."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

Parameters = Mapping[str, torch.nn.Parameter]


class Average:
    """Exponential moving average of parameters, with a decay that rises to its value.

    After step t (from 1): average += (1 - d_t)(weights - average), d_t = min(decay, (1 + t) / (10 + t)).
    """

    def __init__(self, parameters: Parameters, decay: float) -> None:
        self._parameters, self._decay = parameters, decay
        self.values = {name: value.detach().clone() for name, value in parameters.items() if decay}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after step ``step`` (from 1) in."""
        if not self.values:
            return
        decay = min(self._decay, (1 + step) / (10 + step))
        new = [value.detach() for value in self._parameters.values()]
        torch._foreach_lerp_(list(self.values.values()), new, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The averaged weights stand in the networks; the others are put back afterwards."""
        kept = {name: self._parameters[name].detach().clone() for name in self.values}
        self.load_into()
        try:
            yield
        finally:
            _copy(kept, self._parameters)

    def load_into(self) -> None:
        """Put the averaged weights into the networks."""
        _copy(self.values, self._parameters)


@torch.no_grad()
def _copy(values: Mapping[str, torch.Tensor], parameters: Parameters) -> None:
    for name, value in values.items():
        parameters[name].copy_(value)
