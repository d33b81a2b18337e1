"""The slurm engine with submitit's local executor: arrays of processes on this machine."""

import os
import signal
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("submitit", reason="the extra slurm is not installed")

import cluster_jobs as jobs

from auditkit.errors import AuditError
from auditkit.evidence.execution import slurm_array
from auditkit.evidence.execution.slurm import SlurmEngine
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store


@pytest.fixture
def calls(tmp_path, monkeypatch):
    monkeypatch.setenv(
        "PYTHONPATH",
        os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
    )
    return tmp_path / "calls"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def engine(tmp_path, store):
    made = partial(
        SlurmEngine, store, Settings(), folder=tmp_path / "arrays", cluster="local", tiny=0
    )
    with closing(made(workers=2)) as two:
        two.made = made
        yield two


def shards_of(done):
    return sorted(one.shard for one in done)


def test_an_array_computes_each_shard_once_and_leaves_no_files(engine, store, calls, tmp_path):
    job = jobs.job(calls, 9)

    done = list(engine.run(job, range(9)))

    assert shards_of(done) == list(range(9))
    assert {one.state for one in done} == {"computed"}
    assert sorted(jobs.computed(calls)) == list(range(9))
    assert jobs.values(store, job) == [i * i for i in range(9)]
    assert len(list(calls.glob("made-*"))) <= 2  # models are loaded once per task
    assert not list((tmp_path / "arrays").iterdir())


def test_a_killed_task_costs_its_shard_alone(engine, store, calls):
    job = jobs.job(calls, 8, partial(jobs.killed_once, at=2))

    done = list(engine.run(job, range(8)))

    assert shards_of(done) == list(range(8))
    assert sorted(jobs.computed(calls)) == sorted([*range(8), 2])
    assert jobs.values(store, job) == [i * i for i in range(8)]


def test_what_the_only_task_left_is_submitted_again(engine, store, calls):
    job = jobs.job(calls, 3, partial(jobs.killed_once, at=1))

    done = list(engine.made(workers=1).run(job, range(3)))

    assert shards_of(done) == [0, 1, 2]
    assert jobs.values(store, job) == [0, 1, 4]
    assert sorted(jobs.computed(calls)) == [0, 1, 1, 2]


def test_a_shard_that_kills_every_task_is_an_error_with_the_log(engine, calls, tmp_path):
    job = jobs.job(calls, 2, partial(jobs.killed_always, at=1))

    with pytest.raises(AuditError, match=r"shard 1 cost 2 tasks their lives; its log .*ends"):
        list(engine.made(workers=2, attempts=2).run(job, range(2)))

    assert jobs.computed(calls).count(1) == 2
    assert list((tmp_path / "arrays").iterdir()), "the logs are kept"


def test_an_error_of_the_computation_is_raised_as_it_is(engine, calls):
    with pytest.raises(jobs.OddError, match="image 3 is odd") as raised:
        list(engine.run(jobs.job(calls, 4, partial(jobs.raises, at=3)), range(4)))

    assert "Traceback" in raised.value.__notes__[0]


def test_preemption_gives_the_shard_back_and_the_task_starts_again(
    engine, store, calls, monkeypatch
):
    submitted = []
    real = slurm_array._executor

    def remembered(shared, folder):
        executor = real(shared, folder)
        submit = executor.submit_array
        executor.submit_array = lambda tasks: submitted.extend(submit(tasks)) or submitted
        return executor

    monkeypatch.setattr(slurm_array, "_executor", remembered)
    job = jobs.job(calls, 4, partial(jobs.waits_for, at=2, name="go-on"))
    one = engine.made(workers=1)

    def preempt():
        jobs.until((calls / "at-go-on").exists)
        pid = int((calls / "at-go-on").read_text())
        os.kill(pid, signal.SIGUSR2)  # what Slurm sends some time before it takes the machine away
        jobs.until(lambda: not jobs.alive(pid))
        (calls / "go-on").touch()

    thread = threading.Thread(target=preempt, daemon=True)
    thread.start()
    done = list(one.run(job, range(4)))
    thread.join()

    assert shards_of(done) == list(range(4))
    assert jobs.computed(calls) == [0, 1, 2, 2, 3]
    assert len(submitted) == 1, "the same task went on"
    assert len(list(calls.glob("made-*"))) == 2
    assert jobs.values(store, job) == [0, 1, 4, 9]
