"""Gradients along straight paths from baselines: Integrated and Expected Gradients, Gradient SHAP.

Each map is the mean over points of (x - x') * df/dx (x' + alpha (x - x')); the methods differ in where
paths start (x') and which points (alpha) are taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from auditkit.evidence.heatmaps.baselines import baselines
from auditkit.evidence.heatmaps.explainer import (
    Batch,
    Explained,
    Explainer,
    Fitness,
    completeness,
    summed,
)
from auditkit.evidence.heatmaps.gradients.backward import (
    accumulate,
    answers,
    gradient,
    noise,
    rows_of,
    zeros,
)
from auditkit.evidence.heatmaps.gradients.plain import gradient_fitness
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.evidence.identity import seed_of
from auditkit.spec.methods import ExpectedGradients, GradientShap, IntegratedGradients
from auditkit.spec.methods.base import HasBaseline

# Points of one round of Expected Gradients between two looks at the residual, at least.
_ROUND = 16


@dataclass(frozen=True)
class Design:
    """The points of each image.

    Attributes:
        alpha: float32 (N, S), place on the path: 0 at the baseline, 1 at the input.
        start: int64 (N, S), which baseline.
        weight: float32 (N, S), of sum 1 for each image.
        noise: standard deviation of noise on inputs, as a share of their range.
    """

    alpha: torch.Tensor
    start: torch.Tensor
    weight: torch.Tensor
    noise: float = 0.0


def gauss_legendre(images: int, starts: int, steps: int) -> Design:
    """The nodes and weights of the Gauss-Legendre rule on [0, 1], on the path from every baseline.

    Exact where the gradient along the path is a polynomial of degree below 2 * ``steps``.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    alpha = torch.from_numpy((nodes + 1) / 2).float().repeat(starts)
    weight = torch.from_numpy(weights / (2 * starts)).float().repeat(starts)
    start = torch.arange(starts).repeat_interleave(steps)
    return Design(alpha.expand(images, -1), start.expand(images, -1), weight.expand(images, -1))


def stratified(seeds: Sequence[int], starts: int, samples: int, noise: float = 0.0) -> Design:
    """Random points with one alpha in each of as many equal strata of [0, 1] as there are points.

    Baselines are used equally often (give or take one) and met by strata in random order; weights make
    their shares equal to the last digit, so that the answer of a linear model is exact.
    """
    alphas, places, weights = [], [], []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed_of("path", seed))
        strata = torch.randperm(samples, generator=generator)
        alphas.append((strata + torch.rand(samples, generator=generator)) / samples)
        rounds = -(-samples // starts)
        order = [torch.randperm(starts, generator=generator) for _ in range(rounds)]
        place = torch.cat(order)[:samples]
        count = torch.bincount(place, minlength=starts)
        places.append(place)
        weights.append(1.0 / (count[place] * min(samples, starts)))
    return Design(torch.stack(alphas), torch.stack(places), torch.stack(weights), noise)


def integrate(
    subject: Subject, batch: Batch, starts: torch.Tensor, design: Design, rows: int
) -> torch.Tensor:
    """Weighted sum over the points of a design, (N, M, *space).

    Args:
        subject: what is explained.
        batch: the inputs.
        starts: (N or 1, B, C, *space), see `baselines`.
        design: the points.
        rows: most points in one pass.
    """
    total, samples = zeros(batch, subject), design.alpha.shape[1]
    one = (1,) * (batch.inputs.dim() - 1)

    def work(begin: int, end: int) -> torch.Tensor:
        row = torch.arange(begin, end)
        image, sample = row // samples, row % samples
        here = image.to(batch.inputs.device)
        shown = batch.inputs[here]
        if design.noise:
            shown = shown + noise(batch, image, sample, design.noise)
        own = here if len(starts) > 1 else torch.zeros_like(here)
        start = starts[own, design.start[image, sample].to(own.device)]
        alpha = design.alpha[image, sample].reshape(-1, *one).to(shown)
        points = start + alpha * (shown - start)
        table = rows_of(batch.table, here)
        slope, _ = gradient(subject, points, batch.target[here], table)
        weight = design.weight[image, sample].reshape(-1, *one).to(slope)
        return summed(weight * slope * (shown - start), subject)

    accumulate(total, samples, rows, work)
    return total


def change(subject: Subject, batch: Batch, starts: torch.Tensor, rows: int) -> torch.Tensor:
    """Answer to each input less the mean answer to its baselines, (N,): what a map should sum to."""
    full = answers(subject, batch.inputs, batch.target, batch.table, rows)
    if len(starts) == 1 and batch.table is None:
        # Shared baselines are asked once for each output that occurs.
        asked, place = torch.unique(batch.target, return_inverse=True)
    else:
        asked, place = batch.target, torch.arange(len(batch), device=full.device)
    empty = torch.stack(
        [
            _mean_answer(subject, starts[i if len(starts) > 1 else 0], one, batch, i, rows)
            for i, one in enumerate(asked)
        ]
    )
    return full - empty[place]


def _mean_answer(
    subject: Subject, starts: torch.Tensor, target: torch.Tensor, batch: Batch, row: int, rows: int
) -> torch.Tensor:
    count = len(starts)
    table = None if batch.table is None else batch.table[row].expand(count, -1)
    return answers(subject, starts, target.expand(count), table, rows).mean()


class _Path(Explainer):
    """A method of gradients along paths."""

    def __init__(
        self, subject: Subject, method: HasBaseline, background: torch.Tensor | None
    ) -> None:
        self.subject, self.kind, self.background = subject, method.baseline, background

    def fitness(self) -> Fitness:
        """Whether the method can be asked of this subject."""
        return gradient_fitness(self.subject)

    def _explained(self, batch: Batch, rows: int, design: Callable[[int], Design]) -> Explained:
        """Explain by one design, made for the number of baselines."""
        starts = baselines(batch.inputs, self.kind, self.background)
        points = design(starts.shape[1])
        total = integrate(self.subject, batch, starts, points, rows)
        wanted = change(self.subject, batch, starts, rows)
        shown = points.alpha.shape[1] + 1 + starts.shape[1]
        return Explained(
            total.float().cpu(),
            residual=completeness(total, wanted),
            evaluations=torch.full((len(batch),), shown, dtype=torch.int64),
        )


class IntegratedGradientsExplainer(_Path):
    """Integral of (x - x') * df/dx along the path from x' to x (Sundararajan et al., arXiv:1703.01365).

    Equation 1, by a Gauss-Legendre rule; where the baseline is the data set, the mean over its images.
    Maps sum to f(x) - f(x') up to the error of the rule, which is the residual.
    """

    def __init__(
        self, subject: Subject, method: IntegratedGradients, background: torch.Tensor | None
    ) -> None:
        super().__init__(subject, method, background)
        self.method = method

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch, in passes of at most so many rows."""
        steps = self.method.steps
        return self._explained(
            batch, rows, lambda starts: gauss_legendre(len(batch), starts, steps)
        )


class GradientShapExplainer(_Path):
    """Mean of (x~ - x') * df/dx (x' + alpha (x~ - x')) over noisy inputs x~ (arXiv:1705.07874; SHAP).

    As captum's GradientShap, with the noise a share of the input's own range.

    Deviates: alpha is stratified and baselines are used equally often, for a smaller error at the same
    number of points.
    """

    def __init__(
        self, subject: Subject, method: GradientShap, background: torch.Tensor | None
    ) -> None:
        super().__init__(subject, method, background)
        self.method = method

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch, in passes of at most so many rows."""
        samples, share = self.method.samples, self.method.noise
        return self._explained(
            batch, rows, lambda starts: stratified(batch.seeds, starts, samples, share)
        )


class ExpectedGradientsExplainer(_Path):
    """Mean of (x - x') * df/dx (x' + alpha (x - x')) over images x' and alpha in [0, 1].

    Equation 1 of the supplement of DeGrave et al., doi:10.1038/s41551-023-01160-9; Erion et al.,
    doi:10.1038/s42256-021-00343-w.

    Deviates: alpha is stratified and background images are used equally often. With ``error``, rounds go
    on until the map sums to f(x) - mean f(x') within that share of it. That bounds the error of the sum,
    not of each value.
    """

    def __init__(
        self, subject: Subject, method: ExpectedGradients, background: torch.Tensor | None
    ) -> None:
        super().__init__(subject, method, background)
        self.method = method

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch, in passes of at most so many rows."""
        if self.method.error is not None:
            return self._until(batch, rows, self.method.error)
        samples = self.method.samples
        return self._explained(batch, rows, lambda starts: stratified(batch.seeds, starts, samples))

    def _until(self, batch: Batch, rows: int, error: float) -> Explained:
        """Rounds of points for the images whose residual is still too large."""
        starts = baselines(batch.inputs, self.kind, self.background)
        wanted = change(self.subject, batch, starts, rows)
        total, shown = zeros(batch, self.subject), torch.zeros(len(batch), dtype=torch.int64)
        residual = torch.full((len(batch),), torch.inf)
        # Every background image has been seen before the first look.
        size, done = max(_ROUND, starts.shape[1]), 0
        while done < self.method.samples and bool((residual > error).any()):
            going = (residual > error).nonzero()[:, 0]
            here = going.to(total.device)
            samples = min(size, self.method.samples - done)
            found = self._round(batch, starts, here, (done, samples), rows)
            total[here] = (total[here] * done + found * samples) / (done + samples)
            done += samples
            shown[going] = done
            residual[going] = completeness(total[here], wanted[here])
        return Explained(
            total.float().cpu(), residual=residual, evaluations=shown + 1 + starts.shape[1]
        )

    def _round(
        self,
        batch: Batch,
        starts: torch.Tensor,
        here: torch.Tensor,
        points: tuple[int, int],
        rows: int,
    ) -> torch.Tensor:
        done, samples = points
        some = Batch(
            batch.inputs[here],
            batch.target[here],
            [seed_of(batch.seeds[place], done) for place in here.tolist()],
            rows_of(batch.table, here),
        )
        own = starts[here] if len(starts) > 1 else starts
        design = stratified(some.seeds, starts.shape[1], samples)
        return integrate(self.subject, some, own, design, rows)
