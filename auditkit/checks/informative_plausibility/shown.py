"""Tables and the figure of the check `informative-plausibility`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.informative_plausibility.cases import Cases
from auditkit.checks.informative_plausibility.measured import enough
from auditkit.checks.measuring import decimals, worded
from auditkit.checks.plausible import Plausible, how_scored
from auditkit.errors import AuditError
from auditkit.findings import Figure, Findings, Series, Table
from auditkit.spec.declarations.informative_plausibility import InformativePlausibility
from auditkit.stats.clustered_median import clustered_median
from auditkit.stats.rank_sum import rank_sum
from auditkit.stats.two_groups import group_superiority

Floats = npt.NDArray[np.float64]

NONE = "not evaluable"
DRAWN = 200
"""Most values of a half of a violin: evenly spaced order statistics, of which the ends are two."""


def violins(
    shown: Sequence[Plausible], cases: Cases, parameters: InformativePlausibility
) -> Figure:
    """Values of right and of wrong decisions by method."""
    series = []
    for name, side in (("right decisions", cases.right), ("wrong decisions", ~cases.right)):
        x: list[float] = []
        y: list[float] = []
        for place, one in enumerate(shown):
            drawn = thinned(_values(one, side, parameters)).tolist()
            x, y = x + [float(place)] * len(drawn), y + drawn
        if x:
            series.append(Series(name, x, y))
    return Figure(
        "violins",
        f"{parameters.score.upper()} of right and wrong decisions",
        "violins",
        "method",
        parameters.score.upper(),
        series,
        "Each method's upper half: right decisions; lower half: wrong ones. Lines: quartiles. A dot is an "
        f"image, or one of {DRAWN} evenly spaced in rank where there are more.",
        labels=[one.label for one in shown],
    )


def thinned(values: Floats) -> Floats:
    """The values in order, at most ``DRAWN`` of them, smallest and largest included."""
    ordered = np.sort(values)
    if ordered.size <= DRAWN:
        return ordered
    return ordered[np.rint(np.linspace(0, ordered.size - 1, DRAWN)).astype(np.int64)]


def decisions_table(
    findings: Findings,
    shown: Sequence[Plausible],
    cases: Cases,
    parameters: InformativePlausibility,
) -> Table:
    """Right against wrong by method, after Table 3 of the paper."""
    tests = [_Test.of(one, cases, parameters) for one in shown]
    known = [test.p_value for test in tests if test.p_value is not None]
    adjusted = iter(stats.holm(known).tolist())
    rows = []
    for one, test in zip(shown, tests, strict=True):
        after = p_word(next(adjusted)) if test.p_value is not None else NONE
        measured = ("auroc", "difference", "spearman", "calibrated_spearman")
        found = [worded(findings.find(f"{one.label}.{part}", {})) for part in measured]
        halves = [_median(one, side, cases, parameters) for side in (cases.right, ~cases.right)]
        rows.append([one.label, *halves, *found, p_word(test.p_value), after, test.method])
    columns = [
        "method",
        "right: median",
        "wrong: median",
        "AUROC",
        "difference of means",
        "ρ with probability",
        "ρ with calibrated",
        "p",
        "p after Holm",
        "how",
    ]
    return Table(
        "decisions",
        f"{parameters.score.upper()} of right and wrong decisions",
        columns,
        rows,
        _caption(cases, parameters),
    )


def classes_table(
    findings: Findings,
    shown: Sequence[Plausible],
    cases: Cases,
    parameters: InformativePlausibility,
) -> Table:
    """Right against wrong within each class."""
    rows = [
        [
            one.label,
            part.name,
            *_counts(one, part.rows, cases, parameters),
            *(
                worded(findings.find(f"{one.label}.{what}", {"class": part.name}))
                for what in ("auroc", "difference", "spearman")
            ),
        ]
        for one in shown
        for part in cases.classes
    ]
    by = "decided" if parameters.condition == "decision" else "true"
    columns = [
        "method",
        f"{by} class",
        "right",
        "wrong",
        "AUROC",
        "difference of means",
        "ρ with probability",
    ]
    caption = (
        f"Classes differ in plausibility and in how often they are decided right, so that what holds over "
        f"all may hold within no {by} class. No p-values here: read the intervals."
    )
    return Table("classes", f"Within each {by} class", columns, rows, caption)


def p_word(p: float | None) -> str:
    """With two significant digits, bounded below."""
    if p is None:
        return NONE
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.4f}" if p < 0.01 else f"{p:.2f}"


def _caption(cases: Cases, parameters: InformativePlausibility) -> str:
    wrong = int((~cases.right).sum())
    alone = len(set(cases.patients.tolist())) == cases.patients.size
    how = (
        "of the upper-tailed Mann-Whitney test (right above wrong)"
        if alone
        else "one-sided, of the AUROC over patients, since patients have several images"
    )
    return (
        f"{cases.right.size - wrong} right and {wrong} wrong decisions. AUROC: probability that a right "
        "decision's heatmap is more plausible than a wrong one's (ties half), which is U over the number of "
        "pairs, and the AUROC of plausibility as a detector of wrong decisions: 0.5 tells nothing. p: "
        f"{how}, and after Holm's correction over the methods of this table; methods are alike, so that the "
        f"correction is cautious. ρ: Spearman's. Intervals are 95 %, over patients. {how_scored(parameters)}"
    )


def _values(one: Plausible, side: npt.NDArray[np.bool_], how: InformativePlausibility) -> Floats:
    """Plausibility of right, or of wrong decisions that have one."""
    try:
        values = one.values(how.score)
    except AuditError:
        return np.empty(0)
    return values[side & one.rows(how.score)]


def _median(
    one: Plausible, side: npt.NDArray[np.bool_], cases: Cases, how: InformativePlausibility
) -> str:
    values = _values(one, side, how)
    try:
        patients = cases.patients[side & one.rows(how.score)]
        found = clustered_median(values, patients, bounds=(0.0, 1.0))
    except AuditError:
        return NONE
    return f"{decimals(found.value)} [{decimals(found.low)}, {decimals(found.high)}]"


def _counts(
    one: Plausible, part: npt.NDArray[np.bool_], cases: Cases, how: InformativePlausibility
) -> Iterator[str]:
    rows = part & one.rows(how.score)
    yield str(int((rows & cases.right).sum()))
    yield str(int((rows & ~cases.right).sum()))


@dataclass(frozen=True)
class _Test:
    """The one-sided test of a method, if there can be one."""

    p_value: float | None
    method: str

    @classmethod
    def of(cls, one: Plausible, cases: Cases, how: InformativePlausibility) -> "_Test":
        """Mann-Whitney's where every image is a patient, else that of the interval over patients."""
        rows = one.rows(how.score)
        right, patients = cases.right[rows], cases.patients[rows]
        try:
            enough(right, patients)
            values = one.values(how.score)[rows]
        except AuditError:
            return cls(None, "")
        if len(set(patients.tolist())) == patients.size:
            found = rank_sum(values[right], values[~right])
            return cls(found.p_value, found.method)
        return cls(group_superiority(right, values, patients).p_above(0.5), "over patients")
