"""Check `reproduction`: the PyTorch model against the device's own runtime.

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Supp. Fig. 2, compare 1000 predictions by Pearson's r.

Deviates: r alone is a weak test (two kernels of the TFLite runtime agree with each other only to about
r = .99, and leaving quantisation out reaches that too), so the share of bit-equal outputs, the share
within a tolerance and the agreement of decisions are given beside it. For the same input and for the
app's own preprocessing they are separate comparisons: one asks whether the file was understood, the
other what the audit's preprocessing leaves out.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.cells import interval_cell
from auditkit.checks.measuring import Measuring
from auditkit.checks.pictures import png
from auditkit.checks.sampling import Sampling
from auditkit.evidence import Evidence
from auditkit.findings import Example, Figure, Findings, Series, Table
from auditkit.spec.declarations.reproduction import REPRODUCTION, Reproduction
from auditkit.spec.formats import FORMATS

Floats = npt.NDArray[np.float64]
_SHOWN_POINTS = 400
_WORST = 3
_EPSILON = 1e-6


def reproduction(evidence: Evidence, parameters: Reproduction) -> Findings:
    """Compare outputs pairwise and count."""
    findings = Findings()
    measuring = Measuring.of(REPRODUCTION, parameters, evidence.n)
    columns = []
    for against in parameters.against:
        pair = _Pair(evidence, against, parameters)
        at = {"against": against}
        samples = pair.samples()
        found = [
            measuring(name, estimate, at, sample=samples.get(name))
            for name, estimate in pair.estimates().items()
        ]
        findings.measurements += found
        columns.append(
            [pair.title, *(interval_cell(m.estimate, ".4f") for m in found), *pair.largest()]
        )
        findings.figures.append(_figure(pair))
        findings.examples += _worst(evidence, pair)
    patients = len(np.unique(evidence.patients))
    tolerance = f"{parameters.tolerance_steps} step or {parameters.tolerance:g}"
    quantities = ["Pearson r", "r of log-odds", "bit-equal", f"within {tolerance}"]
    quantities += ["same decision", "largest difference", "in steps"]
    rows = [list(row) for row in zip(quantities, *(c[1:] for c in columns), strict=True)]
    findings.tables.append(
        Table(
            "agreement",
            "Agreement",
            ["", *(column[0] for column in columns)],
            rows,
            "Shares are of images, with exact 95 % intervals over patients; r by Fisher's z or a bootstrap "
            "over patients. A step is one quantisation step of the output. What the largest difference "
            f"promises: with 95 % confidence, of at least {100 * 0.05 ** (1 / patients):.1f} % of such "
            "patients an image differs by no more.",
        )
    )
    return findings


class _Pair:
    """Two sets of raw outputs (n, K) for the same images, and what they are."""

    def __init__(self, evidence: Evidence, against: str, parameters: Reproduction) -> None:
        self.evidence, self.against, self.parameters = evidence, against, parameters
        runtime = FORMATS[evidence.card.format].runtime
        # The title, then what stands on the vertical and the horizontal axis.
        self.title, self.y_label, self.x_label = {
            "runtime": (f"audited model and {runtime}", "audited model", runtime),
            "vendor": (
                f"audited model and {runtime} with the app's preprocessing",
                "audited model",
                f"{runtime}, the app's preprocessing",
            ),
            "reference": (
                "the file read in fixed point and reference kernels",
                "the file read in fixed point",
                "reference kernels",
            ),
            "noise-floor": (
                "the runtime's two kernels with each other",
                "XNNPACK kernels",
                "reference kernels",
            ),
        }[against]
        ours, theirs = _outputs(evidence, against)
        self.distance = np.abs(ours - theirs).max(axis=1)
        self.step = evidence.output_step()
        self.ours, self.theirs = evidence.probabilities(ours), evidence.probabilities(theirs)

    def scores(self) -> tuple[Floats, Floats]:
        """What Pearson's r is taken of: the score, or the label's probability."""
        rows = np.arange(len(self.ours))
        column = 1 if self.evidence.two_class else self.evidence.labels
        return self.ours[rows, column], self.theirs[rows, column]

    def decision(self, probabilities: Floats) -> npt.NDArray[np.int64]:
        """The decision that the outputs lead to."""
        threshold = self.evidence.card.threshold
        if threshold is None:
            return np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)
        return np.asarray(probabilities[:, 1] >= threshold, dtype=np.int64)

    def estimates(self) -> dict[str, Callable[[], stats.Estimate]]:
        """Each measure's estimator."""
        patients = self.evidence.patients
        ours, theirs = self.scores()
        shares = self._shares()
        return {
            "pearson_r": lambda: stats.pearson_r(ours, theirs, patients),
            "logit_pearson_r": lambda: stats.pearson_r(_logit(ours), _logit(theirs), patients),
            **{name: partial(stats.proportion, hits, patients) for name, hits in shares.items()},
        }

    def samples(self) -> dict[str, stats.Sample]:
        """What the shares are of."""
        sampling = Sampling.of(self.evidence)
        return {name: sampling.mean(hits) for name, hits in self._shares().items()}

    def _shares(self) -> dict[str, npt.NDArray[np.bool_]]:
        return {
            "bit_equal": np.asarray(self.distance == 0),
            "within_tolerance": self._close(),
            "decision_agreement": self.decision(self.ours) == self.decision(self.theirs),
        }

    def _close(self) -> npt.NDArray[np.bool_]:
        if self.step is None:
            apart = np.abs(self.ours - self.theirs).max(axis=1)
            return np.asarray(apart <= self.parameters.tolerance)
        return np.asarray(self.distance <= (self.parameters.tolerance_steps + 0.5) * self.step)

    def largest(self) -> tuple[str, str]:
        """The largest difference of output values, and in quantisation steps."""
        most = float(self.distance.max())
        return f"{most:.4g}", f"{most / self.step:.0f}" if self.step else "floats"


def _outputs(evidence: Evidence, against: str) -> tuple[Floats, Floats]:
    """Raw outputs (n, K) of the audited model in the matching arithmetic and of the runtime."""
    if against == "noise-floor":
        return evidence.runtime_answers("xnnpack"), evidence.runtime_answers("reference")
    if against == "reference":
        return evidence.answers("ref"), evidence.runtime_answers("reference")
    return evidence.answers(), evidence.runtime_answers(vendor=against == "vendor")


def _logit(score: Floats) -> Floats:
    inside = np.clip(score, _EPSILON, 1 - _EPSILON)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _figure(pair: _Pair) -> Figure:
    ours, theirs = pair.scores()
    # The largest differences are always drawn, and others evenly over the range of scores.
    order = np.argsort(theirs, kind="stable")
    even = order[np.linspace(0, len(order) - 1, min(len(order), _SHOWN_POINTS)).astype(int)]
    picked = np.union1d(even, np.argsort(np.abs(ours - theirs), kind="stable")[-20:])
    return Figure(
        f"scores_{pair.against.replace('-', '_')}",
        f"Scores: {pair.title}",
        "points",
        pair.x_label,
        pair.y_label,
        [Series("images", theirs[picked].tolist(), ours[picked].tolist())],
        f"{len(picked)} of {len(ours)} images, the most different among them; on the diagonal both "
        "answer alike.",
        diagonal=True,
    )


def _worst(evidence: Evidence, pair: _Pair) -> list[Example]:
    """The images on which the two differ most; none where all are equal to the bit."""
    ours, theirs = pair.scores()
    order = np.argsort(-np.abs(ours - theirs), kind="stable")[:_WORST]
    return [
        Example(
            evidence.records[int(index)].id,
            f"among the largest differences: {pair.title}",
            [
                (
                    f"{pair.y_label}: {ours[index]:.4f}, {pair.x_label}: {theirs[index]:.4f}",
                    png(evidence.picture(int(index))),
                )
            ],
        )
        for index in order
        if pair.distance[index] > 0
    ]
