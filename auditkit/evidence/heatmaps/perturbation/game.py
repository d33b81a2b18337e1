"""What the network answers when regions of inputs are covered, many coalitions in each pass."""

from collections.abc import Callable, Iterator, Sequence

import torch

from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.passes import Passes
from auditkit.evidence.heatmaps.perturbation.players import Players, cell_of_pixel
from auditkit.evidence.heatmaps.subject import Subject

# (positions among the images, which masks) to (positions or 1, masks, C or 1, *space) of the inputs' type:
# 1 where the baseline covers the input, 0 elsewhere.
Covers = Callable[[torch.Tensor, slice], torch.Tensor]


class Covering:
    """Answers for inputs that are covered in part by a baseline.

    Rows are ordered by image, baseline, mask, and cut into passes anywhere: one image with many masks and
    many images with few both fill passes. Each pass is written into one buffer that is used again.

    Attributes:
        baselines: B, how many pictures each mask is answered on.
    """

    def __init__(self, subject: Subject, batch: Batch, baseline: torch.Tensor, rows: int) -> None:
        self.baselines = baseline.shape[1]
        self._subject = subject
        self._batch = batch
        self._baseline = baseline
        self._passes = Passes(rows)
        self._buffer: torch.Tensor | None = None

    @torch.no_grad()
    def answers(self, images: Sequence[int], count: int, covers: Covers) -> torch.Tensor:
        """Answers for each image on each baseline under each of ``count`` masks, float64 (I, B, count)."""
        device = self._batch.inputs.device
        position = torch.arange(len(images), device=device).repeat_interleave(self.baselines)
        image = torch.tensor(images, device=device)[position]
        filling = torch.arange(self.baselines, device=device).repeat(len(images))
        found: torch.Tensor | None = None

        def work(start: int, stop: int) -> torch.Tensor:
            rows = self._room(stop - start)
            for pairs, masks, place in _pieces(start, stop, count):
                part = rows[place].view(pairs.stop - pairs.start, -1, *rows.shape[1:])
                original = self._batch.inputs[image[pairs]][:, None]
                cover = self._cover(image[pairs], filling[pairs])[:, None]
                # Exact where the weight is 0 or 1, and on a CPU twice as fast as a choice by booleans.
                torch.lerp(original, cover, covers(position[pairs], masks), out=part)
            row = image[torch.arange(start, stop, device=device) // count]
            table = None if self._batch.table is None else self._batch.table[row]
            return self._subject.answer(rows, self._batch.target[row], table)

        total = len(image) * count
        for start, stop, answer in self._passes.over(total, work):
            found = answer.new_empty(total) if found is None else found
            # A copy: an answer may be a view of the buffer, which the next pass overwrites.
            found[start:stop] = answer
        assert found is not None
        return found.cpu().double().view(len(images), self.baselines, count)

    def _cover(self, image: torch.Tensor, filling: torch.Tensor) -> torch.Tensor:
        shared = len(self._baseline) == 1
        return self._baseline[torch.zeros_like(image) if shared else image, filling]

    def _room(self, rows: int) -> torch.Tensor:
        """The buffer; a new one where it is too small, or too large for memory that ran out."""
        if self._buffer is None or not rows <= len(self._buffer) <= self._passes.rows:
            self._buffer = None
            self._buffer = self._batch.inputs.new_empty(rows, *self._batch.inputs.shape[1:])
        return self._buffer[:rows]


def _pieces(start: int, stop: int, count: int) -> Iterator[tuple[slice, slice, slice]]:
    """Consecutive rows as rectangles: the end of one pair, whole pairs, the beginning of another.

    Yields:
        pairs of image and baseline, masks, rows of the pass.
    """
    first = start
    while start < stop:
        pair, mask = divmod(start, count)
        whole = (stop - start) // count if mask == 0 else 0
        masks = slice(0, count) if whole else slice(mask, min(count, mask + stop - start))
        rows = max(whole, 1) * (masks.stop - masks.start)
        yield slice(pair, pair + max(whole, 1)), masks, slice(start - first, start - first + rows)
        start += rows


class Game:
    """The value of a coalition: the answer when all other players are covered.

    The mean over the baselines, where there are several: v(S) = 1/B sum_b answer(x_S, b_rest), as in
    Lundberg and Lee, arXiv:1705.07874, equation 11.

    Attributes:
        players: which pixels belong to which player.
        baselines: B, inputs that the network is shown for one value.
    """

    def __init__(
        self, subject: Subject, batch: Batch, players: Players, baseline: torch.Tensor, rows: int
    ) -> None:
        self.players = players
        self.baselines = baseline.shape[1]
        self._device, self._dtype = batch.inputs.device, batch.inputs.dtype
        self._covering = Covering(subject, batch, baseline, rows)
        self._axes = [
            cell_of_pixel(size, players.side).to(self._device)
            for size in (players.space if players.side else ())
        ]
        self._layer = torch.zeros(batch.inputs.shape[1], dtype=torch.long, device=self._device)
        if not players.shared:
            for layer, channels in enumerate(players.modalities):
                self._layer[list(channels)] = layer

    def values(self, images: Sequence[int], coalitions: torch.Tensor) -> torch.Tensor:
        """The value of each coalition for each image.

        Args:
            images: positions in the batch, all with P players.
            coalitions: bool (K, P), true where a player is present; or (I, K, P), for each image its own.

        Returns:
            float64 (I, K) on the CPU.
        """
        return self.answers(images, coalitions).mean(dim=1)

    def answers(self, images: Sequence[int], coalitions: torch.Tensor) -> torch.Tensor:
        """The same before the mean over baselines, float64 (I, B, K) on the CPU."""
        absent = ~coalitions.to(self._device)
        absent = absent if absent.dim() == 3 else absent[None]
        regions = self._regions(images)

        def covers(position: torch.Tensor, masks: slice) -> torch.Tensor:
            part = (absent if len(absent) == 1 else absent[position])[:, masks].to(self._dtype)
            pixels = self._cells(part) if regions is None else _gathered(part, regions[position])
            return pixels if self.players.shared else pixels.index_select(2, self._layer)

        return self._covering.answers(images, absent.shape[1], covers)

    def _regions(self, images: Sequence[int]) -> torch.Tensor | None:
        found = self.players.regions
        return None if found is None else found[list(images)].to(self._device, torch.long)

    def _cells(self, absent: torch.Tensor) -> torch.Tensor:
        """(I, K, P) of a grid to (I, K, layers, *space); last axis first, while the others are small."""
        grid = (self.players.side,) * len(self._axes)
        found = absent.reshape(*absent.shape[:2], self.players.layers, *grid)
        for axis in reversed(range(len(self._axes))):
            found = found.index_select(3 + axis, self._axes[axis])
        return found


def _gathered(absent: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
    """(I or 1, K, P) by regions (I, layers, *space) to (I, K, layers, *space)."""
    shape = (len(regions), absent.shape[1], *regions.shape[1:])
    index = regions.flatten(1)[:, None].expand(-1, absent.shape[1], -1)
    return absent.expand(len(regions), -1, -1).gather(2, index).view(shape)
