"""Engines of one machine: threads of this process, and processes of their own, held to one contract."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import cluster_jobs as jobs
import pytest

from auditkit.errors import AuditError
from auditkit.evidence.execution.inline import Inline
from auditkit.evidence.execution.processes import Processes
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def calls(tmp_path):
    return tmp_path / "calls"


@pytest.fixture
def processes(store):
    with closing(Processes(store, Settings(device="cpu"), 2)) as two:
        yield two


@pytest.fixture(params=["inline", "processes"])
def engine(request, store):
    if request.param == "inline":
        yield Inline(store, 2)
    else:
        yield request.getfixturevalue("processes")


def shards_of(done):
    return sorted(one.shard for one in done)


def wait_for(path):
    for _ in range(3000):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


def test_each_shard_is_computed_once(engine, store, calls):
    job = jobs.job(calls, 60)
    done = list(engine.run(job, range(60)))
    assert shards_of(done) == list(range(60))
    assert {one.state for one in done} == {"computed"}
    assert sorted(jobs.computed(calls)) == list(range(60))
    assert jobs.values(store, job) == [i * i for i in range(60)]
    assert len(list(calls.glob("made-*"))) <= 2


def test_what_is_there_is_found_and_what_somebody_holds_is_left(engine, store, calls):
    job = jobs.job(calls, 4)
    list(engine.run(job, [1]))
    with store.lease(job.stage.where([2])) as held:
        assert held
        done = {one.shard: one.state for one in engine.run(job, range(4))}
    assert done == {0: "computed", 1: "found", 2: "held", 3: "computed"}
    assert sorted(jobs.computed(calls)) == [0, 1, 3]


def test_an_error_of_the_computation_is_raised_as_it_is(engine, store, calls):
    with pytest.raises(jobs.OddError, match="image 3 is odd"):
        list(engine.run(jobs.job(calls, 6, partial(jobs.raises, at=3)), range(6)))
    again = jobs.job(calls, 6, name="another")
    assert shards_of(engine.run(again, range(6))) == list(range(6))


def test_closing_early_takes_no_more(engine, store, calls):
    job = jobs.job(calls, 200, pause=0.01)
    running = engine.run(job, range(200))
    next(running)
    running.close()
    time.sleep(0.3)
    begun = len(jobs.computed(calls))
    assert begun < 20
    time.sleep(0.3)
    assert len(jobs.computed(calls)) == begun


def test_cancelling_from_another_thread_ends_the_run(engine, calls):
    job = jobs.job(calls, 500, pause=0.01)
    done = []
    for one in engine.run(job, range(500)):
        done.append(one)
        if len(done) == 5:
            threading.Thread(target=engine.cancel).start()
    assert 5 <= len(done) < 100
    assert shards_of(engine.run(jobs.job(calls, 3, name="next"), range(3))) == [0, 1, 2]


def test_it_says_what_it_is_and_can_be_closed_twice(engine):
    assert {"engine", "workers"} <= engine.describe().keys()
    engine.close()
    engine.close()


def test_nothing_to_do_is_done_at_once(engine, calls):
    assert list(engine.run(jobs.job(calls, 3), [])) == []


def test_a_killed_worker_costs_its_shard_alone(processes, store, calls):
    job = jobs.job(calls, 12, partial(jobs.killed_once, at=4))
    done = list(processes.run(job, range(12)))
    assert shards_of(done) == list(range(12))
    assert sorted(jobs.computed(calls)) == sorted([*range(12), 4])
    assert jobs.values(store, job) == [i * i for i in range(12)]


def test_a_shard_that_kills_every_worker_is_an_error(processes, calls):
    with pytest.raises(AuditError, match="images 2 to 2 have cost 3 worker processes .*SIGKILL"):
        list(processes.run(jobs.job(calls, 3, partial(jobs.killed_always, at=1)), range(3)))
    assert jobs.computed(calls).count(1) == 3
    assert shards_of(processes.run(jobs.job(calls, 3, name="next"), range(3))) == [0, 1, 2]


def test_a_hung_worker_is_killed_and_its_shard_given_again(store, calls):
    with closing(Processes(store, Settings(device="cpu"), 2, patience=1.0)) as two:
        job = jobs.job(calls, 8, partial(jobs.hangs_once, at=3))
        assert shards_of(two.run(job, range(8))) == list(range(8))
        assert jobs.values(store, job) == [i * i for i in range(8)]
        hung = int(wait_for(calls / "hung"))
        two.patience = 0.2
        assert shards_of(two.run(jobs.job(calls, 4, name="next"), range(4))) == [0, 1, 2, 3]
        two.close()
        assert not jobs.alive(hung)


def test_another_version_of_the_code_is_refused(store, calls):
    other = Processes(store, Settings(device="cpu"), 1, code="another")
    with closing(other), pytest.raises(AuditError, match="has another version of auditkit"):
        list(other.run(jobs.job(calls, 1), [0]))


def test_what_cannot_be_sent_is_one_clear_error(processes, calls):
    job = jobs.job(calls, 1)
    held = type(job)(job.stage, lambda: None)
    with pytest.raises(AuditError, match=r"squares cannot be computed by other processes"):
        list(processes.run(held, [0]))


def test_what_a_worker_prints_does_not_disturb(processes, calls, capfd):
    job = jobs.job(calls, 2, jobs.talks)
    assert shards_of(processes.run(job, range(2))) == [0, 1]
    said = capfd.readouterr()
    assert "spoken" in said.err
    assert "spoken" not in said.out


def test_workers_end_with_their_driver(tmp_path, calls):
    """Even where it is killed while they compute."""
    calls.mkdir()
    script = textwrap.dedent(
        f"""
        import sys
        from functools import partial
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import cluster_jobs as jobs
        from auditkit.evidence.execution.processes import Processes
        from auditkit.evidence.kinds import Settings
        from auditkit.evidence.store import Store
        calls = Path({str(calls)!r})
        two = Processes(Store(Path({str(tmp_path / "store")!r})), Settings(device="cpu"), 1)
        list(two.run(jobs.job(calls, 1, partial(jobs.hangs_once, at=0)), [0]))
        """
    )
    driver = subprocess.Popen([sys.executable, "-c", script])
    try:
        worker = int(wait_for(calls / "hung"))
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        for _ in range(500):
            if not jobs.alive(worker):
                break
            time.sleep(0.01)
        assert not jobs.alive(worker)
    finally:
        driver.kill()
