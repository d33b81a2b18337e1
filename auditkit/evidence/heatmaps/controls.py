"""Maps that never ask the model: what a heatmap method must do better than."""

import numpy as np
import torch

from auditkit.evidence.heatmaps.explainer import Batch, Explained, Explainer, Fitness
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.metrics.removal import cell_units, grid_shape
from auditkit.spec.methods import EdgeMap, GaussianMap, RandomMap


class _Control(Explainer):
    """A map that fits any model, since it does not look at it."""

    def fitness(self) -> Fitness:
        """Always: nothing is asked."""
        return Fitness()


class RandomMapExplainer(_Control):
    """Independent values, uniform in (0, 1], one for each cell of each modality.

    Where cells do not divide the input, a map has a value per pixel, so that each cell keeps its own.
    """

    def __init__(
        self, subject: Subject, method: RandomMap, background: torch.Tensor | None
    ) -> None:
        del background
        self._subject, self.cell = subject, method.cell

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Maps (N, M, *cells) or (N, M, *space), each from its input's own seed."""
        del rows
        space, modalities = self._subject.space, len(self._subject.modalities)
        cells = cell_units((modalities, *space), self.cell)
        if all(size % self.cell == 0 for size in space):
            cells = cell_units((modalities, *grid_shape(space, self.cell)), 1)
        count = int(cells.max()) + 1
        drawn = [1 - np.random.default_rng(seed).random(count, np.float32) for seed in batch.seeds]
        return Explained(torch.from_numpy(np.stack([values[cells] for values in drawn])))


class EdgeMapExplainer(_Control):
    """Size of the image's own gradient, sqrt(sum of squares over axes and a modality's channels).

    An edge detector looks much like a saliency map and knows nothing of the model (Adebayo et al.,
    arXiv:1810.03292, section 5).

    Deviates: the paper takes a Sobel filter; here central differences, one-sided at the border, which
    are defined for any number of axes.
    """

    def __init__(self, subject: Subject, method: EdgeMap, background: torch.Tensor | None) -> None:
        del method, background
        self._subject = subject

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Maps (N, M, *space)."""
        del rows
        inputs = batch.inputs.detach().float()
        # An axis of one voxel has no neighbours.
        axes = [axis for axis in range(2, inputs.dim()) if inputs.shape[axis] > 1]
        squares = torch.zeros_like(inputs)
        for axis in axes:
            squares += torch.gradient(inputs, dim=axis)[0].square()
        sums = [squares[:, list(group)].sum(dim=1) for group in self._subject.modalities]
        return Explained(torch.stack(sums, dim=1).sqrt().cpu())


class GaussianMapExplainer(_Control):
    """exp(-1/2 sum over axes of (x - centre)^2 / (width side)^2), the same for every input and modality."""

    def __init__(
        self, subject: Subject, method: GaussianMap, background: torch.Tensor | None
    ) -> None:
        del background
        self._subject, self._width = subject, method.width

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Maps (N, M, *space)."""
        del rows
        space = self._subject.space
        total = torch.zeros(space, dtype=torch.float64)
        for axis, size in enumerate(space):
            away = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) / (self._width * size)
            total += away.square().view(-1, *[1] * (len(space) - 1 - axis))
        shape = (len(batch), len(self._subject.modalities), *space)
        return Explained(torch.exp(-total / 2).float().expand(shape).contiguous())
