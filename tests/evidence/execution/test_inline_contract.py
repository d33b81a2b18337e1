"""Threads of this process keep the contract."""

import cluster_jobs as jobs
import pytest
from engine_contract import EngineContract

from auditkit.errors import AuditError
from auditkit.evidence.engine import Engine
from auditkit.evidence.execution.inline import Inline


@pytest.fixture
def make_executor():
    return Inline


class TestInline(EngineContract):
    pass


def test_a_stage_that_was_cancelled_is_no_evidence(store, calls):
    """Not even a part of it: what was computed is kept."""
    inline = Inline(store)
    engine = Engine(store, executor=inline, progress=lambda *_: inline.cancel())
    job = jobs.job(calls, 50)
    with pytest.raises(AuditError, match="squares: cancelled"):
        engine.gather(job.stage, job.make)
    assert 0 < len(jobs.computed(calls)) < 50
    assert Engine(store).gather(job.stage, job.make)["value"][7] == [49]
