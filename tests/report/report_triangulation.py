"""A run whose first pages say what the model reads, by lines of evidence made up for the tests."""

from pathlib import Path

import numpy as np
import report_samples
from report_builders import HOSTILE, audit

from auditkit import stats
from auditkit.checks.triangulation import triangulation
from auditkit.findings import Measurement
from auditkit.results import Results
from auditkit.results.conversion import figure_result, measurement_result, table_result
from auditkit.spec.declarations.triangulation import Triangulation

FAILED = "not interpretable: rests on 'concepts-drawn', whose target_gap is fail"
# True effects in margins, by attribute and line; text where a line could not be used.
FOUND: dict[str, dict[str, float | str]] = {
    "hair": {"intervention": 0.2, "concepts": 0.1, "counterfactuals": 0.3},
    "pink tint": {"intervention": 3.8, "concepts": 2.9, "counterfactuals": 6.2},
    "dark skin": {"intervention": 2.4, "counterfactuals": 0.1},
    "ruler": {"intervention": 1.0},
    "dark corner": {"concepts": FAILED},
    HOSTILE: {"intervention": -2.6, "heatmaps": FAILED},
}


class Others:
    """Estimates around the true effects."""

    def found(self, name: str, measure: str, at: object) -> tuple[Measurement | None, str]:
        """Around the true effect of an attribute (its place) by a line."""
        effect = list(FOUND.values())[int(measure)][name]
        if isinstance(effect, str):
            return None, effect
        values = 0.05 * (effect + 2.5 * np.linspace(-1, 1, 400))
        return Measurement(measure, {}, stats.mean(values), "probability", (-1.0, 1.0), 400), ""

    def expected(self, name: str, measure: str, at: object) -> list[object]:
        """Nothing: rows have margins."""
        return []


def asked() -> Triangulation:
    """Rows of evidence: an audit per line."""
    rows = {
        name: [
            {
                "line": line,
                "audit": line,
                "measure": str(place),
                "margin": 0.05,
                "towards": "unsigned" if line == "concepts" else "up",
            }
            for line in lines
        ]
        for place, (name, lines) in enumerate(FOUND.items())
    }
    return Triangulation.model_validate({"attributes": rows})


def triangulated(folder: Path) -> Results:
    """A blocked run with one triangulation."""
    found = triangulation(Others(), asked())
    reads = audit(
        "what-it-reads",
        "triangulation",
        "Independent lines of evidence say what it reads",
        "Each method can mislead by itself.",
        parameters={},
        measurements=[measurement_result(one) for one in found.measurements],
        figures=[figure_result(one) for one in found.figures],
        tables=[table_result(one) for one in found.tables],
        notes=found.notes,
    )
    results = report_samples.blocked(folder)
    return results.model_copy(update={"audits": [*results.audits, reads]})
