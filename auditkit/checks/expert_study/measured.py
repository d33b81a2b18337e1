"""Everything that is measured of one model's answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from auditkit import stats
from auditkit.checks.expert_study.agreement import Agreement, why_not
from auditkit.checks.expert_study.offered import NEVER_OFFERED, never_offered
from auditkit.checks.expert_study.screening import Screening
from auditkit.checks.expert_study.unknown import Unknown
from auditkit.checks.measuring import Measuring
from auditkit.data.answer_arrays import ModelAnswers
from auditkit.data.answers import Answers
from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.metrics.attribute_estimates import AttributeEstimates, attribute_estimates
from auditkit.metrics.expert_agreement import unable_share
from auditkit.spec.declarations.expert_study import EXPERT_STUDY, ExpertStudy

UNGROUPED = "an attribute that was not grouped"


def measured(answers: Answers, own: ModelAnswers, attributes: Sequence[str]) -> list[Measurement]:
    """All measures of one model.

    Args:
        answers: of the study.
        own: those to the model's pairs.
        attributes: of which scores are wanted.
    """
    return list(_Measurer.of(answers, own, attributes).all())


@dataclass(frozen=True)
class _Measurer:
    """Makes the measurements of one model."""

    answers: Answers
    own: ModelAnswers
    attributes: Sequence[str]
    measuring: Measuring

    @classmethod
    def of(cls, answers: Answers, own: ModelAnswers, attributes: Sequence[str]) -> "_Measurer":
        parameters = ExpertStudy(answers=answers.card.answers, attributes=[*attributes])
        measuring = Measuring.of(EXPERT_STUDY, parameters, own.answered.size)
        return cls(answers, own, attributes, measuring)

    def all(self) -> Iterator[Measurement]:
        yield from self.scores()
        yield from Agreement(self.own, self.answers.experts, self.measuring).all()
        yield self.unable()
        yield Screening.of(self.answers).retained(self.measuring)

    def scores(self) -> Iterator[Measurement]:
        """Of every attribute that is wanted."""
        reason = ""
        found: Sequence[AttributeEstimates] = ()
        try:
            found = attribute_estimates(self.own.noted, self.own.grouped, self.own.units)
        except AuditError as error:
            reason = str(error)
        nameless = never_offered(self.answers)
        for name in self.attributes:
            place = self.answers.attributes.index(name)
            if name in nameless:
                yield from self.attribute(name, None, place, NEVER_OFFERED)
            else:
                yield from self.attribute(name, found[place] if found else None, place, reason)

    def attribute(
        self, name: str, found: AttributeEstimates | None, place: int, reason: str
    ) -> Iterator[Measurement]:
        """Score, sides, share noted and direction of one attribute."""

        def part(which: str) -> stats.Estimate:
            if found is None:
                raise AuditError(reason)
            estimate: stats.Estimate = getattr(found, which)
            return estimate

        share = self.unknown.share
        of_score = self.unknown.of_score(found, place) if found else share
        for which in ("score", "benign", "malignant", "noted"):
            one = self.averaged(f"attribute[{name}].{which}", partial(part, which))
            yield replace(one, affected=of_score if which == "score" else share)
        direction = self.averaged(f"attribute[{name}].direction", partial(part, "score"))
        choice = found.direction if found else None
        # Nothing bounds what an answer that is not known would do to a direction.
        affected = 1.0 if share else 0.0
        yield replace(direction, estimate=None, choice=choice, affected=affected)

    def averaged(self, name: str, estimate: Callable[[], stats.Estimate]) -> Measurement:
        """A share of pairs and experts; pairs that were filtered are not what it is about."""
        return self.measuring(name, estimate, skipped=self.skipped)

    @cached_property
    def skipped(self) -> Sequence[str]:
        """Why, of each pair and expert that does not count."""
        ungrouped = int((self.own.counted & self.own.ungrouped).sum())
        return [*why_not(self.own, range(len(self.answers.experts))), *[UNGROUPED] * ungrouped]

    @cached_property
    def unknown(self) -> Unknown:
        """Answers that might be others than are counted."""
        return Unknown(self.own)

    def unable(self) -> Measurement:
        """Share of pairs that were filtered; answers that are missing might have filtered more."""
        own = self.own
        # Who said so at the repeat alone has answered this all the same.
        answered = own.answered | own.unable
        nobody = ~answered.any(axis=0)
        open_ones = ~own.answered.all(axis=0) & ~own.filtered
        found = self.measuring(
            "unable",
            lambda: unable_share(answered, own.unable, own.units),
            skipped=["answered by nobody"] * int(nobody.sum())
            + ["not answered by every expert"] * int((open_ones & ~nobody).sum()),
            planned=len(own.pairs),
        )
        return replace(found, affected=float(open_ones.mean()))
