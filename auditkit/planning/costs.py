"""What stages, audits and a whole plan cost, on one worker and on several."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from auditkit.findings import Findings
from auditkit.planning.usage import Usage


@dataclass(frozen=True)
class StageCost:
    """What is to be computed of one stage.

    Attributes:
        name: for people.
        key: what tells it from stages of other arrays; images apart.
        images: that are to be computed.
        shards: that are to be computed.
        found: shards that are in the store.
        shared: shards that an earlier audit of the plan computes.
        usage: of all shards to be computed, with writing and reading them.
        longest: seconds of the longest of them.
        setup: seconds of each worker, once.
        size: bytes that are kept.
        tried: images that the calibration computed.
        together: whether it is of all images together.
        crowding: what a shard takes while all workers compute, relative to one worker alone: more than 1 for
            threads of one process.
    """

    name: str
    key: str
    images: int
    shards: int
    found: int
    shared: int
    usage: Usage
    longest: float
    setup: float
    size: float
    tried: int
    together: bool
    crowding: float = 1.0

    def seconds(self, workers: int, *, accelerated: bool) -> float:
        """By list scheduling: as long as the longest shard, or an equal share of all of them."""
        if not self.shards:
            return 0.0
        total = self.usage.wall if accelerated else self.usage.cpu
        crowding = self.crowding if workers > 1 else 1.0
        return self.setup + max(self.longest, total / workers) * crowding


@dataclass(frozen=True)
class AuditCost:
    """What one audit of one model costs, after the audits before it.

    Attributes:
        audit: its id.
        model: its name.
        images: of the data set that it looks at.
        patients: independent units among them.
        stages: what it asks for, in order.
        measurement: seconds of reading evidence and measuring, on one core whatever the workers.
        problem: why it is not run, or where it stopped on calibrated evidence; empty if all is known.
        findings: what its check made of calibrated evidence; nothing to be reported.
        assumes: audits that it rests on and that are not among those planned.
    """

    audit: str
    model: str
    images: int = 0
    patients: int = 0
    stages: Sequence[StageCost] = ()
    measurement: float = 0.0
    problem: str = ""
    findings: Findings | None = field(default=None, repr=False)
    assumes: Sequence[str] = ()

    @property
    def usage(self) -> Usage:
        """Of all stages."""
        return sum((stage.usage for stage in self.stages), Usage())

    @property
    def size(self) -> float:
        """Bytes that are kept."""
        return sum(stage.size for stage in self.stages)

    @property
    def shards(self) -> tuple[int, int, int]:
        """Shards to be computed, found in the store, and computed by an earlier audit."""
        ways = ((one.shards, one.found, one.shared) for one in self.stages)
        computed, found, shared = (
            (sum(column) for column in zip(*ways, strict=True)) if (self.stages) else (0, 0, 0)
        )
        return computed, found, shared

    def seconds(self, workers: int, *, accelerated: bool) -> float:
        """Stage after stage, then the measurement."""
        stages = (stage.seconds(workers, accelerated=accelerated) for stage in self.stages)
        return sum(stages) + self.measurement


@dataclass(frozen=True)
class PlanCost:
    """What a plan costs.

    Attributes:
        audits: in the order of the plan.
        loading: seconds of loading each model, by its name: once per worker.
        spent: by the calibration.
        accelerated: whether networks run on a device whose time is not this process' processor time.
    """

    audits: Sequence[AuditCost]
    loading: dict[str, float]
    spent: Usage
    accelerated: bool = False

    def seconds(self, workers: int) -> float:
        """Of everything; workers load models side by side."""
        audits = (one.seconds(workers, accelerated=self.accelerated) for one in self.audits)
        return sum(audits) + sum(self.loading.values())

    @property
    def usage(self) -> Usage:
        """Of all stages."""
        return sum((one.usage for one in self.audits), Usage())

    @property
    def size(self) -> float:
        """Bytes that are kept."""
        return sum(one.size for one in self.audits)
