"""Running a model over inputs in batches of one size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch


@dataclass
class Batcher:
    """Applies functions to batches of exactly ``size`` inputs.

    The last batch is padded with copies of its last input, so that an image meets the same arithmetic
    whatever its neighbours: results do not depend on shards.

    Attributes:
        size: inputs per batch.
        padded: whether the last batch is filled up.
    """

    size: int
    padded: bool = True

    def map(
        self, function: Callable[..., torch.Tensor], *inputs: torch.Tensor | None
    ) -> torch.Tensor:
        """``function`` over all inputs, joined, on the CPU.

        Args:
            function: takes one batch of each of ``inputs``.
            inputs: tensors of one length; None (no second input) is passed on.
        """
        batches = self._batches(inputs)
        return torch.cat([function(*batch)[:real].detach().cpu() for batch, real in batches])

    def _batches(
        self, inputs: tuple[torch.Tensor | None, ...]
    ) -> Iterator[tuple[list[torch.Tensor | None], int]]:
        assert inputs[0] is not None
        total = len(inputs[0])
        for start in range(0, total, self.size):
            real = min(self.size, total - start)
            yield [self._padded(part, start) for part in inputs], real

    def _padded(self, tensor: torch.Tensor | None, start: int) -> torch.Tensor | None:
        if tensor is None:
            return None
        batch = tensor[start : start + self.size]
        lacking = self.size - len(batch)
        if lacking and self.padded:
            batch = torch.cat([batch, batch[-1:].expand(lacking, *batch.shape[1:])])
        return batch
