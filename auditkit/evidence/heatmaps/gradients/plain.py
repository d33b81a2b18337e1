"""The gradient itself, times the input, and averaged over noisy copies."""

import torch

from auditkit.evidence.heatmaps.explainer import Batch, Explained, Explainer, Fitness, summed
from auditkit.evidence.heatmaps.gradients.backward import (
    accumulate,
    gradient,
    noise,
    rows_of,
    zeros,
)
from auditkit.evidence.heatmaps.gradients.inspection import inspect
from auditkit.evidence.heatmaps.passes import Passes
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.methods import Method, SmoothGrad


def gradient_fitness(subject: Subject) -> Fitness:
    """Whether any method of gradients can be asked: the answer has one, finite and not zero."""
    return Fitness(inspect(subject).problem)


class _OnePass(Explainer):
    """A method of one backward pass per input."""

    def __init__(self, subject: Subject, method: Method, background: torch.Tensor | None) -> None:
        del method, background
        self.subject = subject

    def fitness(self) -> Fitness:
        """Whether the method can be asked of this subject."""
        return gradient_fitness(self.subject)

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch, in passes of at most so many rows."""

        def work(start: int, stop: int) -> torch.Tensor:
            cut = slice(start, stop)
            return summed(self.values(batch, cut), self.subject).cpu()

        found = [maps for *_, maps in Passes(rows).over(len(batch), work)]
        return Explained(torch.cat(found), evaluations=torch.ones(len(batch), dtype=torch.int64))

    def values(self, batch: Batch, cut: slice) -> torch.Tensor:
        """Attributions per channel of these inputs."""
        table = rows_of(batch.table, cut)
        return gradient(self.subject, batch.inputs[cut], batch.target[cut], table)[0]


class GradientExplainer(_OnePass):
    """Signed gradient, summed over the channels of a modality (Simonyan et al., arXiv:1312.6034).

    Deviates: the paper shows the largest absolute value over colours; here the sign is kept, so that
    evidence for and against the target can be told apart.
    """


class InputXGradientExplainer(_OnePass):
    """Input times gradient, x * df/dx (Shrikumar et al., arXiv:1605.01713)."""

    def values(self, batch: Batch, cut: slice) -> torch.Tensor:
        """Attributions per channel of these inputs."""
        return batch.inputs[cut].float() * super().values(batch, cut)


class SmoothGradExplainer(Explainer):
    """Mean gradient at noisy copies, 1/n sum df/dx (x + N(0, s²)) (Smilkov et al., arXiv:1706.03825).

    s is a share of the input's own range (max - min), as in the paper.

    Deviates: captum's NoiseTunnel over Saliency averages absolute values, and takes s as a number; here
    the sign is kept, as in `GradientExplainer`.
    """

    def __init__(
        self, subject: Subject, method: SmoothGrad, background: torch.Tensor | None
    ) -> None:
        del background
        self.subject, self.method = subject, method

    def fitness(self) -> Fitness:
        """Whether the method can be asked of this subject."""
        return gradient_fitness(self.subject)

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch, in passes of at most so many rows."""
        samples = self.method.samples
        total = zeros(batch, self.subject)

        def work(start: int, stop: int) -> torch.Tensor:
            row = torch.arange(start, stop)
            image = row // samples
            here = image.to(batch.inputs.device)
            points = batch.inputs[here] + noise(batch, image, row % samples, self.method.noise)
            table = rows_of(batch.table, here)
            found, _ = gradient(self.subject, points, batch.target[here], table)
            return summed(found, self.subject)

        accumulate(total, samples, rows, work)
        counts = torch.full((len(batch),), samples, dtype=torch.int64)
        return Explained((total / samples).float().cpu(), evaluations=counts)
