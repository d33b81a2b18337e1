"""Worker processes of this machine: how they begin and end, and what they see."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import cluster_jobs as jobs
import pytest

from auditkit.errors import AuditError
from auditkit.evidence.execution import child
from auditkit.evidence.execution.devices import visible_gpus
from auditkit.evidence.execution.processes import Processes
from auditkit.evidence.kinds import Settings

CPU = Settings(device="cpu")


@pytest.fixture
def processes(store):
    with closing(Processes(store, CPU, 2)) as two:
        yield two


def shards_of(done):
    return sorted(one.shard for one in done)


def number_in(path):
    """What a worker wrote, once it has."""
    jobs.until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def pids(calls):
    return {int(file.read_text()) for file in calls.glob("pid-*")}


def test_what_a_shard_did_to_its_workers_is_told(processes, calls):
    job = jobs.job(calls, 3, partial(jobs.killed_always, at=1))
    told = r"squares, shard 1: image 2 has cost one worker .*killed by SIGKILL.*memory"
    with pytest.raises(AuditError, match=told):
        list(processes.run(job, range(3)))
    assert jobs.computed(calls).count(1) == 3
    assert shards_of(processes.run(jobs.job(calls, 3, name="next"), range(3))) == [0, 1, 2]


def test_a_straggler_is_overtaken_and_left_in_peace(processes, store, calls):
    job = jobs.job(calls, 8, partial(jobs.slow_once, at=0))
    assert shards_of(processes.run(job, range(8))) == list(range(8))
    assert jobs.computed(calls).count(0) == 2
    assert jobs.values(store, job) == [i * i for i in range(8)]
    assert jobs.alive(number_in(calls / "slow"))
    job = jobs.job(calls, 4, name="next")
    assert shards_of(processes.run(job, range(4))) == [0, 1, 2, 3]


def test_workers_stay_for_the_next_stage_and_end_with_the_engine(processes, calls):
    seen = set()
    for name in ("one", "another"):
        job = jobs.job(calls, 6, jobs.notes_pid, pause=0.05, name=name)
        list(processes.run(job, range(6)))
        seen |= pids(calls)
    assert 1 <= len(seen) <= 2
    assert all(map(jobs.alive, seen))
    processes.close()
    assert not any(map(jobs.alive, seen))


def test_workers_follow_the_driver_to_its_folder(processes, calls, tmp_path, monkeypatch):
    list(processes.run(jobs.job(calls, 1, name="before"), [0]))
    monkeypatch.chdir(tmp_path)
    list(processes.run(jobs.job(calls, 1, jobs.notes_folder), [0]))
    assert (calls / "folder").read_text() == str(tmp_path)


def test_closing_the_engine_ends_what_is_computed(processes, calls):
    with ThreadPoolExecutor(1) as pool:
        job = jobs.job(calls, 2, partial(jobs.hangs_once, at=0))
        running = pool.submit(lambda: list(processes.run(job, range(2))))
        worker = number_in(calls / "hung")
        processes.close()
        assert not jobs.alive(worker)
        assert len(running.result(timeout=60)) <= 1
    assert shards_of(processes.run(jobs.job(calls, 3, name="next"), range(3))) == [0, 1, 2]


def test_who_does_nothing_at_all_is_ended_even_where_nobody_knows_how_long_it_takes(store, calls):
    # The first shard ever, and the only one: no other was finished that could tell what is usual.
    engine = Processes(store, CPU, 1, patience=1.5)
    began = time.monotonic()
    job = jobs.job(calls, 1, partial(jobs.hangs_once, at=0))
    assert shards_of(engine.run(job, [0])) == [0]
    assert time.monotonic() - began < 60
    busy = jobs.job(calls, 1, partial(jobs.computes, seconds=4.0), name="busy")
    assert shards_of(engine.run(busy, [0])) == [0]
    assert len(pids(calls)) == 1
    engine.close()


def test_an_engine_that_nobody_holds_lets_its_workers_go(store, calls):
    engine = Processes(store, CPU, 1)
    list(engine.run(jobs.job(calls, 1, jobs.notes_pid), [0]))
    (worker,) = pids(calls)
    del engine
    gc.collect()
    jobs.until(lambda: not jobs.alive(worker))


def test_two_stages_at_once_share_the_workers(processes, store, calls):
    one, two = (jobs.job(calls, 30, name=name) for name in ("one", "two"))
    with ThreadPoolExecutor(2) as pool:
        ran = [
            pool.submit(lambda job=job: shards_of(processes.run(job, range(30))))
            for job in (one, two)
        ]
        assert [run.result(timeout=120) for run in ran] == [list(range(30))] * 2
    assert jobs.values(store, one) == jobs.values(store, two) == [i * i for i in range(30)]


def test_a_death_is_noticed_though_a_child_of_the_worker_goes_on(processes, calls):
    job = jobs.job(calls, 4, partial(jobs.leaves_a_child_and_dies, at=1))
    assert shards_of(processes.run(job, range(4))) == [0, 1, 2, 3]
    assert jobs.computed(calls).count(1) == 2


def test_workers_that_cannot_begin_are_an_error(processes, calls, tmp_path, monkeypatch):
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no such disk')")
    monkeypatch.setattr(child, "__file__", str(broken))
    with pytest.raises(AuditError, match=r"3 worker processes in a row ended .*exit status 1"):
        list(processes.run(jobs.job(calls, 4), range(4)))


def test_what_workers_print_goes_to_standard_error(processes, calls, capfd):
    list(processes.run(jobs.job(calls, 1, jobs.talks), [0]))
    said = capfd.readouterr()
    assert said.err.count("spoken") == 2
    assert "spoken" not in said.out


def test_each_worker_sees_one_of_the_visible_gpus(store, calls, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-5e")
    with closing(Processes(store, Settings(device="cuda"))) as engine:
        assert engine.describe()["workers"] == "2"
        assert engine.describe()["devices"] == "GPU 3, GPU-5e"
        list(engine.run(jobs.job(calls, 12, jobs.notes_gpus, pause=0.1), range(12)))
    assert {file.read_text() for file in calls.glob("gpus-*")} == {"3", "GPU-5e"}


@pytest.mark.parametrize(
    ("device", "visible", "names"),
    [
        ("auto", "0,2", ["0", "2"]),
        ("cuda", "1,-1,2", ["1"]),
        ("auto", "", []),
        ("cpu", "0", []),
        ("mps", "0", []),
    ],
)
def test_gpus_are_those_that_cuda_would_show(device, visible, names):
    assert visible_gpus(device, {"CUDA_VISIBLE_DEVICES": visible}) == names


def script(tmp_path, body):
    """A program that uses the engine from its main module, without a guard."""
    file = tmp_path / "program.py"
    head = f"""
        import sys
        from functools import partial
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import cluster_jobs as jobs
        from auditkit.evidence.execution.contract import Job
        from auditkit.evidence.execution.processes import Processes
        from auditkit.evidence.kinds import Settings
        from auditkit.evidence.store import Store
        print("program", flush=True)
        calls = Path({str(tmp_path / "calls")!r})
        engine = Processes(Store(Path({str(tmp_path / "store")!r})), Settings(device="cpu"), 1)
        """
    file.write_text(textwrap.dedent(head) + textwrap.dedent(body))
    return [sys.executable, str(file)]


@pytest.mark.parametrize("hang", ["partial(jobs.hangs_once, at=0)", "jobs.keeps_python"])
def test_workers_end_with_a_driver_that_is_killed(tmp_path, hang):
    """Even while they compute, and where the computation lets no other thread run."""
    body = f"list(engine.run(jobs.job(calls, 1, {hang}), [0]))"
    driver = subprocess.Popen(script(tmp_path, body), stdout=subprocess.DEVNULL)
    try:
        worker = number_in(tmp_path / "calls" / "hung")
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        jobs.until(lambda: not jobs.alive(worker))
    finally:
        driver.kill()


def test_a_program_is_not_run_again_and_its_own_functions_are_refused(tmp_path):
    body = """
        print(len(list(engine.run(jobs.job(calls, 3), range(3)))))
        def mine():
            return jobs.squares
        job = Job(jobs.job(calls, 1, name="mine").stage, mine)
        try:
            list(engine.run(job, [0]))
        except Exception as error:
            print(type(error).__name__, error)
        """
    said = subprocess.run(script(tmp_path, body), capture_output=True, text=True, timeout=120)
    first, count, refused = said.stdout.splitlines()
    assert (first, count) == ("program", "3")
    assert refused.startswith("AuditError worker worker-1 does not find what it is to compute with")
    assert not said.returncode


def test_ctrl_c_ends_driver_and_workers(tmp_path):
    # A shell that starts tests in the background has its children ignore Ctrl-C.
    body = """
        import signal

        signal.signal(signal.SIGINT, signal.default_int_handler)
        list(engine.run(jobs.job(calls, 4, partial(jobs.hangs_once, at=0)), range(4)))
        """
    driver = subprocess.Popen(
        script(tmp_path, body),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        worker = number_in(tmp_path / "calls" / "hung")
        os.killpg(driver.pid, signal.SIGINT)
        _, said = driver.communicate(timeout=60)
        assert said.count("KeyboardInterrupt") == 1
        jobs.until(lambda: not jobs.alive(worker))
    finally:
        driver.kill()


def test_threads_of_the_driver_end_with_the_workers(processes, calls):
    before = threading.active_count()
    list(processes.run(jobs.job(calls, 2), range(2)))
    assert threading.active_count() > before
    processes.close()
    assert threading.active_count() == before
