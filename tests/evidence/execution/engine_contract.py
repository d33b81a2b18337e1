"""What every engine keeps, whatever computes for it.

An engine's module has a class that inherits `EngineContract` (and `WorkersOfTheirOwn`, if its workers are
processes that can be lost) and a fixture ``make_executor``: a function of (store, workers) and the engine's
own options, patience, attempts and code among them. It may return the same executor for the same arguments,
and closes all of them in the end.
"""

import threading
from functools import partial

import cluster_jobs as jobs
import pytest

from auditkit.errors import AuditError, Unavailable
from auditkit.evidence.execution.inline import Inline
from auditkit.evidence.store import Store


def shards_of(done):
    return sorted(one.shard for one in done)


class EngineContract:
    """Of all engines.

    Attributes:
        many: shards of a stage of many.
    """

    many = 300

    @pytest.fixture
    def engine(self, make_executor, store):
        return make_executor(store, 2)

    def test_each_shard_is_computed_once_and_models_are_loaded_once_per_worker(
        self, engine, store, calls
    ):
        job = jobs.job(calls, self.many)
        done = list(engine.run(job, range(self.many)))
        assert shards_of(done) == list(range(self.many))
        assert {one.state for one in done} == {"computed"}
        assert all(one.seconds >= 0 and one.overhead >= 0 and one.worker for one in done)
        assert sorted(jobs.computed(calls)) == list(range(self.many))
        assert jobs.values(store, job) == [i * i for i in range(self.many)]
        assert 1 <= len(list(calls.glob("made-*"))) <= 2

    def test_only_what_is_asked_for_is_computed(self, engine, calls):
        job = jobs.job(calls, 12)
        assert shards_of(engine.run(job, [7, 2, 11])) == [2, 7, 11]
        assert sorted(jobs.computed(calls)) == [2, 7, 11]

    def test_nothing_to_do_is_done_at_once(self, engine, calls):
        assert list(engine.run(jobs.job(calls, 3), [])) == []

    @pytest.mark.parametrize("shard", [1, 7, 64])
    def test_files_are_those_that_inline_writes(self, engine, store, tmp_path, shard):
        job = jobs.noise_job(70, shard)
        list(engine.run(job, range(job.stage.count)))
        alone = Store(tmp_path / "alone")
        list(Inline(alone).run(job, range(job.stage.count)))
        assert jobs.files(store, job) == jobs.files(alone, job)

    def test_what_is_there_is_found_and_what_somebody_holds_is_left(self, engine, store, calls):
        job = jobs.job(calls, 4)
        list(Inline(store).run(job, [1]))
        with store.lease(job.stage.where([2])) as held:
            assert held
            done = {one.shard: one.state for one in engine.run(job, range(4))}
        assert done == {0: "computed", 1: "found", 2: "held", 3: "computed"}
        assert sorted(jobs.computed(calls)) == [0, 1, 3]

    def test_an_error_of_the_computation_is_raised_as_it_is(self, engine, calls):
        job = jobs.job(calls, 200, partial(jobs.raises, at=3), pause=0.01)
        with pytest.raises(jobs.OddError, match="image 3 is odd"):
            list(engine.run(job, range(200)))
        jobs.until_still(calls)
        assert len(jobs.computed(calls)) < 100, "nobody takes shards of a stage that has failed"
        again = jobs.job(calls, 6, name="again")
        assert shards_of(engine.run(again, range(6))) == list(range(6))

    @pytest.mark.parametrize(
        ("error", "kind"), [(jobs.bad_card, AuditError), (jobs.no_runtime, Unavailable)]
    )
    def test_errors_for_users_stay_what_they_are(self, engine, calls, error, kind):
        job = jobs.job(calls, 2, partial(jobs.raises_one, error=error))
        with pytest.raises(kind) as raised:
            list(engine.run(job, range(2)))
        assert type(raised.value) is kind
        assert str(raised.value) == str(error())

    def test_closing_early_takes_no_more(self, engine, calls):
        job = jobs.job(calls, 300, pause=0.02)
        running = engine.run(job, range(300))
        next(running)
        running.close()
        jobs.until_still(calls)
        assert len(jobs.computed(calls)) < 100

    def test_cancelling_from_another_thread_ends_the_run(self, engine, store, calls):
        job, done = jobs.job(calls, 500, pause=0.01), []
        for one in engine.run(job, range(500)):
            done.append(one)
            if len(done) == 5:
                threading.Thread(target=engine.cancel).start()
        assert 5 <= len(done) < 200
        for one in done:
            assert store.kept(job.stage.where([one.shard])) is not None
        assert shards_of(engine.run(jobs.job(calls, 3, name="next"), range(3))) == [0, 1, 2]

    def test_it_says_what_it_is_and_can_be_closed_twice(self, make_executor, store):
        engine = make_executor(store, 1)
        told = engine.describe()
        assert {"engine", "workers"} <= told.keys()
        assert all(isinstance(value, str) and value for value in told.values())
        engine.close()
        engine.close()


class WorkersOfTheirOwn:
    """Of engines whose workers are other processes."""

    def test_a_killed_worker_costs_its_shard_alone(self, engine, store, calls):
        job = jobs.job(calls, 12, partial(jobs.killed_once, at=4))
        assert shards_of(engine.run(job, range(12))) == list(range(12))
        assert sorted(jobs.computed(calls)) == sorted([*range(12), 4])
        assert jobs.values(store, job) == [i * i for i in range(12)]

    def test_a_shard_that_ends_its_workers_is_an_error(self, make_executor, store, calls):
        engine = make_executor(store, 2, attempts=2)
        with pytest.raises(AuditError, match="shard 1"):
            list(engine.run(jobs.job(calls, 2, partial(jobs.killed_always, at=1)), range(2)))
        assert jobs.computed(calls).count(1) == 2

    def test_a_hung_worker_is_ended_and_its_shard_done_by_another(
        self, make_executor, store, calls
    ):
        engine = make_executor(store, 2, patience=1.0)
        job = jobs.job(calls, 8, partial(jobs.hangs_once, at=5))
        assert shards_of(engine.run(job, range(8))) == list(range(8))
        assert jobs.computed(calls).count(5) == 2
        assert jobs.values(store, job) == [i * i for i in range(8)]

    def test_an_error_tells_where_it_was(self, engine, calls):
        with pytest.raises(jobs.OddError) as raised:
            list(engine.run(jobs.job(calls, 2, partial(jobs.raises, at=1)), range(2)))
        assert "cluster_jobs.py" in raised.value.__notes__[0]

    def test_an_error_that_cannot_be_sent_is_told(self, engine, calls):
        job = jobs.job(calls, 2, partial(jobs.raises_one, error=jobs.UnsendableError))
        with pytest.raises(AuditError, match=r"could not compute a shard: .*UnsendableError"):
            list(engine.run(job, range(2)))

    def test_a_job_that_cannot_be_sent_is_one_clear_error(self, engine, calls):
        job = jobs.job(calls, 1)
        held = type(job)(job.stage, lambda: None)
        with pytest.raises(AuditError, match="squares cannot be computed by other processes"):
            list(engine.run(held, [0]))

    def test_another_version_of_the_code_is_refused(self, make_executor, store, calls):
        engine = make_executor(store, 1, code="older")
        with pytest.raises(AuditError, match="has another version of auditkit"):
            list(engine.run(jobs.job(calls, 1), [0]))
        assert not jobs.computed(calls)

    def test_what_a_worker_prints_does_not_disturb(self, engine, calls):
        assert shards_of(engine.run(jobs.job(calls, 2, jobs.talks), range(2))) == [0, 1]
