"""Totals over stratified samples of pairs, with their variances."""

from collections.abc import Callable

import torch

from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign, chunks

# Rows of a design to float64 (H, rows, Q): what residual h of a pair adds to each of Q quantities.
Coefficients = Callable[[slice], torch.Tensor]


def rows_times(rows: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Each row by itself, so that its bits do not depend on how many others there are."""
    if len(rows) == 0:
        return rows.new_zeros(0, matrix.shape[1])
    return torch.stack([row.contiguous() @ matrix for row in rows])


def stratified_total(
    design: PairDesign, coefficients: Coefficients, residuals: torch.Tensor, quantities: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum over pairs j and h of coefficient[h, j, q] residual[i, h, j], and its variance.

    A pair is one draw. With u_j what it adds, the variance is that of stratified sampling without
    replacement, the sum over strata of (1 - m_t / N_t) m_t s_t^2 with s_t^2 the variance of u_j within the
    stratum (of a single pair: its square). E.g. all pairs of a stratum drawn: it adds nothing.

    Args:
        design: the pairs.
        coefficients: see `Coefficients`.
        residuals: float64 (I, H, pairs).
        quantities: Q.

    Returns:
        float64 (I, Q) each.
    """
    moments = residuals.new_zeros(2, len(residuals), len(design.available), quantities)
    for part in chunks(len(design)):
        coefficient = coefficients(part)
        for image, residual in enumerate(residuals):
            added = (coefficient * residual[:, part, None]).sum(dim=0)
            moments[0, image].index_add_(0, design.stratum[part], added)
            moments[1, image].index_add_(0, design.stratum[part], added**2)
    return moments[0].sum(dim=1), _variance(design, *moments)


def _variance(design: PairDesign, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    taken = design.taken[:, None]
    spread = (second - first**2 / taken.clamp(min=1)) * taken / (taken - 1).clamp(min=1)
    spread = torch.where(taken > 1, spread.clamp(min=0), second)
    return (spread * (1 - taken / design.available[:, None])).sum(dim=1)
