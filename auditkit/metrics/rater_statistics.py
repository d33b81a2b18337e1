"""Alpha and kappa of units that may count several times, as resamples of patients want them."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError

Floats = npt.NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]

ONE_VALUE = "all ratings are equal"
NOT_PAIRED = "no unit has two ratings"


class Alpha:
    """Alpha of units that may count several times, as resamples of patients want it."""

    def __init__(self, counts: Floats, values: Floats, level: Level) -> None:
        paired = counts.sum(axis=1) >= 2
        self.values, self.level = values, level
        # Units with one rating keep their place, with nothing in it.
        self.counts = counts * paired[:, None]
        self.sizes = self.counts.sum(axis=1)
        if not paired.any():
            raise AuditError(NOT_PAIRED)
        if np.count_nonzero(self.counts.sum(axis=0)) < 2:
            raise AuditError(ONE_VALUE)

    def __call__(self, weights: Floats) -> Floats:
        """Alpha for each row of weights (B, units); NaN where all ratings are equal."""
        margins = weights @ self.counts
        total = margins.sum(axis=1)
        if self.level == "nominal":
            within = weights @ _apart(self.sizes**2 - (self.counts**2).sum(axis=1), self.sizes)
            among = total**2 - (margins**2).sum(axis=1)
        else:
            places = self._places(margins)
            spread = _spread(self.counts, places, self.sizes)
            within = (weights * _apart(spread, self.sizes)).sum(axis=1)
            first, second = (margins * places).sum(axis=1), (margins * places**2).sum(axis=1)
            among = 2 * (total * second - first**2)
        # One value only: counted, because rounding leaves its spread not exactly 0.
        defined = np.count_nonzero(margins, axis=1) > 1
        found: Floats = 1 - (total - 1) * within / np.where(defined, among, np.nan)
        return found

    def _places(self, margins: Floats) -> Floats:
        """Where each value lies, (B, values): on its own scale, or as midrank among all ratings."""
        if self.level == "interval":
            centred = self.values - self.values.mean()
            places: Floats = np.broadcast_to(centred / np.abs(centred).max(), margins.shape)
            return places
        midranks = np.cumsum(margins, axis=1) - margins / 2
        ranked: Floats = midranks - midranks.mean(axis=1, keepdims=True)
        return ranked


def _spread(counts: Floats, places: Floats, sizes: Floats) -> Floats:
    """Sum over pairs of a unit's ratings of the squared distance of their places, (B, units)."""
    found: Floats = 2 * (sizes * (places**2 @ counts.T) - (places @ counts.T) ** 2)
    return found


def _apart(disagreement: Floats, sizes: Floats) -> Floats:
    """Divided by m - 1; nothing where a unit has no pair."""
    return disagreement / np.maximum(sizes - 1, 1)


class Kappa:
    """Kappa of units that may count several times."""

    def __init__(self, counts: Floats) -> None:
        self.counts, self.raters = counts, float(counts[0].sum())
        if np.count_nonzero(counts.sum(axis=0)) < 2:
            raise AuditError(ONE_VALUE)
        pairs = self.raters * (self.raters - 1)
        self.agreement = ((counts**2).sum(axis=1) - self.raters) / pairs

    def __call__(self, weights: Floats) -> Floats:
        """Kappa for each row of weights (B, units); NaN where all ratings are equal."""
        units = weights.sum(axis=1)
        margins = weights @ self.counts
        shares = margins / (units * self.raters)[:, None]
        by_chance = (shares**2).sum(axis=1)
        defined = np.count_nonzero(margins, axis=1) > 1
        observed = weights @ self.agreement / units
        found: Floats = (observed - by_chance) / np.where(defined, 1 - by_chance, np.nan)
        return found
