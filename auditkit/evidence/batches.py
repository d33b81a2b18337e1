"""Running a model over inputs in batches of one fixed size, halved when memory runs out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch


@dataclass
class Batcher:
    """Applies functions to batches of exactly ``size`` inputs.

    The last batch is padded with copies of its last input, so that an image meets the same arithmetic
    whatever its neighbours: results do not depend on shards.
    """

    size: int

    def map(
        self, function: Callable[..., torch.Tensor], *inputs: torch.Tensor | None
    ) -> torch.Tensor:
        """``function`` over all inputs, joined, on the CPU.

        Args:
            function: takes one batch of each of ``inputs``.
            inputs: tensors of one length; None (no second input) is passed on.
        """
        while True:
            try:
                parts = [
                    function(*batch)[:real].detach().cpu() for batch, real in self._batches(inputs)
                ]
                return torch.cat(parts)
            except torch.OutOfMemoryError:
                if self.size == 1:
                    raise
                self.size = max(1, self.size // 2)
                torch.cuda.empty_cache()

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
        if lacking:
            batch = torch.cat([batch, batch[-1:].expand(lacking, *batch.shape[1:])])
        return batch
