"""The slurm engine with submitit's local executor: arrays of processes on this machine."""

import os
import signal
import stat
import threading
from contextlib import ExitStack, closing
from functools import partial

import pytest

pytest.importorskip("submitit", reason="the extra slurm is not installed")

import cluster_jobs as jobs
import fake_slurm
from engine_contract import EngineContract, WorkersOfTheirOwn

from auditkit.errors import AuditError
from auditkit.evidence.execution import slurm_array
from auditkit.evidence.execution.slurm import SlurmEngine
from auditkit.evidence.kinds import Settings


@pytest.fixture
def make_executor(tmp_path, calls):
    """Arrays on this machine, for stages of any size."""
    with ExitStack() as stack:

        def made(store, workers, **options):
            place = {"folder": tmp_path / "arrays", "cluster": "local", "tiny": 0}
            engine = SlurmEngine(store, Settings(device="cpu"), workers, **{**place, **options})
            return stack.enter_context(closing(engine))

        yield made


@pytest.fixture
def engine(make_executor, store):
    return make_executor(store, 2)


def shards_of(done):
    return sorted(one.shard for one in done)


def test_an_array_computes_each_shard_once_and_leaves_no_files(engine, store, calls, tmp_path):
    job, done = jobs.job(calls, 9), []

    for one in engine.run(job, range(9)):
        done.append(one)
        (folder,) = (tmp_path / "arrays").iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, "pickles are the user's alone"

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


def test_what_the_only_task_left_is_submitted_again(make_executor, store, calls):
    job = jobs.job(calls, 3, partial(jobs.killed_once, at=1))

    done = list(make_executor(store, 1).run(job, range(3)))

    assert shards_of(done) == [0, 1, 2]
    assert jobs.values(store, job) == [0, 1, 4]
    assert sorted(jobs.computed(calls)) == [0, 1, 1, 2]


def test_a_shard_that_kills_every_task_is_an_error_with_the_log(
    make_executor, store, calls, tmp_path
):
    job = jobs.job(calls, 2, partial(jobs.killed_always, at=1))

    with pytest.raises(AuditError, match=r"shard 1 cost 2 tasks their lives; its log .*ends"):
        list(make_executor(store, 2, attempts=2).run(job, range(2)))

    assert jobs.computed(calls).count(1) == 2
    assert list((tmp_path / "arrays").iterdir()), "the logs are kept"


def test_an_error_of_the_computation_is_raised_as_it_is(engine, calls):
    with pytest.raises(jobs.OddError, match="image 3 is odd") as raised:
        list(engine.run(jobs.job(calls, 4, partial(jobs.raises, at=3)), range(4)))

    assert "Traceback" in raised.value.__notes__[0]


def test_preemption_gives_the_shard_back_and_the_task_starts_again(
    make_executor, store, calls, monkeypatch
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
    one = make_executor(store, 1)

    def preempt():
        jobs.until(lambda: jobs.number(calls / "at-go-on"))
        pid = jobs.number(calls / "at-go-on")
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


def test_what_somebody_else_computes_is_left_to_them_without_an_array(make_executor, store, calls):
    engine = make_executor(store, 2, patience=1.0)
    job = jobs.job(calls, 3)
    where = job.stage.where([1])

    with store.lease(where):
        first = {one.shard: one.state for one in engine.run(job, range(3))}
        again = [one.state for one in engine.run(job, [1])]

    assert first == {0: "computed", 1: "held", 2: "computed"}
    assert again == ["held"]
    assert sorted(jobs.computed(calls)) == [0, 2]
    assert len(list(calls.glob("made-*"))) <= 2, "no array for a shard that is still held"


def test_what_takes_seconds_is_computed_here_and_no_array_is_submitted(make_executor, store, calls):
    tiny = make_executor(store, 2, tiny=10.0)
    job = jobs.job(calls, 5)

    assert shards_of(tiny.run(job, [4])) == [4]  # one shard
    assert shards_of(tiny.run(job, range(4))) == [0, 1, 2, 3]  # of which the stage's time is known
    assert {file.name for file in calls.glob("made-*")} == {f"made-{os.getpid()}"}


def test_on_a_cluster_an_array_is_submitted_with_the_options(
    make_executor, store, calls, tmp_path, monkeypatch
):
    fake_slurm.installed(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "77")  # the driver is a job itself
    monkeypatch.setattr(slurm_array, "_ACCOUNTING", 0.5)
    options = {"partition": "gpu", "time": "90", "gpus_per_node": "1"}
    job = jobs.job(calls, 6, partial(jobs.killed_once, at=1))

    done = list(make_executor(store, 2, cluster="slurm", options=options).run(job, range(6)))

    assert shards_of(done) == list(range(6))
    assert jobs.values(store, job) == [i * i for i in range(6)]
    batch = (tmp_path / "batch-4200").read_text()
    for line in ("--partition=gpu", "--time=90", "--gpus-per-node=1", "--array=0-1%2"):
        assert f"#SBATCH {line}\n" in batch


@pytest.mark.long
class TestSlurm(EngineContract, WorkersOfTheirOwn):
    many = 60
