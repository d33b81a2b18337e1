"""Importances of blocks of concepts for one model, as far as they can be estimated."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from auditkit import stats
from auditkit.checks.concepts.exact import counted
from auditkit.checks.concepts.target import NO_SCORE, UNITS, Target
from auditkit.checks.measuring import Measuring
from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.metrics import Block, Importances, effect, importances
from auditkit.spec.declarations.depict import Depict
from auditkit.stats.tails import PointTail, TwoTails

NOTHING = "no image could be evaluated"
UNTESTED = (
    "share of resamples; the lower end is 0, since a concept that cannot be permuted might lead"
)
CERTAINTY = "share of resamples of the patients, a degree of certainty without an interval"


@dataclass(frozen=True)
class Ranked:
    """What was found for all blocks.

    Attributes:
        target: the model's answers.
        blocks: answers to the blocks that can be permuted, by name.
        found: their importances; ``None`` if there are none.
        reasons: why a block has no importance, by name; "" if it has one.
    """

    target: Target
    blocks: dict[str, Block]
    found: Importances | None
    reasons: dict[str, str]

    @classmethod
    def of(cls, target: Target, parameters: Depict) -> "Ranked":
        """Blocks of which all images have one value are left out, with the reason."""
        if not target.rows.any():
            return cls(target, {}, None, dict.fromkeys(parameters.names, NOTHING))
        all_blocks = {name: target.block(name) for name in parameters.names}
        blocks = {name: block for name, block in all_blocks.items() if _varies(block)}
        reasons = {name: "" if name in blocks else _one_value(name) for name in all_blocks}
        try:
            found = _importances(target, blocks)
        except AuditError as error:
            return cls(
                target, blocks, None, {name: why or str(error) for name, why in reasons.items()}
            )
        return cls(target, blocks, found, reasons)

    @property
    def names(self) -> list[str]:
        """Blocks, the most important first; those without an importance last, as declared."""
        known = self.found.estimates if self.found else {}
        return sorted(
            self.reasons, key=lambda name: -known[name].value if name in known else np.inf
        )

    def importance(self, name: str) -> stats.Estimate:
        """Of a block.

        Raises:
            AuditError: why there is none.
        """
        return self._known(name).estimates[name]

    def permuted(self, name: str) -> stats.Estimate:
        """Performance expected with a block permuted."""
        return self._known(name).permuted[name]

    def top_probability(self, name: str) -> stats.Estimate:
        """Share of resamples in which a block is the most important one."""
        found = self._known(name)
        share = float(found.rank_probabilities[found.names.index(name), 0])
        certain = counted(share, share, found.plain.n, found.plain.clusters, CERTAINTY)
        if not self.untested:
            return certain
        # A block that cannot be permuted might outrank it.
        tail = TwoTails(PointTail(0.0), PointTail(share))
        return replace(certain, low=0.0, tail=tail, method=UNTESTED)

    def top(self) -> stats.Choice | None:
        """The most important block; one that cannot be permuted is not excluded."""
        if self.found is None:
            return None
        known = self.found.top
        return replace(
            known,
            candidates=(*known.candidates, *self.untested),
            p_values={**known.p_values, **dict.fromkeys(self.untested, 1.0)},
        )

    @property
    def untested(self) -> list[str]:
        """Blocks that could not be permuted."""
        return [name for name, why in self.reasons.items() if why]

    def plain(self) -> stats.Estimate:
        """Performance on images drawn from the captions as they are."""
        if self.found is None:
            raise AuditError(next(iter(self.reasons.values())))
        return self.found.plain

    def effect(self, name: str) -> stats.Estimate:
        """Mean change of the score from a block's first value to its last."""
        if not self.target.rows.any():
            raise AuditError(NOTHING)
        patients = self.target.evidence.patients[self.target.rows]
        return effect(self.target.scores(name), patients)

    def ends(self, name: str) -> list[dict[str, str]]:
        """The first and the last value of a block that occur, by concept; none if no image counts."""
        target = self.target
        return target.drawn.ends(name, target.rows) if target.rows.any() else [{}, {}]

    def _known(self, name: str) -> Importances:
        if self.found is None or self.reasons[name]:
            raise AuditError(self.reasons[name])
        return self.found


def measured(ranked: Ranked, measuring: Measuring, parameters: Depict) -> list[Measurement]:
    """Everything that is declared."""
    target, names = ranked.target, parameters.names
    skipped = [reason for reason in target.drawn.reasons if reason]
    performance = partial(replace, unit=UNITS[target.metric])
    found = []
    for name in names:
        one = measuring(f"importance[{name}]", partial(ranked.importance, name), skipped=skipped)
        effect_of = partial(ranked.effect, name)
        found += [
            performance(one, affected=target.affected()),
            measuring(f"effect[{name}]", effect_of, skipped=skipped),
        ]
    generated = f"generated_{parameters.metric}"
    if parameters.metric == target.metric:
        one = measuring(generated, ranked.plain, skipped=skipped)
        found.append(performance(one, affected=target.affected(permuted=False)))
    else:
        found.append(measuring.inapplicable(generated, NO_SCORE))
    return [*found, *_ranks(ranked, measuring, names, skipped)] if len(names) > 1 else found


def _ranks(
    ranked: Ranked, measuring: Measuring, names: list[str], skipped: list[str]
) -> Iterator[Measurement]:
    for name in names:
        estimate = partial(ranked.top_probability, name)
        one = measuring(f"top_probability[{name}]", estimate, skipped=skipped)
        # Nothing bounds what images that are missing would do to a rank.
        yield replace(one, affected=1.0 if skipped else 0.0)
    one = measuring("top_concept", ranked.plain, skipped=skipped)
    yield replace(one, estimate=None, choice=ranked.top(), affected=0.0)


def _importances(target: Target, blocks: dict[str, Block]) -> Importances:
    rows = target.rows
    return importances(
        target.labels,
        target.plain,
        blocks,
        metric=target.metric,
        clusters=target.evidence.patients[rows],
        missing=target.evidence.labels[~rows],
    )


def _varies(block: Block) -> bool:
    own = np.asarray(block.own)
    return own.size > 0 and own.min() < own.max()


def _one_value(name: str) -> str:
    return f"all images have one value of {name}, so that there is nothing to permute"
