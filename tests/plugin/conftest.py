"""Whatever is computed in these runs could as well be computed by another process."""

import pytest

from auditkit.evidence.engine import Engine
from auditkit.evidence.execution.inline import Inline
from auditkit.evidence.execution.worker import packed, unpacked
from auditkit.evidence.settling import settle
from auditkit.evidence.workroom import Workroom


@pytest.fixture(autouse=True)
def jobs_are_sent_and_read(monkeypatch):
    """Each job is packed and read again, as a worker elsewhere would; no object of this process helps."""
    rooms = {}
    run = Inline.run

    def sent_and_run(inline, job, shards):
        store = inline.store  # each run has its own, and workers of its own
        if store not in rooms:
            rooms[store] = Workroom(Engine(store, listing=False))
        settle(lambda: rooms[store])
        read = unpacked(packed(job), "worker")
        assert read.stage == job.stage
        return run(inline, job, shards)

    monkeypatch.setattr(Inline, "run", sent_and_run)
