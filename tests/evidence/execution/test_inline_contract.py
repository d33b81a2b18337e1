"""Threads of this process keep the contract."""

import cluster_jobs as jobs
import pytest
from engine_contract import EngineContract
from threadpoolctl import threadpool_info, threadpool_limits

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


def test_workers_have_one_thread_of_linear_algebra_and_the_process_keeps_its_own(store, calls):
    def blas():
        found = threadpool_info()
        return {one["num_threads"] for one in found if one["user_api"] == "blas"}

    seen = []
    job = jobs.job(calls, 4, fault=lambda *_: seen.append(blas()))
    with threadpool_limits(3, user_api="blas"):
        Engine(store, threads=2).gather(job.stage, job.make)
        assert seen == [{1}] * 4
        assert blas() == {3}
