"""What a second look found, as it is printed and written."""

from typing import Literal

from pydantic import Field

from auditkit.results.part import Part

State = Literal["bit-equal", "within tolerance", "differs", "not recomputed", "measured"]
"""The last are times of a machine: they were read, since nothing can compute them again."""

_COMPARED = ("bit-equal", "within tolerance", "differs")


class ShardOutcome(Part):
    """A shard that was computed again."""

    address: str = Field(description="In the record's store.")
    stage: str = Field(description="What it is.")
    state: State = Field(description="Against the recorded one.")
    reason: str = Field(
        description="What differs, or why it could not be compared; empty if equal."
    )
    sampled: bool = Field(description="Whether it was in the sample, and not only needed.")


class Remark(Part):
    """Something beside the shards that is not as recorded, or could not be looked at."""

    kind: Literal["differs", "not confirmed"] = Field(description="Which of the two.")
    what: str = Field(description="Spec, card, weights, data, evidence, measurement, verdict ...")
    where: str = Field(description="Which one.")
    text: str = Field(
        description="What was recorded and what was found, or why it was not looked at."
    )


class Sampled(Part):
    """Which shards were to be computed again."""

    asked: str = Field(description="As on the command line.")
    seed: int = Field(description="With which the same sample is drawn again.")
    shards: int = Field(description="Shards in the record.")
    size: int = Field(description="Shards in the sample.")


class Compared(Part):
    """How many of the record's numbers were computed again, and are the same."""

    confirmed: int = Field(description="The same.")
    total: int = Field(description="In the record.")


class SecondLook(Part):
    """The whole of a second look."""

    run: str = Field(description="The run that was looked at.")
    results_sha256: str = Field(description="Of its results.json.")
    code: Literal["the same", "other"] = Field(
        description="auditkit's computing code and the versions of its packages."
    )
    hardware: str = Field(description="Of this machine.")
    device: str = Field(description="Where networks ran here.")
    arrays: str = Field(description="Where the recorded arrays lay; empty if they were not there.")
    tolerance: str = Field(description="What is held to be the same where bits differ.")
    sample: Sampled = Field(description="What was to be computed again.")
    shards: list[ShardOutcome] = Field(description="What was computed again.")
    numbers: dict[str, Compared] = Field(description="Measurements, verdicts, decisions.")
    remarks: list[Remark] = Field(description="All else that is to be said.")

    def count(self, state: State) -> int:
        """Shards of the sample in a state."""
        return sum(shard.sampled and shard.state == state for shard in self.shards)

    @property
    def compared(self) -> int:
        """Shards of the sample that were computed again and held against the record."""
        return sum(shard.sampled and shard.state in _COMPARED for shard in self.shards)

    @property
    def whole(self) -> bool:
        """Whether all that can be computed again was in the sample, and was held against the record."""
        return self.compared + self.count("measured") == self.sample.shards

    @property
    def status(self) -> int:
        """0: all confirmed; 1: something differs or is not confirmed; 2: nothing could be recomputed."""
        if not self.compared:
            return 2
        doubtful = any(shard.state in ("differs", "not recomputed") for shard in self.shards)
        partial = any(each.confirmed < each.total for each in self.numbers.values())
        return 1 if self.remarks or doubtful or partial else 0
