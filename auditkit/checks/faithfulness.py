"""Check `faithfulness`: does the decided class' probability follow what a heatmap ranks?

Four numbers per image. Deletion and insertion (Petsiuk et al., arXiv:1806.07421): area under the probability
while the hottest cells are removed, or put into the empty image. Infidelity (Yeh et al., arXiv:1901.09392,
Eq. 1) and sensitivity-n (Ancona et al., arXiv:1711.06104): whether sums of the heatmap over random subsets
of cells are what removing them costs.

Deviates: removed are cells, as large as the heatmap can tell apart, not pixels; of volumes only what is not
0; ties go in a seeded order; infidelity is after the best scaling and relative to a map of zeros; every
method is compared with controls in pairs, on its own cells, since none of the four has a random baseline and
many small cells are an attack of their own; intervals are over patients.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

from auditkit import stats
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring, decimals, worded
from auditkit.checks.perturbed_images import PerturbedImages, Scores
from auditkit.checks.sampling import Sampling
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import Figure, Findings, Measurement, Series, Table
from auditkit.spec.declarations.faithfulness import FAITHFULNESS, Faithfulness

Found = Mapping[str, PerturbedImages]
Controls = Mapping[tuple[str, str], PerturbedImages | str]
_COARSER = (
    "'{control}' has cells of {theirs} px and '{method}' of {mine} px: what is scattered more finely costs "
    "more, whatever it shows; give the control a cell of at most {mine}"
)
_CURVES = ("deletion", "insertion")
# Of these, less is better.
_FALLING = ("deletion", "infidelity")


def faithfulness(evidence: Evidence, parameters: Faithfulness) -> Findings:
    """Insertion, deletion, infidelity and sensitivity-n of every method, and against every control."""
    planned = evidence.n + len(evidence.incomplete)
    measuring = Measuring.of(FAITHFULNESS, parameters, planned)
    unfit = {method.label: evidence.fitness(method).reason for method in parameters.compared}
    found = {
        method.label: PerturbedImages.of(evidence, method, parameters)
        for method in parameters.compared
        if not unfit[method.label]
    }
    findings = Findings(notes=fitness_notes(evidence, parameters.compared))
    controls = _on_the_methods_cells(evidence, parameters, found)
    for asked in _all_asked(parameters):
        reason = unfit[asked.method] or unfit.get(asked.control, "")
        findings.measurements.append(
            measuring.inapplicable(asked.name, reason, asked.at)
            if reason
            else _measured(evidence, measuring, asked, asked.scores(found, controls))
        )
    findings.figures += [_figure(evidence, label, images) for label, images in found.items()]
    findings.tables.append(_table(findings, parameters, found))
    return findings


@dataclass(frozen=True)
class _Asked:
    """One measure: a quantity of a method, or how much better it is than that of a control."""

    method: str
    part: str
    size: float | None = None
    control: str = ""

    @property
    def name(self) -> str:
        over = f".over[{self.control}]" if self.control else ""
        return f"{self.method}.{self.part}{over}"

    @property
    def at(self) -> dict[str, float]:
        return {} if self.size is None else {"size": self.size}

    def scores(self, found: Found, controls: Controls) -> Scores:
        """Image by image."""
        own = found[self.method].scores(self.part, self.size)
        if not self.control:
            return own
        other = controls[self.method, self.control]
        if isinstance(other, str):
            return Scores.none(len(own.reasons), other)
        sign = -1.0 if self.part in _FALLING else 1.0
        return own.above(other.scores(self.part, self.size), sign)


def _on_the_methods_cells(
    evidence: Evidence, parameters: Faithfulness, found: Found
) -> dict[tuple[str, str], PerturbedImages | str]:
    """Every control averaged over every method's cells; the reason where its own are coarser."""
    controls: dict[tuple[str, str], PerturbedImages | str] = {}
    for method, control in product(parameters.methods, parameters.controls):
        if not {method.label, control.label} <= found.keys():
            continue
        own, other = found[method.label], found[control.label]
        mine, theirs = own.answers.cell, other.answers.cell
        of_pair = method.label, control.label
        if own.same_units(other):
            controls[of_pair] = other
        elif theirs > mine:
            controls[of_pair] = _COARSER.format(
                control=control.label, theirs=theirs, method=method.label, mine=mine
            )
        else:
            controls[of_pair] = PerturbedImages.of(evidence, control, parameters, method)
    return controls


def _all_asked(parameters: Faithfulness) -> Iterator[_Asked]:
    for method in parameters.compared:
        for part, size in _quantities(parameters):
            yield _Asked(method.label, part, size)
    for method, control in product(parameters.methods, parameters.controls):
        for part, size in _quantities(parameters):
            yield _Asked(method.label, part, size, control.label)


def _quantities(parameters: Faithfulness) -> Iterator[tuple[str, float | None]]:
    yield from ((part, None) for part in (*_CURVES, "infidelity"))
    yield from (("sensitivity_n", size) for size in parameters.sizes)


def _measured(
    evidence: Evidence, measuring: Measuring, asked: _Asked, scores: Scores
) -> Measurement:
    bounds = measuring.measures[asked.name].bounds
    estimate = partial(_mean, evidence, scores, bounds)
    skipped = [*evidence.incomplete, *scores.skipped]
    sample = Sampling.of(evidence).mean(scores.values, scores.known)
    return measuring(asked.name, estimate, asked.at, skipped, sample=sample)


def _mean(evidence: Evidence, scores: Scores, bounds: tuple[float, float]) -> stats.Estimate:
    known = scores.known
    if not known.any():
        raise AuditError(f"no image can be evaluated: {scores.reasons[0]}")
    return stats.mean(scores.values[known], evidence.patients[known], bounds=bounds)


def _figure(evidence: Evidence, label: str, images: PerturbedImages) -> Figure:
    """Both curves with bands over patients."""
    known = images.known
    patients = evidence.patients[known]
    enough = len(set(patients.tolist())) > 1
    shares = images.answers.shares[known].mean(axis=0).tolist() if enough else []
    series = []
    for part in _CURVES if enough else ():
        columns = images.curves(part).T
        band = [stats.mean(column, patients, bounds=(0.0, 1.0)) for column in columns]
        values, lows, highs = ([getattr(e, a) for e in band] for a in ("value", "low", "high"))
        series.append(Series(part, shares, values, lows, highs, part == "insertion"))
    return Figure(
        f"faithfulness_{label}".replace("-", "_"),
        f"Insertion and deletion by {label}",
        "lines",
        "share of the image removed (deletion) or put in (insertion)",
        "probability of the decided class",
        series,
        "The hottest cells go first: deletion should fall fast, insertion rise fast. Bands are 95 % "
        "intervals over patients.",
    )


def _table(findings: Findings, parameters: Faithfulness, found: Found) -> Table:
    rows = []
    quantities = [_Asked("", part, size) for part, size in _quantities(parameters)]
    for label in [method.label for method in parameters.compared]:
        own = [findings.find(f"{label}{asked.name}", asked.at) for asked in quantities]
        counts = [m.estimate.n if m and m.estimate else 0 for m in own]
        missing = [sum(m.not_evaluable.values()) if m else 0 for m in own]
        cells = [worded(measurement) for measurement in own]
        cells.insert(3, _equal_values(found[label]) if label in found else "not applicable")
        rows.append([label, *cells, str(min(counts)), str(max(missing))])
    columns = ["method", "deletion", "insertion", "infidelity", "infidelity of equal values"]
    columns += [f"sensitivity-n, {size:.0%}" for size in parameters.sizes]
    return Table(
        "faithfulness",
        "Faithfulness by method",
        [*columns, "n", "not evaluable"],
        rows,
        "Less is better for deletion and infidelity. A heatmap tells which cells matter only if its "
        "infidelity is below that of equal values over the same subsets. n is the fewest images behind a "
        "number of the row, 'not evaluable' the most that are missing from one.",
    )


def _equal_values(images: PerturbedImages) -> str:
    scores = images.equal_values()
    return decimals(float(scores.values[scores.known].mean())) if scores.known.any() else "–"
