"""What a proficiency study found: one file for machines, from which pages and reports are written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditkit.errors import AuditError
from auditkit.stats import proportion

VERSION = "1.0"


class Part(BaseModel):
    """Strict and unchangeable; no NaN is ever written."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Rate(Part):
    """How often, with the exact (Clopper-Pearson) 95 % interval."""

    count: int = Field(description="Of them, how many.")
    n: int = Field(description="Audits of independent samples.")
    low: float = Field(description="Lower end of the interval.")
    high: float = Field(description="Upper end of the interval.")

    @property
    def value(self) -> float:
        """The rate; 0 of none."""
        return self.count / self.n if self.n else 0.0


class AtStrength(Part):
    """Composed models with one fault at one strength, audited."""

    strength: float = Field(description="As the fault declares it.")
    truths: list[float | None] = Field(
        description="Each expectation's measure over the population, mean over models; null of a name."
    )
    violated: list[int] = Field(
        description="In how many audits each expectation truly is violated."
    )
    detected: Rate = Field(
        description="Of audits of models that violate an expectation: a violated one fails."
    )
    inconclusive: Rate = Field(description="Of the same: none fails, but one is inconclusive.")
    false_alarms: Rate = Field(description="Of all audits: an expectation fails that truly holds.")


class FaultResult(Part):
    """One fault, at all of its strengths."""

    fault: str
    what: str
    kind: str
    strengths: list[AtStrength]
    stated: float | None = Field(
        description="The smallest strength from which on at least 95 % are detected; null if there is none."
    )


class AtTruth(Part):
    """Audits of models whose truth violates an expectation by about as much."""

    low: float = Field(description="True values from here.")
    high: float = Field(description="To here.")
    detected: Rate = Field(description="The expectation fails.")


class ExpectationResult(Part):
    """How well one expectation catches what violates it, whatever the fault."""

    measure: str
    at: dict[str, float | str]
    expected: str = Field(description="The condition in words.")
    severity: str
    false_alarms: Rate = Field(description="Of audits of clean models in which it truly holds.")
    curve: list[AtTruth] = Field(description="By true value, beyond each limit outwards.")
    detects: list[AtTruth] = Field(
        description="Per limit, the true values from which on at least 95 % are detected."
    )


class AuditResult(Part):
    """One audit's proficiency."""

    audit: str
    check: str
    data: str = Field(description="The population.")
    population: int = Field(description="Images in it.")
    parameters: dict[str, Any]
    images: int = Field(description="In a sample.")
    patients: float = Field(description="In a sample, on average.")
    clean: Rate = Field(description="False alarms: an expectation fails that truly holds.")
    clean_inconclusive: Rate = Field(description="Nothing fails, something is inconclusive.")
    faults: list[FaultResult]
    expectations: list[ExpectationResult]


class Family(Part):
    """All audits of one clean model, as one run."""

    audits: list[str]
    alarms: Rate = Field(description="A blocking expectation that truly holds fails.")
    claimed: Rate = Field(description="The same after Holm: a fault is claimed.")


class Proficiency(Part):
    """A whole study."""

    version: str = VERSION
    auditkit: str
    model: str = Field(description="The real model that faults are planted in.")
    first_seed: int = Field(description="Models and samples have this seed and those that follow.")
    models: int = Field(description="Composed models per fault and strength, each audited once.")
    audits: list[AuditResult]
    family: Family | None = Field(description="Of clean models; null if audits' samples differ.")
    not_composed: dict[str, str] = Field(description="Audits that cannot be studied so, and why.")


def read(path: Path) -> Proficiency:
    """A study from its file.

    Raises:
        AuditError: it is none.
    """
    try:
        return Proficiency.model_validate_json(path.read_bytes())
    except OSError as error:
        raise AuditError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise AuditError(
            f"{path} is no result of `auditkit proficiency --out FILE`: {where}: {first['msg']}"
        ) from None


def pooled(rates: Sequence[Rate]) -> Rate:
    """Several rates together."""
    count, n = sum(one.count for one in rates), sum(one.n for one in rates)
    return rate_of(count, n)


def rate_of(count: int, n: int) -> Rate:
    """With the exact interval; of nothing, from 0 to 1."""
    if not n:
        return Rate(count=0, n=0, low=0.0, high=1.0)
    estimate = proportion([True] * count + [False] * (n - count))
    return Rate(count=count, n=n, low=estimate.low, high=estimate.high)
