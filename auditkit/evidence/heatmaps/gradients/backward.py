"""Gradients of the explained answer, and sums over many points of each image."""

from collections.abc import Callable

import torch

from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.passes import Passes
from auditkit.evidence.heatmaps.subject import Subject, Table
from auditkit.evidence.identity import seed_of


def rows_of(table: Table, rows: torch.Tensor | slice) -> Table:
    """The rows of the second input that follow these inputs."""
    return None if table is None else table[rows]


def gradient(
    subject: Subject, points: torch.Tensor, target: torch.Tensor, table: Table
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient of the answer with respect to each input, and the answer.

    Args:
        subject: what is explained.
        points: float (R, C, *space); parameters and points themselves need not require a gradient.
        target: int64 (R,).
        table: float (R, F) or None.

    Returns:
        float32 (R, C, *space) and (R,).
    """
    with torch.enable_grad():
        leaf = points.detach().requires_grad_()
        answer = subject.answer(leaf, target, table)
        (found,) = torch.autograd.grad(answer.sum(), leaf)
    return found.float(), answer.detach().float()


def answers(
    subject: Subject, points: torch.Tensor, target: torch.Tensor, table: Table, rows: int
) -> torch.Tensor:
    """The answer to each input, float32 (R,), without a gradient."""

    def work(start: int, stop: int) -> torch.Tensor:
        cut = slice(start, stop)
        return subject.answer(points[cut], target[cut], rows_of(table, cut)).float()

    with torch.no_grad():
        return torch.cat([found for *_, found in Passes(rows).over(len(points), work)])


def zeros(batch: Batch, subject: Subject) -> torch.Tensor:
    """Where maps (N, M, *space) are summed: in double precision where the device has it."""
    device = batch.inputs.device
    kind = torch.float32 if device.type == "mps" else torch.float64
    shape = (len(batch), len(subject.modalities), *batch.inputs.shape[2:])
    return torch.zeros(shape, dtype=kind, device=device)


def accumulate(
    total: torch.Tensor, samples: int, rows: int, work: Callable[[int, int], torch.Tensor]
) -> None:
    """Add to each image of ``total`` (N, ...) what ``work`` gives for its samples.

    Args:
        total: changed in place.
        samples: of each image; row r of the work is sample r % samples of image r // samples.
        rows: most rows of one pass.
        work: (start, stop) to (stop - start, ...).
    """
    for start, stop, found in Passes(rows).over(len(total) * samples, work):
        for image in range(start // samples, (stop - 1) // samples + 1):
            first = max(start, image * samples) - start
            last = min(stop, (image + 1) * samples) - start
            total[image] += found[first:last].sum(dim=0, dtype=total.dtype)


def noise(batch: Batch, image: torch.Tensor, sample: torch.Tensor, share: float) -> torch.Tensor:
    """Gaussian noise for samples of images, (R, C, *space), the same in any pass.

    Args:
        batch: the inputs.
        image: int64 (R,) on the CPU, which input each row belongs to.
        sample: int64 (R,), which of its samples it is.
        share: standard deviation, as a share of each input's own range.
    """
    drawn = []
    for one, number in zip(image.tolist(), sample.tolist(), strict=True):
        generator = torch.Generator().manual_seed(seed_of("noise", batch.seeds[one], number))
        drawn.append(torch.randn(batch.inputs.shape[1:], generator=generator))
    flat = batch.inputs.flatten(1)
    scale = (share * (flat.amax(dim=1) - flat.amin(dim=1)))[image.to(flat.device)]
    found = torch.stack(drawn).to(batch.inputs)
    return found * scale.reshape(-1, *[1] * (found.dim() - 1))
