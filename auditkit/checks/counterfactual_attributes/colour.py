"""The intervention on colour: images moved towards the mean colour difference of the pairs' background.

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Fig. 3: the response of the score to a shift of chromaticity
(c), held against how often experts called a counterfactual pinker (a).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.counterfactual_attributes.differences import Attribute
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.kinds import Floats
from auditkit.findings import Figure, Series
from auditkit.stats.directions import Direction, mean_direction, response_towards

AXES = ("background.u", "background.v")
RESOLVED = 0.05
_SPACE = "cieluv"


@dataclass(frozen=True)
class Colour:
    """Responses of the score to shifts of colour, and where the pairs differ.

    Attributes:
        radius: of the shifts.
        curves: (n, A) change of the score at A evenly spaced angles from 0.
        vectors: (n, 2) malignant minus benign in u* and v*; NaN where a pair is not in the numbers.
        direction: of their mean; None if too few are.
        exact: (n,) change of the score in that direction; None where no direction is resolved.
        patients: (n,).
    """

    radius: float
    curves: Floats
    vectors: Floats
    direction: Direction | None
    exact: Floats | None
    patients: npt.NDArray[np.str_]

    @classmethod
    def of(
        cls, evidence: Evidence, axes: Mapping[str, Attribute], radius: float, angles: int
    ) -> "Colour":
        """Asks the model.

        Args:
            evidence: of the model.
            axes: the attributes `AXES`.
            radius: of the shifts, in CIELUV.
            angles: number of directions of the curve.
        """
        before = evidence.scores().score[:, None]
        around = [(radius, 360 * i / angles) for i in range(angles)]
        curves = evidence.shifted_scores(_SPACE, around).score - before
        vectors = _vectors([axes[name] for name in AXES])
        direction = _direction(vectors, evidence.patients)
        exact = None
        if direction is not None and direction.p_value <= RESOLVED:
            towards = [(radius, float(direction.degrees))]
            exact = (evidence.shifted_scores(_SPACE, towards).score - before)[:, 0]
        return cls(radius, curves, vectors, direction, exact, evidence.patients)

    def response(self) -> stats.Estimate:
        """Mean change of the score towards the pairs' mean colour difference.

        Raises:
            AuditError: too few pairs, or they do not differ in colour.
        """
        if self.direction is None:
            raise AuditError("the background was measured in pairs of fewer than three patients")
        if self.exact is None:
            raise AuditError(
                "the pairs do not differ in colour: their mean difference in the background's (u*, v*), of "
                f"length {self.direction.length:.2g}, may be 0 (p = {self.direction.p_value:.2g}), so that "
                "there is no direction to move images in"
            )
        return response_towards(
            self.direction, self.exact, self.curves, self.vectors, self.patients
        )

    def figure(self) -> Figure:
        """The response around the circle, and where the pairs differ."""
        count = self.curves.shape[1]
        each = [stats.mean(change, self.patients, bounds=(-1.0, 1.0)) for change in self.curves.T]
        line = Series(
            f"images moved by {self.radius:g}",
            [360 * i / count for i in range(count)],
            [one.value for one in each],
            [one.low for one in each],
            [one.high for one in each],
        )
        return Figure(
            "colour_response",
            "Response to a colour shift, and the colour of the pairs",
            "circle",
            "direction in which the image moves (degrees in the u*, v* plane)",
            "mean change of the score",
            [line, *self._mark(line)],
            f"{self._where()} Where the curve is above 0 there, intervention and counterfactuals agree. "
            "Bands are 95 % intervals over patients.",
            zero=True,
        )

    def _mark(self, line: Series) -> list[Series]:
        """An upright line at the direction of the pairs."""
        if self.direction is None or self.exact is None:
            return []
        # A line from 0 would be closed around the circle; 360 is the same place.
        angle = float(self.direction.degrees or 360)
        ends = [*(line.low or ()), *(line.high or ()), 0.0]
        return [Series("where pairs differ", [angle, angle], [min(ends), max(ends)], dashed=True)]

    def _where(self) -> str:
        if self.direction is None or self.exact is None:
            return "The background of the pairs has no mean colour difference that could be told from 0."
        return (
            f"The malignant counterfactual's background lies {self.direction.length:.3g} from the benign "
            f"one's, towards {self.direction.degrees} degrees."
        )


def _vectors(axes: list[Attribute]) -> Floats:
    used = np.logical_and.reduce([axis.used for axis in axes])
    changes = np.stack([axis.malignant - axis.benign for axis in axes], axis=1)
    found: Floats = np.where(used[:, None], changes, np.nan)
    return found


def _direction(vectors: Floats, patients: npt.NDArray[np.str_]) -> Direction | None:
    known = np.isfinite(vectors).all(axis=1)
    try:
        return mean_direction(vectors[known], patients[known])
    except AuditError:  # the measurement says why
        return None
