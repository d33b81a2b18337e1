"""Faithfulness image by image: from answers to perturbed images to one number each, or a reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Evidence
from auditkit.evidence.perturbed import Perturbed, Perturbing, perturbed
from auditkit.metrics import NotEvaluable
from auditkit.metrics.faithfulness import curve_areas, infidelity, sensitivity_n
from auditkit.spec.declarations.faithfulness import Faithfulness
from auditkit.spec.methods import Method

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """A number per image.

    Attributes:
        values: (n,), 0 where there is a reason.
        reasons: (n,), why an image could not be evaluated; empty if it could.
    """

    values: Floats
    reasons: Sequence[str]

    @classmethod
    def none(cls, count: int, reason: str) -> "Scores":
        """No image has a number, all for one reason."""
        return cls(np.zeros(count), [reason] * count)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which images could be evaluated."""
        return np.array([not reason for reason in self.reasons], dtype=np.bool_)

    @property
    def skipped(self) -> list[str]:
        """The reasons of those that could not."""
        return [reason for reason in self.reasons if reason]

    def above(self, other: "Scores", sign: float) -> "Scores":
        """By how much these exceed others, times a sign, where both are known."""
        pairs = zip(self.reasons, other.reasons, strict=True)
        reasons = [mine or (theirs and f"control: {theirs}") for mine, theirs in pairs]
        return Scores(sign * (self.values - other.values), reasons)


@dataclass(frozen=True)
class PerturbedImages:
    """All images under one method's heatmaps."""

    answers: Perturbed
    sizes: Sequence[float]

    @classmethod
    def of(
        cls,
        evidence: Evidence,
        method: Method,
        parameters: Faithfulness,
        units_of: Method | None = None,
    ) -> "PerturbedImages":
        """From evidence; over the units of another method, if one is given."""
        sizes = tuple(parameters.sizes)
        how = Perturbing(parameters.fill, parameters.steps, sizes, parameters.subsets)
        return cls(perturbed(evidence, method, how, units_of), sizes)

    def same_units(self, other: "PerturbedImages") -> bool:
        """Whether both are about cells of one size; superpixels are a method's own."""
        mine, theirs = self.answers, other.answers
        return mine.cell == theirs.cell and not (mine.superpixels or theirs.superpixels)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which images have curves."""
        return np.array([not problem for problem in self.answers.problem], dtype=np.bool_)

    def scores(self, part: str, size: float | None = None) -> Scores:
        """One of the four quantities.

        Args:
            part: ``deletion``, ``insertion``, ``infidelity`` or ``sensitivity_n``.
            size: of the subsets of sensitivity-n.
        """
        if part in ("deletion", "insertion"):
            areas = np.zeros(self.known.size)
            curves = self.curves(part)
            if len(curves):
                areas[self.known] = curve_areas(self.answers.shares[self.known], curves)
            return Scores(areas, list(self.answers.problem))
        sums, changes = self.answers.sums, self.answers.changes
        if size is not None:
            at = self.sizes.index(size)
            sums, changes = sums[:, at], changes[:, at]
        quantity = infidelity if part == "infidelity" else sensitivity_n
        count = len(sums)
        return self._each(quantity, sums.reshape(count, -1), changes.reshape(count, -1))

    def equal_values(self) -> Scores:
        """Infidelity of a heatmap of equal values, whose sums are the subsets' sizes."""
        changes = self.answers.changes
        sums = np.broadcast_to(np.array(self.sizes)[:, None], changes.shape)
        count = len(changes)
        return self._each(infidelity, sums.reshape(count, -1), changes.reshape(count, -1))

    def curves(self, part: str) -> Floats:
        """Probabilities (known images, steps + 1) of ``deletion`` or ``insertion``."""
        curves: Floats = getattr(self.answers, part)[self.known]
        # A sum of softmax outputs can exceed 1 by rounding.
        return np.clip(curves, 0.0, 1.0)

    def _each(
        self, quantity: Callable[[Floats, Floats], float], sums: Floats, changes: Floats
    ) -> Scores:
        values, reasons = np.zeros(len(sums)), list(self.answers.problem)
        for image in np.flatnonzero(self.known):
            try:
                values[image] = quantity(sums[image], changes[image])
            except NotEvaluable as error:
                reasons[image] = error.reason
        return Scores(values, reasons)
