"""Counterfactuals as checks see them. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence.kinds import Floats


@dataclass(frozen=True)
class Counterfactuals:
    """What became of n images in each of B bins. Generated pictures have 8 bits, as people see them.

    Differences are mean absolute ones over pixels and channels, in [0, 1].

    Attributes:
        own: (n,) the model's score of the image as it is.
        score: (n, B) the model's score of the counterfactual for each bin.
        change: (n, B) |G(x, c) - x|.
        span: (n,) |G(x, B - 1) - G(x, 0)|.
        reconstruction: (n,) |G(x, b(f(x))) - x|.
        cycle: (n,) mean over the first and the last bin c of |G(G(x, c), b(f(x))) - x|.
        finite: (n,) whether all of it is finite; the other values of an image that is not are 0.
    """

    own: Floats
    score: Floats
    change: Floats
    span: Floats
    reconstruction: Floats
    cycle: Floats
    finite: npt.NDArray[np.bool_]

    @property
    def bins(self) -> int:
        """Their number."""
        return int(self.score.shape[1])

    @property
    def centres(self) -> Floats:
        """The score that each bin stands for, (B,)."""
        return (np.arange(self.bins) + 0.5) / self.bins

    def opposite(self, threshold: float) -> npt.NDArray[np.bool_]:
        """Whether each pair (first bin, last bin) lies on both sides of the threshold, (n,)."""
        return np.asarray((self.score[:, 0] < threshold) & (self.score[:, -1] >= threshold))

    def flipped(self, threshold: float) -> npt.NDArray[np.bool_]:
        """Whether the counterfactual for the other side flips each image's decision, (n,)."""
        positive = self.own >= threshold
        return np.asarray(
            np.where(positive, self.score[:, 0] < threshold, self.score[:, -1] >= threshold)
        )


@dataclass(frozen=True)
class Measured:
    """Quantities of pictures and of their counterfactuals.

    Attributes:
        reference: (n,) by attribute; NaN where it cannot be measured, ``reasons`` says why.
        benign: (n,) by attribute, of the counterfactual for the first bin.
        malignant: (n,) by attribute, of the counterfactual for the last bin.
        reasons: by attribute, per image why it cannot be measured in one of the three; empty if it can.
    """

    reference: dict[str, Floats]
    benign: dict[str, Floats]
    malignant: dict[str, Floats]
    reasons: dict[str, Sequence[str]]
