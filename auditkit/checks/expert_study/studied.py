"""A study with everything measured of its models: what figures, tables and pages are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from auditkit.checks.expert_study.measured import measured
from auditkit.data.answer_arrays import ModelAnswers, answers_of
from auditkit.data.answers import Answers
from auditkit.errors import AuditError
from auditkit.findings import Findings, Mark, Measurement
from auditkit.metrics.attribute_agreement import (
    AttributeAgreement,
    attribute_agreement,
    attribute_codes,
)
from auditkit.metrics.rank_sum import Noted, attribute_ranks, global_order, model_order, top_shares


@dataclass(frozen=True)
class StudiedModel:
    """What was found of one model.

    Attributes:
        answers: to its pairs.
        findings: all measures of all attributes.
    """

    answers: ModelAnswers
    findings: Findings

    @property
    def name(self) -> str:
        """The model's name."""
        return self.answers.model

    def of(self, attribute: str, part: str) -> Measurement:
        """A measure of an attribute: score, benign, malignant, noted or direction."""
        return self.findings[f"attribute[{attribute}].{part}"]

    def share(self, attribute: str, part: str = "noted") -> float:
        """Its estimate; 0 where nothing could be evaluated."""
        found = self.of(attribute, part).estimate
        return found.value if found else 0.0

    def direction(self, attribute: str) -> Mark:
        """Where an attribute predominates; unknown where nothing could be evaluated."""
        found = self.of(attribute, "direction").choice
        words: dict[str, Mark] = {
            "benign": "benign",
            "malignant": "malignant",
            "neither": "neither",
        }
        return words[found.value] if found else "unknown"

    @cached_property
    def alphas(self) -> AttributeAgreement | None:
        """Agreement between experts on every attribute; None if no pair was answered by two."""
        codes = attribute_codes(self.answers.noted, self.answers.grouped)
        try:
            return attribute_agreement(codes, self.answers.units)
        except AuditError:
            return None

    def top(self, attributes: Sequence[str], most: int) -> list[str]:
        """The attributes that were noted in the largest share, without those that nobody noted."""
        order = model_order([self.share(name) for name in attributes], attributes)
        ranked = [attributes[place] for place in order]
        return [name for name in ranked if self.share(name) > 0][:most]


@dataclass(frozen=True)
class Study:
    """All that was found.

    Attributes:
        answers: of the study.
        models: in the card's order.
    """

    answers: Answers
    models: Sequence[StudiedModel]

    @classmethod
    def of(cls, answers: Answers) -> "Study":
        """Measure all attributes of all models."""
        arrays = [answers_of(answers, model) for model in answers.models]
        every = answers.attributes
        return cls(
            answers,
            [StudiedModel(one, Findings(measured(answers, one, every))) for one in arrays],
        )

    @cached_property
    def ranks(self) -> Mapping[str, Sequence[float]]:
        """The rank of each attribute in every model; 1 was noted most often."""
        names = self.answers.attributes
        if not names:
            return {}
        table = attribute_ranks([[one.share(name) for name in names] for one in self.models])
        return {name: table[:, place].tolist() for place, name in enumerate(names)}

    def firmness(self, top: int) -> Mapping[str, float]:
        """How often each attribute is among the first in resamples of patients; empty if that is unknown."""
        arrays = [one.answers for one in self.models]
        names = self.answers.attributes
        try:
            found = top_shares([Noted(a.noted, a.grouped, a.units) for a in arrays], names, top)
        except AuditError:
            return {}
        return dict(zip(names, found.tolist(), strict=True))

    def model(self, name: str) -> StudiedModel:
        """One of the models."""
        return next(one for one in self.models if one.name == name)

    @cached_property
    def ranked(self) -> Sequence[str]:
        """All attributes that anybody noted, by their rank sum over the models, lowest first."""
        names = self.answers.attributes
        shares = [[one.share(name) for name in names] for one in self.models]
        order = global_order(shares, names) if names else ()
        noted = [any(one.share(name) > 0 for one in self.models) for name in names]
        return [names[place] for place in order if noted[place]]
