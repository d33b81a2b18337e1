"""How much of an artifact is left in counterfactuals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.artifact import ArtifactAnswers, counterfactual_redness
from auditkit.evidence.kinds import Floats
from auditkit.spec.counterfactual_card import CounterfactualCard

Side = Literal["benign", "malignant"]
SIDES: tuple[Side, Side] = ("benign", "malignant")
# Redness that the artifact must add for a share to mean something; what is left then lies within +-5.
_LEAST, _BOUNDS = 0.4, (-5.0, 5.0)


@dataclass(frozen=True)
class Left:
    """What is left of the artifact in the images that carry it.

    Attributes:
        images: (k,) indices of those that are evaluable.
        patients: (k,) theirs.
        shares: (k, 2) what is left in the benign and in the malignant counterfactual.
        skipped: one reason per image that carries it and is not evaluable.
    """

    images: npt.NDArray[np.int64]
    patients: npt.NDArray[np.str_]
    shares: Floats
    skipped: list[str]

    def share(self, side: Side) -> stats.Estimate:
        """Mean over images of (r(G) - r0) / (r(x) - r0)."""
        return self._mean(self.shares[:, SIDES.index(side)])

    def difference(self) -> stats.Estimate:
        """Mean over images of what is left, malignant minus benign."""
        return self._mean(self.shares[:, 1] - self.shares[:, 0])

    def of(self, image: int, side: Side) -> float:
        """What is left in one image's counterfactual."""
        row = int(np.flatnonzero(self.images == image)[0])
        return float(self.shares[row, SIDES.index(side)])

    def _mean(self, values: Floats) -> stats.Estimate:
        if not self.images.size:
            raise AuditError("no image that carries the artifact can be evaluated")
        return stats.mean(values, self.patients, bounds=_BOUNDS)


def left_of(evidence: Evidence, card: CounterfactualCard, answers: ArtifactAnswers) -> Left:
    """What is left of the artifact, relative to the same image with it (1) and without it (0).

    Of redness r = R - (G + B) / 2 in the artifact's place, in the image x that carries it, in the same image
    without it (r0) and in a counterfactual G: (r(G) - r0) / (r(x) - r0). Above 1, the counterfactual is
    redder there than the image is.
    """
    redness = counterfactual_redness(evidence, card)
    finite = counterfactuals(evidence, card).finite
    before = answers.redness_without
    added = answers.redness_with - before
    plain = answers.carried & finite & (added >= _LEAST)
    images = np.flatnonzero(plain)
    shares = (redness[images] - before[images, None]) / added[images, None]
    lacking = answers.carried & ~finite
    faint = answers.carried & finite & (added < _LEAST)
    skipped = ["not finite"] * int(lacking.sum())
    skipped += ["the artifact does not stand out"] * int(faint.sum())
    return Left(images, evidence.patients[images], shares, skipped)
