"""A sample of patients as an audit sees it: evidence of a composed model on some of the population."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from auditkit.data.dataset import Mask, Picture, Record
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Scores
from auditkit.evidence.concepts.kinds import ConceptAnswers, Drawing
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Fitness, Floats, Heatmaps, Integers
from auditkit.proficiency.composed import ComposedModel
from auditkit.proficiency.population import Population
from auditkit.spec.corruptions import Corruption
from auditkit.spec.data_card import DataCard
from auditkit.spec.methods import Method, Occlusion


class NotComposedError(AuditError):
    """A check asks for evidence that does not follow from a model's scores and measured attributes."""


def drawn(population: Population, images: int, seed: int) -> tuple[Integers, list[str]]:
    """A random sample: patients with replacement, all images of each, until there are so many images.

    A patient who is drawn twice counts as two: so samples are independent of each other, and the truth of a
    model is its answer to the population.

    Returns:
        The rows, and the patient of each.
    """
    generator = np.random.default_rng(seed_of("sample of patients", population.n, seed))
    rows: list[int] = []
    names: list[str] = []
    while len(rows) < images:
        one = population.patients[int(generator.integers(len(population.patients)))]
        names += [f"patient {len(rows)}"] * len(one)
        rows += one.tolist()
    return np.array(rows[:images]), names[:images]


class SampledEvidence(Evidence):
    """What checks ask of evidence, for a composed model and a sample; pictures are blank.

    Args:
        model: the composed model.
        rows: of the population.
        patients: of each row; None if the sample is the population.
    """

    def __init__(
        self, model: ComposedModel, rows: Integers, patients: Sequence[str] | None = None
    ) -> None:
        base = model.population.evidence
        self._composed, self._base, self._rows = model, base, rows
        self.card, self.settings, self.peers = base.card, base.settings, base.peers
        self.data = _SampledData(base.data.card)
        names = patients or [base.records[row].patient for row in rows.tolist()]
        self.records = [
            replace(base.records[row], id=f"{at}", digest=f"{at}", patient=name)
            for at, (row, name) in enumerate(zip(rows.tolist(), names, strict=True))
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        """It is sent nowhere."""
        raise AuditError("evidence of composed models stays in its process")

    def scores(self) -> Scores:
        """Of the sample."""
        return self._of(self._composed.scores())

    def shifted_scores(self, space: str, shifts: Sequence[tuple[float, float]]) -> Scores:
        """Of the sample's recoloured pictures."""
        return self._of(self._composed.shifted(space, shifts))

    def intervened_scores(self, attribute: str, values: Sequence[float]) -> Scores:
        """Of the sample's redrawn pictures."""
        return self._of(self._composed.intervened(attribute, values))

    def corrupted_scores(self, corruption: Corruption) -> Scores:
        """Of the sample's corrupted pictures."""
        return self._of(self._composed.corrupted(corruption))

    def corrupted_picture(self, _index: int, _corruption: Corruption) -> Picture:
        """Blank: nobody looks."""
        return self._blank

    def true_probabilities(self, _attribute: str, values: Sequence[float]) -> Floats:
        """Nobody looks at them here."""
        return np.full((self.n, len(values)), np.nan)

    def concept_answers(self, drawing: Drawing) -> ConceptAnswers:
        """To images drawn from the sample's captions."""
        every = self._composed.drawn(drawing)
        blocks = {
            name: replace(one, own=one.own[self._rows], answers=one.answers[:, self._rows])
            for name, one in every.blocks.items()
        }
        skipped = [every.skipped[row] for row in self._rows.tolist()]
        return replace(every, plain=every.plain[:, self._rows], blocks=blocks, skipped=skipped)

    def answers(self, mode: Any = None) -> Floats:
        """(n, 2) probabilities; in the card's own arithmetic only."""
        if mode not in (None, self.card.mode):
            raise NotComposedError(f"answers in the arithmetic '{mode}' are not composed")
        return np.asarray(self._composed.answers(device=False)[self._rows])

    def runtime_answers(self, kernel: str = "", *, vendor: bool = False) -> Floats:
        """(n, 2) probabilities of the device's runtime."""
        if kernel or vendor:
            raise NotComposedError(
                "only the runtime's usual answers to the same pictures are composed"
            )
        return np.asarray(self._composed.answers(device=True)[self._rows])

    def output_step(self) -> float | None:
        """Of the real device."""
        return self._base.output_step()

    def probabilities(self, raw: Floats) -> Floats:
        """As they are: answers of composed models are probabilities."""
        return raw

    def fitness(self, method: Method) -> Fitness:
        """Occlusion is composed."""
        self._occlusion(method)
        return Fitness()

    def heatmaps(self, method: Method) -> Heatmaps:
        """Of the sample, by occlusion."""
        maps = self._composed.occluded(self._occlusion(method))[self._rows]
        sides = zip(self.picture(0).shape, maps.shape[1:], strict=False)
        return Heatmaps(maps.astype(np.float32), max(-(-size // cells) for size, cells in sides))

    def _occlusion(self, method: Method) -> Occlusion:
        if not isinstance(method, Occlusion) or method.baseline != "mean":
            raise NotComposedError(
                f"heatmaps ({method.label}) are not composed, only occlusion by the mean colour is"
            )
        if self.card.volume is not None:
            raise NotComposedError("heatmaps of volumes are not composed")
        if self._composed.fault.attribute:
            raise NotComposedError(
                f"what a generator drew ('{self._composed.fault.name}') cannot be covered"
            )
        return method

    def mask(self, index: int) -> Mask | None:
        """The annotation."""
        return self._composed.population.mask(int(self._rows[index]))

    def gather(self, name: str, *_: Any, **__: Any) -> Any:
        """Not composed, whatever else is asked for."""
        raise NotComposedError(f"evidence '{name}' is not composed")

    def sibling(self, data: str) -> Evidence:
        """Not composed."""
        raise NotComposedError(f"further data sets ({data}) are not composed")

    def peer(self, model: str) -> Evidence:
        """Not composed."""
        raise NotComposedError(f"further models ({model}) are not composed")

    def intervened_picture(self, _index: int, _attribute: str, _value: float) -> Picture:
        """Blank: nobody looks."""
        return self._blank

    def concept_picture(self, *_: Any, **__: Any) -> Picture:
        """Blank: nobody looks."""
        return self._blank

    def picture(self, index: int) -> Picture:
        """Blank, as large as its annotation: nobody looks."""
        mask = self.mask(index)
        return self._blank if mask is None else np.zeros((*mask.shape, 3), np.uint8)

    @cached_property
    def _blank(self) -> Picture:
        return np.zeros((8, 8, 3), np.uint8)

    def _of(self, every: Scores) -> Scores:
        return Scores(every.score[self._rows], every.decision[self._rows])


class _SampledData:
    """The population's data set, without its pictures."""

    def __init__(self, card: DataCard) -> None:
        self.card = card
        self.records: Sequence[Record] = ()

    def image(self, _index: int) -> Picture:
        """Blank: nobody looks."""
        return np.zeros((8, 8, 3), np.uint8)

    def mask(self, _index: int) -> Mask | None:
        """None: the evidence has them."""
        return None
