"""Check `triangulation`: do independent lines of evidence agree on what the model reads?

Each method of finding out what a model reads has failures of its own: recoloured pictures are not
photographs, a counterfactual generator may change what the model does not read, permuted concepts rest on a
diffusion model. Where several with unrelated failures point the same way, the conclusion is stronger than
any of them (Lawlor, Tilling and Davey Smith 2016, doi:10.1093/ije/dyw314; DeGrave et al. 2023 lay experts'
judgement of counterfactuals and colour shifts side by side, doi:10.1038/s41551-023-01160-9).

Nothing is computed here: the rows are measurements of other audits of the same model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from auditkit.checks.measuring import Measuring
from auditkit.checks.triangulation.lines import Asked, Evidence, Reading, conclude, read
from auditkit.checks.triangulation.shown import figure, sentence, table
from auditkit.errors import AuditError
from auditkit.findings import Findings, Measurement
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations.triangulation import (
    CONCLUSIONS,
    LINES,
    TRIANGULATION,
    Conclusion,
    Row,
    Triangulation,
)
from auditkit.stats import Choice


class Others(Protocol):
    """What other audits of the same model found."""

    def found(
        self, name: str, measure: str, at: Mapping[str, float | str]
    ) -> tuple[Measurement | None, str]:
        """A measurement of an audit, or None and why it may not be used."""
        ...

    def expected(
        self, name: str, measure: str, at: Mapping[str, float | str]
    ) -> Sequence[Expectation]:
        """What the audit itself expects of the measure."""
        ...


@dataclass(frozen=True)
class Attribute:
    """What is known of one attribute.

    Attributes:
        name: of the attribute.
        lines: of evidence, in the order of `LINES`, those that the spec names.
        conclusion: what they say together.
        warranted: 1 if a sound model may read it so that more of it raises the score, -1 if so that it lowers
            it, 0 if it should not be read.
    """

    name: str
    lines: Sequence[Evidence]
    conclusion: Conclusion
    warranted: int = 0

    @property
    def effects(self) -> Sequence[Evidence]:
        """The lines that show one."""
        return [line for line in self.lines if line.state == "effect"]

    @property
    def sound(self) -> bool:
        """Whether it is read as a sound model may, by every line that shows an effect."""
        return bool(self.warranted) and all(
            line.sign in (0, self.warranted) for line in self.effects
        )

    @property
    def size(self) -> float:
        """The largest effect that was found, in margins."""
        return max(
            (
                abs(one.size)
                for line in self.lines
                for one in line.readings
                if one.state == "effect"
            ),
            default=0.0,
        )

    @property
    def rank(self) -> tuple[int, bool, int, float]:
        """The strongest evidence first; what a sound model may read after what it should not."""
        agreeing = max(sum(line.sign in (0, sign) for line in self.effects) for sign in (-1, 1))
        return CONCLUSIONS.index(self.conclusion), self.sound, -agreeing, -self.size


def triangulation(others: Others, parameters: Triangulation) -> Findings:
    """Every attribute's lines of evidence and conclusion."""
    if not hasattr(others, "expected"):
        raise AuditError(
            "triangulation combines what audits of one run found: write a spec beside theirs, and run pytest"
        )
    attributes = sorted(_attributes(others, parameters), key=lambda one: one.rank)
    measuring = Measuring.of(TRIANGULATION, parameters, 0)
    findings = Findings([_conclusion(measuring, one) for one in attributes])
    findings.measurements.append(_first(measuring, attributes))
    findings.tables.append(table(attributes))
    findings.figures.append(figure(attributes))
    findings.notes += [sentence(one) for one in attributes]
    return findings


def _attributes(others: Others, parameters: Triangulation) -> list[Attribute]:
    rows = [row for some in parameters.attributes.values() for row in some]
    readings = iter(read([_asked(others, row) for row in rows]))
    found = []
    for name, some in parameters.attributes.items():
        own = [next(readings) for _ in some]
        lines = [Evidence.of(line, _of(line, own)) for line in LINES if _of(line, own)]
        warranted = {"up": 1, "down": -1}.get(parameters.warranted.get(name, ""), 0)
        found.append(Attribute(name, lines, conclude(lines), warranted))
    return found


def _of(line: str, readings: Sequence[Reading]) -> list[Reading]:
    return [one for one in readings if one.row.line == line]


def _asked(others: Others, row: Row) -> Asked:
    expected = others.expected(row.audit, row.measure, row.at)
    margin = row.margin or _margin(row, expected)
    found, reason = others.found(row.audit, row.measure, row.at)
    return Asked(row, margin, found, reason, max((one.min_n for one in expected), default=1))


def _margin(row: Row, expected: Sequence[Expectation]) -> float:
    """The limit that the audit's own expectation sets."""
    for one in expected:
        low, high = one.limits
        if 0 < high < float("inf") and low in (-high, float("-inf")):
            return high
    raise AuditError(
        f"triangulation: '{row.measure}' of '{row.audit}' has no expectation `between: [-m, m]` or "
        "`below: m` that would say what counts as no effect; give the row a margin"
    )


def _conclusion(measuring: Measuring, one: Attribute) -> Measurement:
    return _named(measuring, f"conclusion[{one.name}]", one.conclusion, CONCLUSIONS, one.lines)


def _first(measuring: Measuring, attributes: Sequence[Attribute]) -> Measurement:
    shown = [one for one in attributes if one.size > 0]
    names = (*(one.name for one in attributes), "none")
    value = shown[0].name if shown else "none"
    return _named(
        measuring, "first", value, names, [line for one in shown[:1] for line in one.lines]
    )


def _named(
    measuring: Measuring, name: str, value: str, names: Sequence[str], lines: Sequence[Evidence]
) -> Measurement:
    """A name that follows from tests which were corrected before; n is that of the smallest estimate."""
    used = [one.estimate for line in lines for one in line.readings if one.estimate is not None]
    n, clusters = (
        min((getattr(one, part) for one in used), default=0) for part in ("n", "clusters")
    )
    p_values = {other: float(other == value) for other in names}
    method = "from the rows' tests at .025, Holm's correction over all rows"
    choice = Choice(value, (value,), p_values, n, clusters, method)
    measure = measuring.measures[name]
    return Measurement(name, {}, None, measure.unit, measure.bounds, n, choice=choice, affected=0)
