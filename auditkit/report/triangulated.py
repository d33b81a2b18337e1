"""Which audits of a run lay independent lines of evidence side by side."""

from collections.abc import Sequence
from typing import Final

from auditkit.results import AuditResult, Results

CHECK: Final = "triangulation"


def triangulated(results: Results, model: str) -> Sequence[AuditResult]:
    """The triangulations of a model; their notes are one conclusion per attribute, the strongest first."""
    return [one for one in results.audits if one.model == model and one.check == CHECK]
