"""An engine that computes a sample of recorded shards anew, and reads the others from the record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from auditkit.errors import AuditError
from auditkit.evidence.engine import Compute, Engine, Stage
from auditkit.evidence.store import Arrays
from auditkit.recomputing.outcome import Remark, ShardOutcome, State
from auditkit.recomputing.record import Record
from auditkit.recomputing.tolerance import Tolerance, held
from auditkit.results.evidence_list import ListedShard

_MEASURED = "costs"
_TIMED = "seconds and bytes on the machine of the run"


@dataclass
class Recomputing(Engine):
    """Computes into a scratch store what is in the sample, or what the record does not have.

    A recomputed shard that is confirmed is passed on as it was recorded, so that what rests on it is
    computed from the same bits. One that differs is passed on as it was computed here: then what was
    computed from the genuine one is still confirmed, and the forged one alone is named.

    Attributes:
        record: what was written down.
        sample: addresses of the shards to be computed again.
        allowed: what counts as the same where bits differ.
        outcomes: by address, the shards that were computed again.
        remarks: what the audits needed and the record does not list.
    """

    record: Record = field(kw_only=True)
    sample: frozenset[str] = field(kw_only=True)
    allowed: Tolerance = field(kw_only=True)
    outcomes: dict[str, ShardOutcome] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    _failed: dict[str, Exception] = field(default_factory=dict)

    @property
    def substituted(self) -> bool:
        """Whether anything was passed on that is not the recorded evidence."""
        return self.record.store is None or bool(
            self.remarks or self.record.remarks or any(map(_differs, self.outcomes.values()))
        )

    def gather(self, stage: Stage, worker: Callable[[], Compute]) -> Arrays:
        """All images' arrays in order, in the shards of the record."""
        stage = self._as_recorded(stage)
        shards = [indices for _, indices in stage.shards()]
        self._look(stage, worker, shards)
        parts = [self._settled(stage, indices) for indices in shards]
        if any(part is None for part in parts):
            raise AuditError(f"{stage.name}: the record's evidence was removed while it was read")
        ordered = [part for part in parts if part is not None]
        return {name: np.concatenate([part[name] for part in ordered]) for name in ordered[0]}

    def ensure(
        self, stage: Stage, worker: Callable[[], Compute], shards: Sequence[Sequence[int]]
    ) -> None:
        """Have some of the stage's shards at hand."""
        self._look(stage, worker, shards)

    def missing(self, stage: Stage, made_of: Stage | None = None) -> list[list[int]]:
        """The images of each shard that will be computed, or that rests on one that will be."""
        return [
            indices
            for _, indices in self._as_recorded(stage).shards()
            if self._wanted(stage, indices)
            or (made_of is not None and self._sampled(made_of.content(indices)))
        ]

    def shard(self, stage: Stage, indices: Sequence[int]) -> Arrays | None:
        """One shard's arrays; None if neither the record has it nor was it computed."""
        return self._settled(stage, indices)

    def _as_recorded(self, stage: Stage) -> Stage:
        """The stage in shards of the size that the record has, whatever size is usual here."""
        for size in (stage.shard, *self.record.sizes):
            sized = replace(stage, shard=size)
            first = next(sized.shards(), None)
            if first is not None and self.record.find(stage.content(first[1])) is not None:
                return sized
        return stage

    def _sampled(self, content: str) -> bool:
        listed = self.record.find(content)
        return listed is not None and listed.address in self.sample

    def _wanted(self, stage: Stage, indices: Sequence[int]) -> bool:
        """Whether a shard is still to be computed here."""
        listed = self.record.find(stage.content(indices))
        if self.store.kept(stage.where(indices)) is not None:
            return False
        if listed is None:
            return True
        readable = self.record.arrays(listed) is not None
        if readable and stage.identity.get("stage") == _MEASURED:
            if listed.address in self.sample:
                self._put(listed, "measured", _TIMED)
            return False
        tried = listed.address in self.outcomes
        return not readable or (listed.address in self.sample and not tried)

    def _look(
        self, stage: Stage, worker: Callable[[], Compute], shards: Sequence[Sequence[int]]
    ) -> None:
        wanted = [list(indices) for indices in shards if self._wanted(stage, indices)]
        if not wanted:
            return
        failure: Exception | None = None
        try:
            super().ensure(stage, worker, wanted)
        except Exception as error:  # noqa: BLE001 whatever hinders this machine is a finding
            failure = error
        for indices in wanted:
            self._compare(stage, indices, failure)
        if failure is not None and any(self._settled(stage, indices) is None for indices in wanted):
            raise failure

    def _compare(self, stage: Stage, indices: Sequence[int], failure: Exception | None) -> None:
        listed, new = (
            self.record.find(stage.content(indices)),
            self.store.fetch(stage.where(indices)),
        )
        if listed is None:
            text = "the audits need it, and evidence.json does not list it"
            where = f"{stage.name}, images {indices[0] + 1} to {indices[-1] + 1}"
            self.remarks.append(
                Remark(kind="not confirmed", what="evidence", where=where, text=text)
            )
        elif new is None:
            self._put(listed, "not recomputed", f"{failure}")
        elif new[1].sha256 == listed.sha256:
            self._put(listed, "bit-equal")
        elif (recorded := self.record.arrays(listed)) is None:
            reason = "other bits, and no recorded arrays that could be held to the tolerance"
            self._put(listed, "not recomputed", reason)
        else:
            self._put(listed, *held(recorded, new[0], self.allowed))

    def _put(self, listed: ListedShard, state: State, reason: str = "") -> None:
        self.outcomes[listed.address] = ShardOutcome(
            address=listed.address,
            stage=listed.stage,
            state=state,
            reason=reason,
            sampled=listed.address in self.sample,
        )

    def _settled(self, stage: Stage, indices: Sequence[int]) -> Arrays | None:
        """The recorded arrays, unless they are not there or are not what was computed here."""
        listed = self.record.find(stage.content(indices))
        outcome = None if listed is None else self.outcomes.get(listed.address)
        if listed is not None and not (outcome is not None and _differs(outcome)):
            recorded = self.record.arrays(listed)
            if recorded is not None:
                return recorded
        return self.store.read(stage.where(indices))


def _differs(outcome: ShardOutcome) -> bool:
    return outcome.state == "differs"
