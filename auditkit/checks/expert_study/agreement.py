"""Agreement of experts with the model, with each other and with themselves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from auditkit.checks.measuring import Measuring
from auditkit.data.answer_arrays import ModelAnswers
from auditkit.errors import AuditError
from auditkit.findings import At, Measurement
from auditkit.metrics.attribute_agreement import MISSING
from auditkit.metrics.cohen_kappa import Pairs, pooled_kappa
from auditkit.metrics.expert_agreement import choice_alpha, repeat_agreement
from auditkit.stats import Estimate

UNABLE = "an expert was unable to assess the pair"
NO_ANSWER = "not answered"
ALONE = "answered by one expert at most"
_TWO = 2


@dataclass(frozen=True)
class Agreement:
    """Measures the agreement about one model's pairs.

    Attributes:
        own: answers to them.
        experts: names, in the order of the arrays.
        measuring: makes measurements.
    """

    own: ModelAnswers
    experts: Sequence[str]
    measuring: Measuring

    def all(self) -> Iterator[Measurement]:
        """Kappa with the model, alpha between experts, kappa within each."""
        model = [self._with_model(place) for place in range(len(self.experts))]
        for place, expert in enumerate(self.experts):
            at = {"expert": expert}
            yield self._measured("kappa", partial(_kappa, model[place : place + 1]), at, [place])
        everybody = range(len(self.experts))
        yield self._measured("kappa", partial(_kappa, model), {}, everybody)
        yield from self._repeated()
        yield self._between()

    def _with_model(self, place: int) -> Pairs:
        """An expert's answers and the model's, as displayed."""
        counts = self.own.counted[place]
        return Pairs(
            self.own.displayed[place, counts],
            self.own.malignant[place, counts],
            self.own.units[counts],
        )

    def _alpha(self) -> Estimate:
        """Which picture is the malignant one, wherever it was displayed."""
        chosen = np.where(self.own.counted, self.own.first, MISSING)
        return choice_alpha(chosen, self.own.units)

    def _measured(
        self, name: str, estimate: Callable[[], Estimate], at: At, experts: Sequence[int]
    ) -> Measurement:
        """Over the pairs that count; nothing bounds what one answer that is missing would do."""
        skipped = list(why_not(self.own, experts))
        planned = len(experts) * len(self.own.pairs)
        found = self.measuring(name, estimate, at, skipped, planned)
        return replace(found, affected=1.0 if NO_ANSWER in skipped else 0.0)

    def _between(self) -> Measurement:
        """Agreement of experts on pairs: those count that two of them answered."""
        filtered, answered = self.own.filtered, self.own.answered.sum(axis=0)
        alone = int((~filtered & (answered < _TWO)).sum())
        skipped = [UNABLE] * int(filtered.sum()) + [ALONE] * alone
        found = self.measuring(
            "experts_alpha", self._alpha, skipped=skipped, planned=len(self.own.pairs)
        )
        return replace(found, affected=1.0 if self.own.missing.any() else 0.0)

    def _repeated(self) -> Iterator[Measurement]:
        """Of each expert with their own second answer, then over all of them."""
        own = self.own
        first, again = (
            np.where(own.filtered, MISSING, choices) for choices in (own.first, own.again)
        )
        found = repeat_agreement(first, again, own.units)
        for place, expert in enumerate(self.experts):
            yield self._of_repeats(found.experts[place], {"expert": expert}, [place])
        yield self._of_repeats(found.pooled, {}, range(len(self.experts)))

    def _of_repeats(self, found: Estimate | str, at: At, experts: Sequence[int]) -> Measurement:
        """Over the repeats that were planned; as of kappa, nothing bounds one that was not answered."""
        own, mine = self.own, [*experts]
        planned = own.repeated[mine]
        both = (own.first[mine] != MISSING) & (own.again[mine] != MISSING)
        filtered = int((planned & own.filtered).sum())
        missing = int((planned & ~own.filtered & ~both).sum())

        def estimate() -> Estimate:
            if isinstance(found, str):
                raise AuditError(found)
            return found

        skipped = [UNABLE] * filtered + [NO_ANSWER] * missing
        one = self.measuring("repeat_kappa", estimate, at, skipped, int(planned.sum()))
        return replace(one, affected=1.0 if missing else 0.0)


def _kappa(raters: Sequence[Pairs]) -> Estimate:
    """Mean over the experts who gave any answer that counts."""
    answered = [one for one in raters if np.size(one.first)]
    if not answered:
        raise AuditError("no answer counts")
    return pooled_kappa(answered)


def why_not(own: ModelAnswers, experts: Sequence[int]) -> Iterator[str]:
    """Why, of each of these experts and each pair that does not count for them."""
    yield from [UNABLE] * (len(experts) * int(own.filtered.sum()))
    yield from [NO_ANSWER] * int(own.missing[[*experts]].sum())
