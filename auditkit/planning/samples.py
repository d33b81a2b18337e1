"""Samples that fit a budget: one share of the images for all audits, the largest that does."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from auditkit.planning.costs import PlanCost
from auditkit.spec.load import Audit
from auditkit.spec.model_card import ModelCard

Pair = tuple[Audit, ModelCard]
Plan = Callable[[Sequence[Pair]], PlanCost]

# Plans are walked through again with other samples; each time takes what measuring takes.
_TRIES = 5


@dataclass(frozen=True)
class Sample:
    """How many images an audit is to have.

    Attributes:
        audit: its id.
        images: planned.
        whole: as the spec has it, or all of the data.
        least: below which no budget goes: `min_n` patients of its expectations, and a batch.
        changes: parameters that say so.
    """

    audit: str
    images: int
    whole: int
    least: int
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Budgeted:
    """A plan within a budget, or the smallest one.

    Attributes:
        budget: seconds.
        seconds: of the plan on the workers asked for.
        samples: of every audit whose sample can be chosen.
        cost: of the plan.
        fits: whether it is within the budget.
    """

    budget: float
    seconds: float
    samples: Sequence[Sample]
    cost: PlanCost
    fits: bool


@dataclass(frozen=True)
class Choosing:
    """One audit's choice of images.

    Attributes:
        audit: as its spec has it.
        whole: images, all.
        least: images, at least.
        batch: inputs per pass: a batch that is begun costs as much as a whole one.
    """

    audit: Audit
    whole: int
    least: int
    batch: int

    def sample(self, share: float) -> Sample:
        """With about this share of the images, in whole batches."""
        wanted = math.ceil(share * self.whole / self.batch - 1e-9) * self.batch
        images = min(self.whole, max(self.least, wanted))
        changes = {} if images == self.whole else changes_for(self.audit, images)
        return Sample(self.audit.id, images, self.whole, self.least, changes)


def choosing(audit: Audit, patients: Sequence[str], batch: int) -> Choosing | None:
    """What can be chosen of an audit; None where it has no parameter ``images``.

    Args:
        audit: as its spec has it.
        patients: of each image that it looks at, in order.
        batch: inputs per pass.
    """
    if "images" not in type(audit.parameters).model_fields or not patients:
        return None
    wanted = max((one.min_n for one in audit.spec.expect), default=1)
    seen: set[str] = set()
    least = len(patients)
    for at, patient in enumerate(patients):
        seen.add(patient)
        if len(seen) >= wanted:
            least = at + 1
            break
    return Choosing(audit, len(patients), min(len(patients), max(least, batch)), batch)


def changes_for(audit: Audit, images: int) -> dict[str, Any]:
    """Parameters with so many images; other numbers of images that may not be larger follow."""
    changes: dict[str, Any] = {"images": images}
    try:
        _changed(audit, changes)
    except ValidationError:
        given = audit.parameters.model_dump()
        changes |= {
            name: images
            for name, value in given.items()
            if name.endswith("images") and isinstance(value, int) and value > images
        }
    return changes


def with_sample(audit: Audit, sample: Sample) -> Audit:
    """The audit with this sample."""
    if not sample.changes:
        return audit
    return replace(audit, parameters=_changed(audit, sample.changes))


def within(
    budget: float,
    workers: int,
    pairs: Sequence[Pair],
    choices: Mapping[str, Choosing],
    whole: PlanCost,
    plan: Plan,
) -> Budgeted:
    """The largest common share of the images with which a plan fits a budget.

    Args:
        budget: seconds.
        workers: on which the plan is to run.
        pairs: audits and models.
        choices: by audit.
        whole: what the plan costs with all images.
        plan: what pairs cost.
    """
    search = _Search(budget, workers, pairs, choices, plan)
    every = search.result(1.0, whole)
    if every.fits:
        return every
    least = search.at(0.0)
    return search.between(least, every) if least.fits else least


@dataclass
class _Search:
    budget: float
    workers: int
    pairs: Sequence[Pair]
    choices: Mapping[str, Choosing]
    plan: Plan

    def samples(self, share: float) -> dict[str, Sample]:
        return {name: choice.sample(share) for name, choice in self.choices.items()}

    def at(self, share: float) -> Budgeted:
        chosen = self.samples(share)
        pairs = [
            (with_sample(audit, chosen[audit.id]) if audit.id in chosen else audit, card)
            for audit, card in self.pairs
        ]
        return self.result(share, self.plan(pairs))

    def result(self, share: float, cost: PlanCost) -> Budgeted:
        seconds = cost.seconds(self.workers)
        samples = list(self.samples(share).values())
        return Budgeted(self.budget, seconds, samples, cost, seconds <= self.budget)

    def between(self, best: Budgeted, worst: Budgeted) -> Budgeted:
        """Nearer and nearer, by the line between what fits and what does not."""
        low, high = 0.0, 1.0
        seen = {_numbers(best), _numbers(worst)}
        for _ in range(_TRIES):
            step = (self.budget - best.seconds) / max(worst.seconds - best.seconds, 1e-9)
            share = low + min(max(0.98 * step, 0.05), 0.95) * (high - low)
            if _images(self.samples(share).values()) in seen:
                break
            found = self.at(share)
            seen.add(_numbers(found))
            if found.fits:
                best, low = found, share
            else:
                worst, high = found, share
        return best


def _numbers(budgeted: Budgeted) -> tuple[int, ...]:
    return _images(budgeted.samples)


def _images(samples: Any) -> tuple[int, ...]:
    return tuple(sample.images for sample in samples)


def _changed(audit: Audit, changes: Mapping[str, Any]) -> Any:
    kind = type(audit.parameters)
    return kind.model_validate(
        {**audit.parameters.model_dump(mode="json", by_alias=True), **changes}
    )
