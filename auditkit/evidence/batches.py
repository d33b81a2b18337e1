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
        self, function: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor
    ) -> torch.Tensor:
        """``function`` over all inputs, joined, on the CPU."""
        while True:
            try:
                parts = [
                    function(batch)[:real].detach().cpu() for batch, real in self._batches(inputs)
                ]
                return torch.cat(parts)
            except torch.OutOfMemoryError:
                if self.size == 1:
                    raise
                self.size = max(1, self.size // 2)
                torch.cuda.empty_cache()

    def _batches(self, inputs: torch.Tensor) -> Iterator[tuple[torch.Tensor, int]]:
        for start in range(0, len(inputs), self.size):
            batch = inputs[start : start + self.size]
            real = len(batch)
            if real < self.size:
                batch = torch.cat([batch, batch[-1:].expand(self.size - real, *batch.shape[1:])])
            yield batch, real
