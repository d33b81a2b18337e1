"""How scores and decisions change between two versions of each picture, in pairs."""

from dataclasses import dataclass

from auditkit import stats
from auditkit.checks.cells import interval_cell
from auditkit.checks.measuring import Measuring
from auditkit.checks.sampling import Sampling
from auditkit.evidence import Evidence
from auditkit.evidence.kinds import Floats, Integers
from auditkit.findings import Measurement


@dataclass(frozen=True)
class Change:
    """The measures ``NAME.mean_change`` and ``NAME.decision_flips``.

    Attributes:
        mean: mean over images of s(after) - s(before), with its interval over patients.
        flips: share of images whose decision differs.
    """

    mean: Measurement
    flips: Measurement

    @property
    def strength(self) -> float:
        """Size of the mean change; what could not be evaluated comes last."""
        return abs(self.mean.estimate.value) if self.mean.estimate else -1.0

    @property
    def cells(self) -> tuple[str, str]:
        """Both for a table."""
        return interval_cell(self.mean.estimate, "+.3f"), interval_cell(self.flips.estimate)


def change_of(
    evidence: Evidence,
    measuring: Measuring,
    name: str,
    scores: tuple[Floats, Floats],
    decisions: tuple[Integers, Integers],
) -> Change:
    """The change of one name.

    Args:
        evidence: whose patients the images are of.
        measuring: of the check.
        name: prefix of the measures.
        scores: (n,) before and after.
        decisions: (n,) before and after.
    """
    change, flip = scores[1] - scores[0], decisions[1] != decisions[0]
    patients, sampling = evidence.patients, Sampling.of(evidence)
    return Change(
        measuring(
            f"{name}.mean_change",
            lambda: stats.mean(change, patients, bounds=(-1.0, 1.0)),
            sample=sampling.mean(change),
        ),
        measuring(
            f"{name}.decision_flips",
            lambda: stats.proportion(flip, patients),
            sample=sampling.mean(flip),
        ),
    )
