"""``*.limits.yaml``: what a new release may change, stated before it is compared."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from auditkit.comparison.places import at_words
from auditkit.comparison.result import Aspect, StatedLimits
from auditkit.spec.audit import Number, identifier
from auditkit.spec.problems import Problem, SpecError
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import Strict, typed

LIMITS_SUFFIX = ".limits.yaml"


class GreatestLoss(Strict):
    """How much worse a measure may be, on the same images."""

    measure: str = Field(description="Name of a measure with a better direction.")
    audit: str | None = Field(None, description="Id of the audit; left out: of every audit.")
    at: dict[str, Number | str] = Field(
        default_factory=dict, description="Value of each dimension; left out: over all images."
    )
    loss: Number = Field(
        gt=0, description="A loss of this size must be excluded by the whole interval."
    )

    @property
    def wording(self) -> str:
        """The rule in words."""
        of = f"{self.audit}: {self.measure}" if self.audit else self.measure
        return f"{of}{at_words(self.at)}: a loss of {self.loss:g} is excluded"


class Limits(Strict):
    """Predetermined limits of change."""

    limits: str = Field(description="Name.")
    title: str = Field("", description="One line for people.")
    reference: str = Field("", description="Plan or document that states them.")
    measures: list[GreatestLoss] = Field(
        default_factory=list,
        description="Losses that must be excluded; no other measure may have a claimed regression.",
    )
    verdicts: Literal["blocking-may-not-worsen", "none-may-worsen", "may-turn"] = Field(
        "blocking-may-not-worsen", description="Which verdicts may be worse than they were."
    )
    data: Literal["same", "may-change"] = Field(
        "same", description="Whether every data set must be the same, image by image."
    )
    specs: Literal["same", "may-change"] = Field(
        "same", description="Whether audits, parameters and expectations must be the same."
    )
    model: list[Aspect] = Field(
        default_factory=list, description="What of the model may change; []: nothing."
    )

    _identifiers = field_validator("limits")(identifier)

    @property
    def rules(self) -> list[str]:
        """What the limits say, in words."""
        of_model = ", ".join(self.model) or "nothing"
        return [
            *(rule.wording for rule in self.measures),
            f"verdicts: {self.verdicts.replace('-', ' ')}",
            f"data: {self.data.replace('-', ' ')}",
            f"specs: {self.specs.replace('-', ' ')}",
            f"of the model may change: {of_model}",
        ]


@dataclass(frozen=True)
class LimitsFile:
    """Limits and the file that states them."""

    limits: Limits
    file: str
    sha256: str

    @classmethod
    def read(cls, path: Path) -> "LimitsFile":
        """Limits from a file.

        Raises:
            SpecError: with every problem and its line.
        """
        if not path.name.endswith(LIMITS_SUFFIX):
            raise SpecError([Problem(path, 1, f"a name that ends in {LIMITS_SUFFIX} was expected")])
        document = read_yaml(path)
        return cls(typed(document, Limits), path.name, document.digest)

    @property
    def stated(self) -> StatedLimits:
        """As they stand in a comparison."""
        return StatedLimits(
            limits=self.limits.limits,
            title=self.limits.title,
            reference=self.limits.reference,
            file=self.file,
            sha256=self.sha256,
            rules=self.limits.rules,
        )
