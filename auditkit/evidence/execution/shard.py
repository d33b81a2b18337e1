"""One shard, wherever it is computed: taken unless somebody has it, computed, kept."""

import time

from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.identity import code_version
from auditkit.evidence.stage import Compute
from auditkit.evidence.store import Store


def announce(job: Job, number: int) -> None:
    """Tell a job that a shard of it comes soon, so that its images are made ready; only a hint."""
    hint = getattr(job.make, "announce", None)
    if hint is not None:
        hint(job.stage.indices(number))


def compute_shard(
    store: Store, job: Job, number: int, compute: Compute, *, worker: str = "", steal: bool = False
) -> Done:
    """Have a shard in the store.

    Args:
        store: where it is kept.
        job: what it is a part of.
        number: of the shard.
        compute: made by ``job.make``, of this worker.
        worker: its name, for people.
        steal: compute it even though somebody holds it: who holds it hangs or is slow. Whoever writes
            last wins, with the same content.

    Raises:
        AuditError: the store cannot be written.
    """
    began = time.monotonic()
    stage, indices = job.stage, job.stage.indices(number)
    where = stage.where(indices)
    with store.lease(where, steal=steal) as held:
        if not held:
            return Done(number, "held", worker=worker)
        if store.read(where) is not None:
            return Done(number, "found", overhead=time.monotonic() - began, worker=worker)
        started = time.monotonic()
        arrays = compute(indices)
        seconds = time.monotonic() - started
        about = {
            "stage": stage.name,
            "identity": dict(stage.identity),
            "seconds": round(seconds, 4),
            "code": code_version(),
            "images": len(indices),
        }
        store.write(where, arrays, about)
    overhead = time.monotonic() - began - seconds
    return Done(number, "computed", seconds, overhead, worker)
