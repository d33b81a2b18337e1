"""Estimates as cells of tables."""

from auditkit.stats import Estimate

NOT_EVALUABLE = "not evaluable"


def interval_cell(estimate: Estimate | None, form: str = ".3f") -> str:
    """An estimate with its interval; ``form`` is that of each number."""
    if estimate is None:
        return NOT_EVALUABLE
    value, low, high = (format(one, form) for one in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
