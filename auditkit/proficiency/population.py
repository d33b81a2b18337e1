"""Evidence of one model on the images that samples are drawn from: gathered once, composed often."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Mask
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Scores
from auditkit.evidence.concepts.kinds import ConceptAnswers, Drawing
from auditkit.evidence.concepts.values import concept_values
from auditkit.evidence.kinds import Floats, Integers
from auditkit.evidence.measured_values import NAMES, Variant, measured_values
from auditkit.spec.corruptions import Corruption
from auditkit.spec.methods import Occlusion

T = TypeVar("T")

# A score of 0 or 1 is one of a quantised output: its log-odds are those of half a step of 8 bits.
LEAST = 1 / 512


@dataclass
class Population:
    """All images of a data set, as one model answers to them, with what is measured in them.

    Attributes:
        evidence: of a model with a score.
    """

    evidence: Evidence
    _kept: dict[object, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold the model to what can be composed."""
        if not self.evidence.two_class:
            raise AuditError(
                f"'{self.evidence.card.model}' has no score: faults are planted in the log-odds of a score; "
                "use a model with 'score' and 'threshold' in its card"
            )

    @property
    def n(self) -> int:
        """Number of images."""
        return self.evidence.n

    @cached_property
    def patients(self) -> list[Integers]:
        """The images of each patient."""
        _, number = np.unique(self.evidence.patients, return_inverse=True)
        order = np.argsort(number, kind="stable")
        return list(np.split(order, np.cumsum(np.bincount(number))[:-1]))

    @cached_property
    def typical(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each quantity over the pictures as they are; NaN if unknown."""
        values = self.values([{}])[:, 0]
        known = np.isfinite(values)
        count = known.sum(axis=0)
        filled = np.where(known, values, 0.0)
        mean = filled.sum(axis=0) / np.maximum(count, 1)
        spread = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / (count - 1))
        return mean, spread

    def standardised(self, values: Floats, quantity: str) -> Floats:
        """(values - mean) / standard deviation of a quantity, (..., quantities) to (...); 0 where unknown."""
        at = NAMES.index(quantity)
        mean, spread = self.typical
        if not spread[at] > 0:
            raise AuditError(
                f"'{quantity}' is the same in all pictures of '{self.evidence.data.card.data}', so that no "
                "model can be made to read it there; leave its fault out"
            )
        return np.asarray(np.nan_to_num((values[..., at] - mean[at]) / spread[at]))

    @cached_property
    def attributes(self) -> list[Mapping[str, float]]:
        """What a generator drew each picture with; empty if none did."""
        case = getattr(self.evidence.data, "case", None)
        return [case(index).attributes for index in range(self.n)] if case else []

    def attribute(self, variants: Sequence[Variant], name: str) -> Floats:
        """(N, variants) of what the generator drew, in standard deviations of the pictures as they are."""
        drawn = np.array([one[name] for one in self.attributes])
        columns = [
            np.full(self.n, one["value"]) if one.get("attribute") == name else drawn
            for one in variants
        ]
        return np.asarray((np.stack(columns, axis=1) - drawn.mean()) / drawn.std(ddof=1))

    def scores(self) -> Floats:
        """(N,) log-odds of the score."""
        return self._once("scores", lambda: log_odds(self.evidence.scores()))

    def shifted(self, space: str, shifts: Sequence[tuple[float, float]]) -> Floats:
        """(N, shifts) log-odds of recoloured pictures."""
        key = ("shifted", space, tuple(shifts))
        return self._once(key, lambda: log_odds(self.evidence.shifted_scores(space, shifts)))

    def intervened(self, attribute: str, values: Sequence[float]) -> Floats:
        """(N, values) log-odds of redrawn pictures."""
        key = ("intervened", attribute, tuple(values))
        return self._once(key, lambda: log_odds(self.evidence.intervened_scores(attribute, values)))

    def corrupted(self, corruption: Corruption) -> Floats:
        """(N,) log-odds of corrupted pictures."""
        key = ("corrupted", repr(corruption.identity))
        return self._once(key, lambda: log_odds(self.evidence.corrupted_scores(corruption)))

    def occlusion(self, method: Occlusion) -> Floats:
        """(N, h, w) drop of the score's log-odds where windows are covered."""

        def oriented() -> Floats:
            towards = np.where(self.evidence.scores().decision == 1, 1.0, -1.0)
            maps = self.evidence.heatmaps(method).maps.astype(np.float64)
            return np.asarray(towards[:, None, None] * maps)

        return self._once(("occlusion", repr(method.identity)), oriented)

    def hidden(self, method: Occlusion, quantity: str) -> Floats:
        """(N, h, w) drop of a quantity, in standard deviations, where windows are covered."""

        def dropped() -> Floats:
            from auditkit.evidence.heatmaps.perturbation.windows import axes_of

            axes = axes_of(method, self.evidence.picture(0).shape[:2])
            rows, columns = ([_ends(one) for one in axis.covers.numpy()] for axis in axes)
            boxes: list[Variant] = [{"covered": [*r, *c]} for r in rows for c in columns]
            known, left = self.values([{}]), self.values(boxes)
            drop = self.standardised(known, quantity) - self.standardised(left, quantity)
            grid = drop.reshape(self.n, len(rows), len(columns))
            shares = [axis.shares.numpy() for axis in axes]
            return np.asarray(np.einsum("nij,ih,jw->nhw", grid, *shares))

        return self._once(("hidden", repr(method.identity), quantity), dropped)

    def mask(self, index: int) -> Mask | None:
        """The annotated region on the model's square."""
        return self._once(("mask", index), lambda: self.evidence.mask(index))

    def drawn(self, drawing: Drawing) -> ConceptAnswers:
        """The model's answers to drawn images."""
        return self._once(("drawn", drawing), lambda: self.evidence.concept_answers(drawing))

    def answers(self) -> Floats:
        """(N, K) raw outputs of the audited model."""
        return self._once("answers", self.evidence.answers)

    def values(self, variants: Sequence[Variant]) -> Floats:
        """(N, variants, quantities), NaN where unknown."""
        key = ("values", repr(variants))
        return self._once(key, lambda: measured_values(self.evidence, variants))

    def drawn_values(self, drawing: Drawing) -> ConceptAnswers:
        """Measured quantities of drawn images."""
        return self._once(("drawn values", drawing), lambda: concept_values(self.evidence, drawing))

    def _once(self, key: object, gather: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = gather()
        return cast("T", self._kept[key])


def _ends(covered: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """First pixel of a window along an axis, and the one after its last."""
    pixels = np.flatnonzero(covered)
    return int(pixels[0]), int(pixels[-1]) + 1


def log_odds(scores: Scores) -> Floats:
    """Of scores, away from 0 and 1."""
    return logit(scores.score)


def logit(score: Floats) -> Floats:
    """Log-odds; of 0 and 1 those of half a step of 8 bits."""
    inside = np.clip(score, LEAST, 1 - LEAST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def sigmoid(odds: Floats) -> Floats:
    """Probability of log-odds."""
    return np.asarray(0.5 * (1 + np.tanh(odds / 2)))
