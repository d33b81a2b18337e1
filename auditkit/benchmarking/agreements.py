"""Every method against every oracle: correlation, AUROC over thresholds, agreement of the first k."""

from collections.abc import Sequence

import numpy as np

from auditkit.benchmarking.importance import Ranked
from auditkit.benchmarking.result import AgreementResult, Quantity, ThresholdResult
from auditkit.errors import AuditError
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats
from auditkit.metrics.agreement import importance_auroc, importance_correlation, top_k_agreement
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.stats import Estimate
from auditkit.stats.resampling import REPLICATES

# Shares of the oracle's importances that lie below the thresholds.
_SHARES = np.arange(1, 20) / 20


def agreement(oracle: Ranked, method: Ranked, seed: int) -> AgreementResult:
    """One method against one oracle (Jabbour et al., arXiv:2407.14509, section 4.1, figures 3, 4, 6, 8).

    Concepts that the method cannot say anything about, for any target, are left out, and then targets of
    which a concept is missing; both are counted.
    """
    columns, rows = comparable(oracle.importance, method.importance)
    chosen = np.ix_(rows, columns)
    true, found = oracle.importance[chosen], method.importance[chosen]
    own = seed_of("benchmark agreement", seed)
    try:
        pearson = Quantity.of(importance_correlation(true, found, seed=own))
        curve = thresholds(true, found, own)
        top_k = [Quantity.of(one) for one in top_k_agreement(true, found)]
    except AuditError as error:
        pearson, curve, top_k = Quantity(value=None, reason=str(error)), [], []
    return AgreementResult(
        oracle=oracle.name,
        method=method.name,
        pearson=pearson,
        points=true.size,
        not_evaluable=oracle.importance.size - true.size,
        auroc=curve,
        top_k=top_k,
    )


def comparable(oracle: Floats, method: Floats) -> tuple[Sequence[int], Sequence[int]]:
    """Concepts that both know of any target, and targets of which both know all these concepts."""
    known = np.isfinite(oracle) & np.isfinite(method)
    columns = np.flatnonzero(known.any(axis=0))
    rows = np.flatnonzero(known[:, columns].all(axis=1))
    return columns.tolist(), rows.tolist()


def thresholds(oracle: Floats, method: Floats, seed: int) -> list[ThresholdResult]:
    """AUROC of the method for concepts above thresholds on the oracle: its quantiles by steps of 5 %."""
    cuts = np.unique(np.quantile(oracle, _SHARES))
    areas = importance_auroc(oracle, method, cuts, seed=seed, replicates=REPLICATES)
    return [
        ThresholdResult(threshold=cut, important=int((oracle > cut).sum()), auroc=_quantity(area))
        for cut, area in zip(cuts.tolist(), areas, strict=True)
    ]


def _quantity(area: Estimate | NotEvaluable) -> Quantity:
    if isinstance(area, NotEvaluable):
        return Quantity(value=None, reason=str(area))
    return Quantity.of(area)
