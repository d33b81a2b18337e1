"""What `auditkit compare` found: the product, of which all renderings are made."""

import json
from typing import Literal

from pydantic import Field

from auditkit.results.part import Part
from auditkit.verdict import Better, Verdict

Turn = Literal["worse", "better", "other", "added", "removed"]
Aspect = Literal["weights", "preprocessing", "output", "threshold", "format"]


class ComparedRun(Part):
    """One of the two runs."""

    run: str = Field(description="Name of the run.")
    started: str = Field(description="UTC, ISO 8601.")
    results_sha256: str = Field(description="Of its results.json.")


class ModelPair(Part):
    """A release and the earlier one that it is compared with."""

    old: str = Field(description="Name of the earlier model.")
    new: str = Field(description="Name of the later one.")
    task: str = Field(description="What both decide.")
    old_decision: str = Field(description="About the earlier one's release; empty: none.")
    new_decision: str = Field(description="About the later one's release; empty: none.")


class Transition(Part):
    """An expectation whose verdict is not the one it was, or that is in one run alone."""

    model: str = Field(description="Name of the later model; of the earlier one, if removed.")
    audit: str = Field(description="Id of the audit.")
    measure: str = Field(description="Name of the measure.")
    at: dict[str, float | str] = Field(description="Value of each dimension.")
    severity: Literal["blocking", "advisory"] = Field(
        description="Blocking, if it was so in either run."
    )
    old: Verdict | None = Field(description="In the earlier run; null if it was not asked.")
    new: Verdict | None = Field(description="In the later run; null if it is not asked any more.")
    turn: Turn = Field(description="Where it went.")
    expected: str = Field(description="The condition in words, in the later run if it is there.")
    reason: str = Field(description="The later run's reason; the earlier one's, if removed.")


class Difference(Part):
    """A quantity of both releases, on the same images."""

    model: str = Field(description="Name of the later model.")
    audit: str = Field(description="Id of the audit.")
    measure: str = Field(description="Name of the measure.")
    at: dict[str, float | str] = Field(description="Value of each dimension.")
    unit: str = Field(description="What the number counts.")
    better: Better | None = Field(description="Direction in which it gets better; null: neither.")
    old: float = Field(description="Of the earlier release, on the images in both runs.")
    new: float = Field(description="Of the later one, on the same images.")
    value: float = Field(description="New minus old.")
    low: float | None = Field(description="Lower end of its interval; null: no limit.")
    high: float | None = Field(description="Upper end; null: no limit.")
    level: float = Field(description="Coverage of the interval.")
    pairs: int = Field(description="Images in both runs.")
    patients: int = Field(description="Patients in both runs.")
    only_old: int = Field(description="Images of the earlier run alone.")
    only_new: int = Field(description="Images of the later run alone.")
    method: str = Field(description="How the interval was computed.")
    p_value: float | None = Field(
        description="One-sided, of 'not worse'; null where no direction is better."
    )
    p_adjusted: float | None = Field(
        description="After Holm over the model's family; null: exploratory, claims nothing."
    )
    regression: bool = Field(description="A claimed regression: the adjusted p is at most 0.025.")
    loss_accepted: float | None = Field(
        default=None, description="Greatest loss that the limits accept; null: none is stated."
    )
    shown: Verdict | None = Field(
        default=None, description="pass: a greater loss is excluded; null: no limit is stated."
    )


class OneSide(Part):
    """A quantity in one run."""

    value: float | None = Field(description="Estimate; null: none.")
    low: float | None = Field(description="Lower end of its interval.")
    high: float | None = Field(description="Upper end of its interval.")
    n: int = Field(description="Images in it.")


class SideBySide(Part):
    """A quantity of both releases that cannot be compared in pairs."""

    model: str = Field(description="Name of the later model.")
    audit: str = Field(description="Id of the audit.")
    measure: str = Field(description="Name of the measure.")
    at: dict[str, float | str] = Field(description="Value of each dimension.")
    unit: str = Field(description="What the number counts.")
    old: OneSide = Field(description="In the earlier run.")
    new: OneSide = Field(description="In the later run.")
    reason: str = Field(description="Why it is not paired.")


class Change(Part):
    """Something that is not as it was."""

    about: Literal["spec", "model", "data", "environment"] = Field(description="Of what.")
    subject: str = Field(description="Which audit, model, data set or instrument.")
    what: str = Field(description="Which of its properties.")
    old: str = Field(description="In the earlier run; empty: not there.")
    new: str = Field(description="In the later run; empty: not there any more.")
    aspect: Aspect | None = Field(
        default=None, description="Of a model: which kind of change, as limits name it."
    )


class Breach(Part):
    """A rule that is not met."""

    rule: str = Field(description="Which: verdicts, regressions, measures, data, specs, model.")
    text: str = Field(description="What is outside, in words.")


class StatedLimits(Part):
    """The predetermined limits that were applied."""

    limits: str = Field(description="Name.")
    title: str = Field(description="One line for people.")
    reference: str = Field(description="Plan or document that states them.")
    file: str = Field(description="Name of the file.")
    sha256: str = Field(description="Of the file.")
    rules: list[str] = Field(description="What they say, in words.")


class ComparisonResult(Part):
    """Two runs side by side."""

    comparison_version: Literal["1.0"] = Field(default="1.0", description="Of this file.")
    old: ComparedRun = Field(description="The earlier run.")
    new: ComparedRun = Field(description="The later run.")
    models: list[ModelPair] = Field(description="Which models are compared.")
    alone: list[str] = Field(description="Models without a counterpart, in words.")
    within: bool = Field(description="Whether nothing is outside the limits.")
    limits: StatedLimits | None = Field(description="The limits that were given; null: defaults.")
    breaches: list[Breach] = Field(description="What is outside.")
    transitions: list[Transition] = Field(description="Verdicts that turned, new failures first.")
    unchanged: dict[str, int] = Field(description="Expectations with the same verdict, by verdict.")
    family: str = Field(description="Over what regressions were corrected for multiplicity.")
    differences: list[Difference] = Field(description="In pairs, claimed regressions first.")
    side_by_side: list[SideBySide] = Field(description="Not in pairs.")
    changes: list[Change] = Field(description="What differs between the runs beside the numbers.")


def to_text(result: ComparisonResult) -> str:
    """Canonical JSON: sorted keys, no NaN, newline at the end."""
    data = result.model_dump(mode="json")
    return json.dumps(data, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
