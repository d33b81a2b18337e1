"""What is measured of the methods that can be asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from auditkit import stats
from auditkit.checks.compare_methods.blocks import Blocks, Images
from auditkit.checks.measuring import Measuring
from auditkit.checks.performance.groups import column_texts
from auditkit.evidence import Evidence
from auditkit.findings import At, Measurement
from auditkit.spec.declarations.compare_methods import CompareMethods

Estimator = Callable[[], stats.Estimate]


class Comparison:
    """Methods compared on patients.

    Attributes:
        blocks: the patients of all images.
    """

    def __init__(
        self, evidence: Evidence, parameters: CompareMethods, measuring: Measuring, images: Images
    ) -> None:
        self.evidence, self.parameters = evidence, parameters
        self.measuring, self.images = measuring, images
        self.blocks = images.blocks(larger_is_better=parameters.larger_is_better)

    def overall(self) -> Iterator[Measurement]:
        """Concordance, mean ranks and pairs over all images."""
        yield from self._ranking(self.blocks, {}, least=2)
        low, high = self.parameters.bounds
        for first, second in self.parameters.pairs:
            a, b = first.label, second.label
            if {a, b} <= set(self.images.labels):
                better = partial(self.blocks.superiority, a, b)
                yield self._measured(f"{a}.over.{b}", better, self.blocks)
                apart = partial(self.blocks.difference, a, b, (low - high, high - low))
                yield self._measured(f"{a}.minus.{b}", apart, self.blocks)

    def within(self, values: Sequence[str]) -> Iterator[Measurement]:
        """The ranking in each group, and whether it is that of all other images."""
        column, better = self.parameters.by, self.parameters.larger_is_better
        if column is None:
            return
        groups, least = column_texts(self.evidence, column), self.parameters.min_group
        for value in values:
            rows = np.asarray(groups == value)
            own = self.images.blocks(rows, larger_is_better=better)
            others = self.images.blocks(~rows, larger_is_better=better)
            yield from self._ranking(own, {column: value}, least)
            yield self._agreement("rank_agreement.group", (own, others), {column: value}, least)

    def elsewhere(self) -> Iterator[Measurement]:
        """Whether the ranking is that on other data sets."""
        methods = [m for m in self.parameters.methods if m.label in self.images.labels]
        for name in self.parameters.against:
            images = Images.of(self.evidence.sibling(name), methods, self.parameters)
            other = images.blocks(larger_is_better=self.parameters.larger_is_better)
            # Equal ids in two data sets are two patients.
            other = replace(other, patients=np.char.add(f"{name}: ", other.patients))
            yield self._agreement("rank_agreement.data", (self.blocks, other), {"against": name}, 2)

    def _ranking(self, blocks: Blocks, at: dict[str, str], least: int) -> Iterator[Measurement]:
        alike = self._measured("concordance", partial(blocks.concordance, least), blocks, at)
        yield replace(alike, affected=blocks.affected_pairs)
        for label in blocks.labels:
            mean = partial(blocks.mean_rank, label, least)
            yield self._measured(f"{label}.mean_rank", mean, blocks, at)

    def _measured(
        self, name: str, estimate: Estimator, blocks: Blocks, at: At | None = None
    ) -> Measurement:
        """An average over patients: what is missing concerns patients, not images alone."""
        found = self.measuring(name, estimate, at, blocks.skipped, blocks.planned)
        return replace(found, affected=blocks.affected)

    def _agreement(self, name: str, sets: tuple[Blocks, Blocks], at: At, least: int) -> Measurement:
        """Kendall's tau-b between two rankings; its interval holds whatever the missing images are."""
        first, second = sets
        low, high = self.parameters.bounds
        # A patient's difference may go from one end of its range to the other.
        room = 2 * (high - low)
        unseen = room * first.affected, room * second.affected

        def agreed() -> stats.Estimate:
            first.require(least)
            second.require(least)
            patients = first.patients, second.patients
            found = stats.rank_agreement(first.values, second.values, *patients, unseen=unseen)
            return replace(found, n=first.images + second.images)

        skipped, planned = [*first.skipped, *second.skipped], first.planned + second.planned
        return replace(self.measuring(name, agreed, at, skipped, planned), affected=0.0)
