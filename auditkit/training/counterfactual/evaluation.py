"""How good a counterfactual generator is by now, on images that it does not learn from."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch

from auditkit.models.counterfactuals.contract import CounterfactualGenerator, bin_of, centre_of
from auditkit.spec.training_counterfactual import Stop
from auditkit.training.counterfactual.images import Pictures, as_input

IMAGES = 256
"""Held-out images that are evaluated on, at most."""


@dataclass(frozen=True)
class Evaluation:
    """Means over held-out images after a step; generated pictures have 8 bits.

    Differences are mean absolute ones over pixels and channels, in [0, 1].

    Attributes:
        step: steps of the generator done.
        consistency: share of the pairs (first bin, last bin) on both sides of the model's threshold.
        flip_rate: share of the decisions that the counterfactual for the other side turns around.
        bin_error: |f(G(x, c)) - centre of c|; the bins take turns over the images.
        reconstruction: |G(x, b(f(x))) - x|.
        cycle: |G(G(x, c), b(f(x))) - x|, c the first and the last bin.
        change: |G(x, c) - x|, c the first and the last bin.
    """

    step: int
    consistency: float
    flip_rate: float
    bin_error: float
    reconstruction: float
    cycle: float
    change: float

    def meets(self, stop: Stop) -> bool:
        """Whether it is good enough."""
        return self.consistency >= stop.consistency and self.reconstruction <= stop.reconstruction


@dataclass(frozen=True)
class HeldOut:
    """What is evaluated on.

    Attributes:
        pictures: uint8 (m, S, S, 3).
        own: (m,) the model's score of each.
        score: the model: (N, 3, S, S) in [0, 1] to (N,).
        threshold: of the model's decision.
        device: where images go.
    """

    pictures: Pictures
    own: torch.Tensor
    score: Callable[[torch.Tensor], torch.Tensor]
    threshold: float
    device: torch.device


def met(evaluations: Sequence[Evaluation], stop: Stop | None) -> bool:
    """Whether the last evaluations are good enough, as many in a row as were asked for."""
    if stop is None or len(evaluations) < stop.times:
        return False
    return all(one.meets(stop) for one in evaluations[-stop.times :])


def shortfall(last: Evaluation, stop: Stop) -> str:
    """That training ended with this evaluation, without having been good enough."""
    return (
        f"training ended after step {last.step} without a generator that was good enough at {stop.times} "
        f"evaluations in a row: {last.consistency:.1%} of the held-out pairs lie on both sides of the "
        f"threshold (expected: at least {float(stop.consistency):.1%}), the reconstruction error is "
        f"{last.reconstruction:.4f} (expected: at most {float(stop.reconstruction):g}). It was written all "
        "the same; do not rest an audit on it. Look at evaluations.csv, curves.svg and samples, and train "
        "for more 'steps' with a recipe"
    )


@torch.no_grad()
def evaluate(
    step: int, generator: CounterfactualGenerator, held: HeldOut, batch: int
) -> Evaluation:
    """Evaluate a generator on all of the held-out images, ``batch`` at once."""
    parts = [
        _part(generator, held, slice(start, start + batch), start)
        for start in range(0, len(held.pictures), batch)
    ]
    means = torch.cat(parts, dim=1).mean(dim=1).tolist()
    return Evaluation(step, *means)


def _part(
    generator: CounterfactualGenerator, held: HeldOut, part: slice, start: int
) -> torch.Tensor:
    """The quantities of some images, float64 (6, N), in the order of `Evaluation`'s."""
    images = as_input(held.pictures[part]).to(held.device)
    own, count, bins = held.own[part].double(), len(images), generator.bins
    back = bin_of(own, bins)
    asked = (torch.arange(count) + start) % bins

    def made(given: torch.Tensor, targets: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        found = generator.generate(given, targets.to(held.device), scores.to(held.device))
        return (found.clamp(0, 1) * 255).round() / 255

    def score(given: torch.Tensor) -> torch.Tensor:
        return held.score(given).cpu().double()

    first, last = (made(images, torch.full((count,), end), own) for end in (0, bins - 1))
    low, high = score(first), score(last)
    benign, malignant = low < held.threshold, high >= held.threshold
    positive = own >= held.threshold
    cycles = [
        _distance(made(end, back, reached), images) for end, reached in ((first, low), (last, high))
    ]
    changes = [_distance(end, images) for end in (first, last)]
    quantities = [
        (benign & malignant).double(),
        torch.where(positive, benign, malignant).double(),
        (score(made(images, asked, own)) - centre_of(asked, bins)).abs(),
        _distance(made(images, back, own), images),
        torch.stack(cycles).mean(0),
        torch.stack(changes).mean(0),
    ]
    return torch.stack(quantities)


def _distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one - other).abs().flatten(1).double().mean(1).cpu()


def write_csv(path: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write evaluations as a table, a row each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Evaluation)])
        table.writeheader()
        table.writerows(asdict(one) for one in evaluations)
