"""A model with a planted fault: a real model's log-odds, and what the fault adds to them, for every image.

Nothing is trained, so that the strength is exact, and a model with a fault differs from the one without in
that fault alone. What a composed model truly does is known: it is its answer to all images at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

from auditkit.evidence import Scores
from auditkit.evidence.concepts.kinds import ConceptAnswers, Drawing
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Integers
from auditkit.evidence.measured_values import Variant
from auditkit.proficiency.faults import Fault
from auditkit.proficiency.population import Population, logit, sigmoid
from auditkit.spec.corruptions import Corruption
from auditkit.spec.methods import Occlusion

T = TypeVar("T")

# Composed models differ from the real one in confidence and prevalence too: no two are the same.
_CONFIDENCE, _OFFSET = 0.15, 0.3


@dataclass
class ComposedModel:
    """A real model with a fault.

    log-odds = (c z + o + k a) (1 + m), where z are those of the real model, a the standardised attribute
    that the fault reads, k or m its strength; c and o vary between models.

    Attributes:
        population: the real model's answers.
        fault: what is planted.
        strength: how strong; 0 plants nothing.
        variation: which of many models with this fault.
    """

    population: Population
    fault: Fault
    strength: float
    variation: int
    _kept: dict[object, object] = field(default_factory=dict)

    @cached_property
    def _own(self) -> tuple[float, float]:
        """Confidence c and offset o."""
        return confidence_and_offset(self.variation)

    @property
    def _threshold(self) -> float:
        return float(self.population.evidence.card.threshold or 0.5)

    def scores(self) -> Scores:
        """Of all images, (N,)."""
        return self._once("scores", lambda: self._answer(self.population.scores(), [{}]))

    def shifted(self, space: str, shifts: Sequence[tuple[float, float]]) -> Scores:
        """Of recoloured pictures, (N, shifts)."""
        variants: list[Variant] = [{"radius": r, "angle": angle} for r, angle in shifts]
        base = self.population.shifted(space, shifts)
        return self._once(repr(shifts), lambda: self._answer(base, variants))

    def intervened(self, attribute: str, values: Sequence[float]) -> Scores:
        """Of redrawn pictures, (N, values)."""
        variants: list[Variant] = [{"attribute": attribute, "value": value} for value in values]
        base = self.population.intervened(attribute, values)
        return self._once(repr(variants), lambda: self._answer(base, variants))

    def corrupted(self, corruption: Corruption) -> Scores:
        """Of corrupted pictures, (N,)."""
        variants: list[Variant] = [{"corruption": corruption.identity}]
        base = self.population.corrupted(corruption)
        return self._once(repr(variants), lambda: self._answer(base, variants))

    def occluded(self, method: Occlusion) -> Floats:
        """(N, h, w) heatmaps of the decided class: log-odds are sums, and so are their drops."""
        return self._once(("occluded", repr(method.identity)), lambda: self._occluded(method))

    def drawn(self, drawing: Drawing) -> ConceptAnswers:
        """Answers to images drawn from captions."""
        return self._once(drawing, lambda: self._drawn(drawing))

    def answers(self, *, device: bool) -> Floats:
        """(N, 2) probabilities of the audited model, or of the device's own runtime."""
        return self._once(("answers", device), lambda: self._both(device=device))

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = make()
        return cast("T", self._kept[key])

    def _answer(self, base: Floats, variants: list[Variant]) -> Scores:
        """Scores and decisions for (N,) or (N, variants) log-odds."""
        added = self._read(variants) if self.fault.kind == "reads" and self.strength else None
        if added is not None and base.ndim == 1:
            added = added[:, 0]
        score = sigmoid(self._composed(base, added))
        return Scores(score, np.asarray(score >= self._threshold, dtype=np.int64))

    def _composed(self, base: Floats, added: Floats | None) -> Floats:
        confidence, offset = self._own
        odds = confidence * base[self._source] + offset
        if added is not None:
            odds = odds + self.fault.sign * self.strength * added
        return odds * (1 + self.strength) if self.fault.kind == "calibration" else odds

    def _read(self, variants: list[Variant]) -> Floats:
        """(N, variants) of the attribute."""
        if self.fault.attribute:
            return self.population.attribute(variants, self.fault.attribute)
        values = self.population.values(variants)
        return self.population.standardised(values, self.fault.quantity)

    @cached_property
    def _source(self) -> Integers:
        """Whose answer each image gets: its own, or within the group that is unknown another's."""
        source = np.arange(self.population.n)
        if self.fault.kind != "group" or not self.strength:
            return source
        generator = np.random.default_rng(seed_of("unknown group", self.variation))
        column, value = self.fault.group
        group = np.flatnonzero(self.population.evidence.group(column) == value)
        unknown = group[generator.random(len(group)) < self.strength]
        source[unknown] = generator.permutation(unknown)
        return source

    def _both(self, *, device: bool) -> Floats:
        evidence = self.population.evidence
        raw = evidence.runtime_answers() if device else evidence.answers()
        base = logit(evidence.probabilities(raw)[:, 1])
        reads = self.fault.kind == "reads" or (device and self.fault.kind == "device")
        added = self._read([{}])[:, 0] if reads and self.strength else None
        odds = self._composed(base, added)
        if device and self.fault.kind == "rounding" and self.strength:
            odds = self.strength * np.round(odds / self.strength)
        score = sigmoid(odds)
        return np.stack([1 - score, score], axis=1)

    def _occluded(self, method: Occlusion) -> Floats:
        base = self.population.occlusion(method)
        added = None
        if self.fault.kind == "reads" and self.strength:
            added = self.population.hidden(method, self.fault.quantity)
        # What is constant drops out.
        drop = self._composed(base, added) - self._composed(np.zeros_like(base), None)
        towards = np.where(self.scores().decision == 1, 1.0, -1.0)
        return np.asarray(towards[:, None, None] * drop)

    def _drawn(self, drawing: Drawing) -> ConceptAnswers:
        base = self.population.drawn(drawing)
        # What no generator of attributes drew counts as typical.
        reads = self.fault.kind == "reads" and self.strength and not self.fault.attribute
        values = self.population.drawn_values(drawing) if reads else None
        blocks = {
            name: replace(
                one,
                answers=self._among(one.answers, values.blocks[name].answers if values else None),
            )
            for name, one in base.blocks.items()
        }
        plain = self._among(base.plain, values.plain if values else None)
        return replace(base, plain=plain, blocks=blocks)

    def _among(self, answers: Floats, values: Floats | None) -> Floats:
        """Answers (R, N, ..., 2) with the fault; NaN stays NaN."""
        base = np.moveaxis(logit(answers[..., -1]), 0, -1)
        added = None
        if values is not None:
            added = self.population.standardised(values, self.fault.quantity)
            added = np.moveaxis(added, 0, -1)
        score = np.moveaxis(sigmoid(self._composed(base, added)), -1, 0)
        return np.stack([1 - score, score], axis=-1)


def confidence_and_offset(variation: int) -> tuple[float, float]:
    """How one of many composed models differs from the real one: its log-odds z become c z + o."""
    generator = np.random.default_rng(seed_of("composed model", variation))
    first, second = generator.standard_normal(2)
    return float(np.exp(_CONFIDENCE * first)), float(_OFFSET * second)
