"""What is measured of the methods that can be asked."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from auditkit import stats
from auditkit.checks.compare_methods.blocks import Blocks, Images
from auditkit.checks.measuring import Measuring
from auditkit.evidence import Evidence
from auditkit.findings import Measurement
from auditkit.spec.declarations.compare_methods import CompareMethods


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
                yield self.measuring(f"{a}.over.{b}", better, skipped=self.blocks.skipped)
                apart = partial(self.blocks.difference, a, b, (low - high, high - low))
                yield self.measuring(f"{a}.minus.{b}", apart, skipped=self.blocks.skipped)

    def within(self, values: Sequence[str]) -> Iterator[Measurement]:
        """The ranking in each group, and whether it is that of all other images."""
        column, better = self.parameters.by, self.parameters.larger_is_better
        if column is None:
            return
        groups, least = self.evidence.group(column), self.parameters.min_group
        for value in values:
            rows = np.asarray(groups == value)
            own = self.images.blocks(rows, larger_is_better=better)
            others = self.images.blocks(~rows, larger_is_better=better)
            yield from self._ranking(own, {column: value}, least)
            agreed = partial(_agreement, own, others, least)
            skipped = [*own.skipped, *others.skipped]
            yield self.measuring("rank_agreement.group", agreed, {column: value}, skipped)

    def elsewhere(self) -> Iterator[Measurement]:
        """Whether the ranking is that on other data sets."""
        methods = [m for m in self.parameters.methods if m.label in self.images.labels]
        for name in self.parameters.against:
            images = Images.of(self.evidence.sibling(name), methods, self.parameters)
            other = images.blocks(larger_is_better=self.parameters.larger_is_better)
            # Equal ids in two data sets are two patients.
            other = replace(other, patients=np.char.add(f"{name}: ", other.patients))
            yield self.measuring(
                "rank_agreement.data",
                partial(_agreement, self.blocks, other, 2),
                {"against": name},
                [*self.blocks.skipped, *other.skipped],
                self.blocks.planned + other.planned,
            )

    def _ranking(self, blocks: Blocks, at: dict[str, str], least: int) -> Iterator[Measurement]:
        measured = {"concordance": partial(blocks.concordance, least)} | {
            f"{label}.mean_rank": partial(blocks.mean_rank, label, least) for label in blocks.labels
        }
        for name, estimate in measured.items():
            yield self.measuring(name, estimate, at, blocks.skipped, blocks.planned)


def _agreement(first: Blocks, second: Blocks, least: int) -> stats.Estimate:
    """Kendall's tau-b between two rankings."""
    first.require(least)
    second.require(least)
    found = stats.rank_agreement(first.values, second.values, first.patients, second.patients)
    return replace(found, n=first.images + second.images)
