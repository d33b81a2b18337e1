"""What a gate found: decisions, verdicts, and what became another one."""

from typing import Literal

from pydantic import Field

from auditkit.results.judged import Release, VerdictResult
from auditkit.results.part import Part
from auditkit.results.ran import ProfileResult
from auditkit.verdict import Verdict


class Transition(Part):
    """A verdict of the run, and what it is under the policy."""

    node: str = Field(description="pytest's node id.")
    audit: str = Field(description="Id of the audit.")
    model: str = Field(description="Name of the model.")
    measure: str = Field(description="Name of the measure.")
    at: dict[str, float | str] = Field(description="Value of each dimension.")
    was: Verdict = Field(description="In the run.")
    now: Verdict | Literal["left out"] = Field(description="Under the policy.")
    severity: Literal["blocking", "advisory"] = Field(description="Under the policy.")
    reason: str = Field(description="Why it is so now.")


class GateResult(Part):
    """Stored results under a policy."""

    run: str = Field(description="Name of the run.")
    results_sha256: str = Field(description="Of the results.json that was judged.")
    today: str = Field(description="Day on which waivers have to hold, ISO 8601.")
    profile: ProfileResult | None = Field(description="The profile; null: the run's own policy.")
    release: list[Release] = Field(description="The decision about each model.")
    verdicts: list[VerdictResult] = Field(description="Every expectation that the policy asks.")
    changed: list[Transition] = Field(description="Verdicts that are others than in the run.")
    notes: list[str] = Field(description="What a reader has to know of the file or the policy.")

    @property
    def passes(self) -> bool:
        """Whether every model's release may pass."""
        return bool(self.release) and all(
            each.decision in ("pass", "pass with waivers") for each in self.release
        )
