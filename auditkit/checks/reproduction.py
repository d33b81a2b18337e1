"""Check `reproduction`: the PyTorch model against the device's own runtime.

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Supp. Fig. 2, compare 1000 predictions by Pearson's r.

Deviates: r alone is a weak test (two kernels of the TFLite runtime agree with each other only to about
r = .99, and leaving quantisation out reaches that too), so the share of bit-equal outputs, the share
within a tolerance and the agreement of decisions are given beside it, each against both kernels in the
matching arithmetic, and the two kernels against each other as the noise floor.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.measuring import Measuring
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import Figure, Findings, Series, Table
from auditkit.spec.declarations.reproduction import REPRODUCTION, Reproduction

Floats = npt.NDArray[np.float64]
_SHOWN_POINTS = 400


def reproduction(evidence: Evidence, parameters: Reproduction) -> Findings:
    """Compare outputs pairwise and count."""
    findings = Findings()
    measuring = Measuring.of(REPRODUCTION, parameters, evidence.n)
    rows = []
    for against in parameters.against:
        ours, theirs = _pair(evidence, against)
        pair = _Pair(evidence, ours, theirs, parameters.tolerance_steps)
        at = {"against": against}
        found = [measuring(name, estimate, at) for name, estimate in pair.estimates().items()]
        findings.measurements += found
        rows.append([_NAMES[against], *(_cell(m.estimate) for m in found), pair.largest()])
        findings.figures.append(_figure(against, pair))
    findings.tables.append(
        Table(
            "agreement",
            "Agreement",
            [
                "pair",
                "Pearson r",
                "bit-equal",
                f"within {parameters.tolerance_steps} step",
                "same decision",
                "largest difference",
            ],
            rows,
            "Shares are of images, with exact 95 % intervals over patients; r by Fisher's z or a bootstrap "
            "over patients. A step is one quantisation step of the output.",
        )
    )
    return findings


_NAMES = {
    "xnnpack": "audited model and XNNPACK kernels",
    "reference": "the file read in fixed point and reference kernels",
    "noise-floor": "the runtime's two kernels with each other",
}


def _pair(evidence: Evidence, against: str) -> tuple[Floats, Floats]:
    """Raw outputs (n, C) of the audited model in the matching arithmetic and of the runtime."""
    if against == "noise-floor":
        return evidence.runtime_answers("reference"), evidence.runtime_answers("xnnpack")
    if against == "reference":
        return evidence.answers("ref"), evidence.runtime_answers("reference")
    return evidence.answers(evidence.card.mode), evidence.runtime_answers("xnnpack")


class _Pair:
    def __init__(self, evidence: Evidence, ours: Floats, theirs: Floats, tolerance: int) -> None:
        self.evidence = evidence
        self.ours, self.theirs = ours, theirs
        self.distance = np.abs(ours - theirs).max(axis=1)
        self.step, self.tolerance = evidence.output_step(), tolerance

    def score(self, outputs: Floats) -> Floats:
        """What Pearson's r is taken of: the score, or the label's probability."""
        outputs = self._probabilities(outputs)
        index = self.evidence.card.output.score
        if index is not None:
            return outputs[:, min(index, outputs.shape[1] - 1)]
        return outputs[np.arange(len(outputs)), self.evidence.labels]

    def _probabilities(self, outputs: Floats) -> Floats:
        """Outputs as the audits read them: logits go through a softmax, or a sigmoid."""
        if self.evidence.card.output.kind == "probabilities":
            return outputs
        if outputs.shape[1] == 1:
            return np.asarray(1 / (1 + np.exp(-outputs)))
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def decision(self, outputs: Floats) -> npt.NDArray[np.int64]:
        """The decision that the outputs lead to."""
        threshold = self.evidence.card.threshold
        if threshold is None:
            decided: npt.NDArray[np.int64] = np.argmax(outputs, axis=1).astype(np.int64)
            return decided
        positive: npt.NDArray[np.int64] = (self.score(outputs) >= threshold).astype(np.int64)
        return positive

    def estimates(self) -> dict[str, Callable[[], stats.Estimate]]:
        """Each measure's estimator."""
        patients = self.evidence.patients
        same = self.decision(self.ours) == self.decision(self.theirs)
        return {
            "pearson_r": lambda: stats.pearson_r(
                self.score(self.ours), self.score(self.theirs), patients
            ),
            "bit_equal": lambda: stats.proportion(self.distance == 0, patients),
            "within_tolerance": lambda: stats.proportion(self._close(), patients),
            "decision_agreement": lambda: stats.proportion(same, patients),
        }

    def _close(self) -> npt.NDArray[np.bool_]:
        if self.step is None:
            raise AuditError("float outputs have no quantisation step; use bit_equal or pearson_r")
        return np.asarray(self.distance <= (self.tolerance + 0.5) * self.step)

    def largest(self) -> str:
        """The largest difference, with what a maximum over n images can promise."""
        most, patients = float(self.distance.max()), len(np.unique(self.evidence.patients))
        promised = 100 * 0.05 ** (1 / patients)
        steps = f" ({most / self.step:.0f} steps)" if self.step else ""
        return (
            f"{most:.4g}{steps} on output values; with 95 % confidence, of at least "
            f"{promised:.1f} % of such patients an image differs by no more"
        )


def _figure(against: str, pair: _Pair) -> Figure:
    ours, theirs = pair.score(pair.ours), pair.score(pair.theirs)
    order = np.argsort(theirs, kind="stable")
    picked = order[np.linspace(0, len(order) - 1, min(len(order), _SHOWN_POINTS)).astype(int)]
    return Figure(
        f"scores_{against.replace('-', '_')}",
        f"Scores: {_NAMES[against]}",
        "lines",
        "reference kernels" if against == "noise-floor" else "runtime",
        "XNNPACK kernels" if against == "noise-floor" else "audited model",
        [Series("images, ordered by score", theirs[picked].tolist(), ours[picked].tolist())],
        "On the diagonal both answer alike.",
        diagonal=True,
    )


def _cell(estimate: stats.Estimate | None) -> str:
    if estimate is None:
        return "not evaluable"
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"
