"""Verdicts and decisions, as they stand in results.json."""

from typing import Any, Literal

from pydantic import Field, field_validator

from auditkit.results.part import Part
from auditkit.verdict import Verdict


class WaiverResult(Part):
    """Who accepts that an expectation is not met."""

    approver: str = Field(description="Name and role.")
    reason: str = Field(description="Why.")
    expires: str = Field(description="Last day on which it holds, ISO 8601.")
    reference: str = Field(description="Ticket, risk file or decision; may be empty.")
    origin: str = Field(description="Spec or profile that states it.")
    in_force: bool = Field(description="Whether it held on the day of the run.")


class BaselineValue(Part):
    """What an expectation against a baseline was compared with."""

    run: str = Field(description="Name of the earlier run.")
    value: float | None = Field(description="The quantity there, on the images in common.")
    new: float | None = Field(description="The quantity here, on the same images.")
    pairs: int = Field(description="Images in common.")
    only_old: int = Field(description="Images of the earlier run alone.")
    only_new: int = Field(description="Images of this run alone.")


class ObservedRate(Part):
    """How often something happened, with the exact 95 % interval."""

    count: int = Field(description="Of them, how many.")
    n: int = Field(description="Audits of independent samples.")
    low: float = Field(description="Lower end of the interval.")
    high: float = Field(description="Upper end of the interval.")


class DetectedValue(Part):
    """A true value from which on a violation was found in at least 95 % of planted models."""

    value: float = Field(description="The smallest such true value of the measure.")
    rate: ObservedRate = Field(description="How often it was found.")


class KnownProficiency(Part):
    """How well this expectation catches planted faults, at these settings (`auditkit proficiency`)."""

    model: str = Field(description="The real model in whose answers faults were planted.")
    data: str = Field(description="The data set from which samples were drawn.")
    images: int = Field(description="In a sample.")
    patients: int = Field(description="In a sample, about.")
    detects: list[DetectedValue] = Field(description="Per limit; empty if no planted value is.")
    false_alarms: ObservedRate = Field(
        description="Of models without a fault that truly meet it: it fails."
    )


class VerdictResult(Part):
    """One expectation, judged."""

    node: str = Field(description="pytest's node id.")
    audit: str = Field(description="Id of the audit.")
    model: str = Field(description="Name of the model.")
    measure: str = Field(description="Name of the measure.")
    at: dict[str, float | str] = Field(description="Value of each dimension.")
    expected: str = Field(description="The condition in words.")
    severity: Literal["blocking", "advisory"] = Field(description="Whether a release rests on it.")
    verdict: Verdict = Field(description="One of the seven verdicts.")
    reason: str = Field(description="Estimate, interval and n against the condition; or why not.")
    value: float | None = Field(description="Point estimate.")
    low: float | None = Field(description="Lower end of the interval.")
    high: float | None = Field(description="Upper end of the interval.")
    n: int = Field(description="Images in the estimate.")
    p_value: float | None = Field(description="One-sided p-value of a violation.")
    p_adjusted: float | None = Field(description="After Holm over the model's blocking ones.")
    fault: bool = Field(description="A failure that stands after Holm: a claimed fault.")
    file: str = Field(description="Spec file or test, relative to the root folder.")
    line: int = Field(description="Line of the expectation (from 1).")
    why: str = Field(description="Where the threshold comes from, if the spec says so.")
    condition: dict[str, Any] = Field(
        default_factory=dict,
        description="The condition as the spec has it: above, below, between, in, not_worse_than, margin, "
        "min_n.",
    )
    waiver: WaiverResult | None = Field(
        default=None, description="Of an expectation that is not met: who accepts it."
    )
    baseline: BaselineValue | None = Field(
        default=None, description="Of an expectation against a baseline; value is the difference."
    )
    guidelines: list[str] = Field(
        default_factory=list, description="Clinical XAI Guidelines that the measure is about."
    )
    proficiency: KnownProficiency | None = Field(
        default=None, description="What a study of planted faults found at the same settings."
    )

    @field_validator("waiver", mode="before")
    @classmethod
    def _of_version_1_0(cls, value: Any) -> Any:
        """Waivers were a sentence, without a person and a date."""
        if not isinstance(value, str):
            return value
        if not value:
            return None
        return {
            "approver": "not stated",
            "reason": value,
            "expires": "9999-12-31",
            "reference": "",
            "origin": "",
            "in_force": True,
        }


class Release(Part):
    """The decision about one model."""

    model: str = Field(description="Name.")
    decision: Literal[
        "pass", "pass with waivers", "blocked", "partial", "no blocking expectation"
    ] = Field(
        description="A release passes only if every blocking expectation passes, or is waived by somebody."
    )
    why: str = Field(description="One sentence.")
    counts: dict[str, int] = Field(description="Expectations by verdict.")
