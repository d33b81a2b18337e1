"""Leases: one holder at a time, dead when their holder is, and never a matter of anybody's clock."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.evidence import leases
from auditkit.evidence.engine import Engine
from auditkit.evidence.leases import Leases, machine, started
from auditkit.evidence.stage import Stage
from auditkit.evidence.store import Store

AB = "ab" * 32


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def lease_of(store, **changed):
    """Write a lease as another process would."""
    about = {"holder": "x", "machine": "elsewhere", "pid": 1, "started": "7", "beat": 0, **changed}
    store.files.publish(f"leases/{AB}.json", json.dumps(about).encode())


def ticking(monkeypatch):
    """A clock of our own."""
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    return now


def watch(store, now, seconds):
    """Ask for the lease now and then, as an engine does; whether it was to be had in the end."""
    until = now[0] + seconds
    while now[0] < until:
        now[0] = min(until, now[0] + leases.TTL / 6)
        with store.lease(AB) as held:
            pass
    return held


def test_one_holder_at_a_time_and_nothing_is_left(store):
    with store.lease(AB) as first, store.lease(AB) as second, Store(store.root).lease(AB) as third:
        assert (first, second, third) == (True, False, False)
        with store.lease("cd" * 32) as other:
            assert other
    assert [file for file in store.root.rglob("*") if file.is_file()] == []
    with store.lease(AB) as again:
        assert again


def test_threads_exclude_each_other(store):
    inside, most, had = [0], [0], []
    lock = threading.Lock()

    def work():
        for _ in range(30):
            with store.lease(AB) as held:
                if held:
                    with lock:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    time.sleep(0.001)
                    with lock:
                        inside[0] -= 1
                had.append(held)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert any(had)


def test_a_stolen_lease_does_not_ask(store):
    with store.lease(AB) as held, store.lease(AB, steal=True) as stolen:
        assert held
        assert stolen


def test_a_killed_holders_lease_is_dead_at_once(store):
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from auditkit.evidence.store import Store
        with Store(Path(sys.argv[1])).lease(sys.argv[2]) as held:
            print(held, flush=True)
            time.sleep(60)
        """
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(store.root), AB], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "True\n"
    with store.lease(AB) as held:
        assert not held
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with store.lease(AB) as held:
        assert held


def test_another_process_with_the_same_number_is_not_the_holder(store):
    lease_of(store, machine=machine(), pid=os.getpid(), started="1")
    with store.lease(AB) as held:
        assert held


def test_a_running_holder_on_this_machine_keeps_its_lease_without_a_beat(store, monkeypatch):
    now = ticking(monkeypatch)
    parent = os.getppid()
    lease_of(store, machine=machine(), pid=parent, started=started(parent))
    for _ in range(3):
        now[0] += 1000
        with store.lease(AB) as held:
            assert not held


def test_a_lease_elsewhere_is_dead_when_its_beat_stands_still(store, monkeypatch):
    now = ticking(monkeypatch)
    lease_of(store)
    with store.lease(AB) as held:
        assert not held
    assert not watch(store, now, leases.TTL - 1)
    lease_of(store, beat=1)
    with store.lease(AB) as held:
        assert not held
    assert not watch(store, now, leases.TTL - 1)
    assert watch(store, now, 2)


def test_whoever_was_stopped_for_a_while_has_not_watched_for_so_long(store, monkeypatch):
    now = ticking(monkeypatch)
    lease_of(store)
    with store.lease(AB) as held:
        assert not held
    now[0] += 10 * leases.TTL
    with store.lease(AB) as held:
        assert not held
    assert watch(store, now, leases.TTL)


def test_of_two_that_take_over_one_dead_lease_one_has_it(store):
    lease_of(store, machine=machine(), pid=os.getpid(), started="1")
    barrier, had = threading.Barrier(8), []

    def work():
        barrier.wait()
        with Store(store.root).lease(AB) as held:
            had.append(held)
            barrier.wait()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(had) == [False] * 7 + [True]


def test_a_lease_that_was_stolen_is_the_thiefs(store):
    with store.lease(AB) as held:
        assert held
        with store.lease(AB, steal=True) as stolen, store.lease(AB) as third:
            assert (stolen, third) == (True, False)
        with store.lease(AB) as again:
            assert again
            theirs = store.files.read(f"leases/{AB}.json")
    assert theirs
    assert [file for file in store.root.rglob("*") if file.is_file()] == []


def test_what_this_process_let_go_and_could_not_remove_is_dead(store, monkeypatch):
    def refuse(*_arguments):
        raise OSError(5, "Input/output error")

    with store.lease(AB) as held, monkeypatch.context() as patch:
        assert held
        patch.setattr(type(store.files), "delete", refuse)
        # Let go of where nothing can be removed.
        next(iter(leases._beating._held.values())).release()
    assert (store.root / "leases" / f"{AB}.json").exists()
    with store.lease(AB) as again:
        assert again


def test_a_forked_child_gives_back_nothing_of_its_parents(store):
    with store.lease(AB) as held:
        assert held
        own = list(leases._beating._held.values())
        child = os.fork()
        if child == 0:
            for lease in own:
                lease.release()
            os._exit(len(leases._beating._held))
        assert os.waitpid(child, 0)[1] == 0
        assert (store.root / "leases" / f"{AB}.json").exists()


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_clocks_may_jump(store, monkeypatch, jump):
    """Neither the files' times nor this machine's time of day are looked at."""
    now = ticking(monkeypatch)
    lease_of(store)
    with store.lease(AB) as held:
        assert not held
    monkeypatch.setattr(leases.time, "time", lambda: 1e9 + jump)
    os.utime(store.root / "leases" / f"{AB}.json", (1e9, max(0, 1e9 + jump)))
    with store.lease(AB) as held:
        assert not held
    assert watch(store, now, leases.TTL + 1)


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"pid": "1"}', b"[" * 10_000])
def test_what_is_no_lease_goes_after_a_while(store, monkeypatch, content):
    now = ticking(monkeypatch)
    store.files.publish(f"leases/{AB}.json", content)
    with store.lease(AB) as held:
        assert not held
    assert watch(store, now, leases.TTL + 1)


def test_a_beat_renews_ones_own_lease_only(store):
    lease = Leases(store.files).take(AB)
    before = store.files.read(lease.name)
    lease.renew()
    assert store.files.read(lease.name) != before
    lease_of(store)
    theirs = store.files.read(lease.name)
    lease.renew()
    lease.release()
    assert store.files.read(lease.name) == theirs


def test_two_processes_share_two_hundred_shards_and_compute_each_once(store):
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        import numpy as np
        from auditkit.evidence.engine import Engine
        from auditkit.evidence.stage import Stage
        from auditkit.evidence.store import Store
        def work(indices):
            time.sleep(0.002)
            return {"x": np.array(indices) * 2}
        engine = Engine(Store(Path(sys.argv[1])), threads=2)
        stage = Stage("d", {"stage": "d"}, [f"image {i}" for i in range(200)], 1)
        found = engine.gather(stage, lambda: work)
        assert (found["x"] == 2 * np.arange(200)).all()
        print(engine.counts.computed)
        """
    )
    command = [sys.executable, "-c", script, str(store.root)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    computed = [int(one.communicate(timeout=60)[0]) for one in both]
    assert sum(computed) == 200
    assert min(computed) > 0


def test_a_read_only_store_is_read_and_says_what_is_wrong(store, monkeypatch):
    store.write(AB, {"x": np.zeros(2)}, {})
    folders = [store.root / "ab", store.root]
    for folder in folders:
        folder.chmod(0o555)
    monkeypatch.chdir(store.root)
    child = os.fork()  # of nobody, since root may write everywhere
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setuid(65534)
            os._exit(0 if _only_reads(Store(".")) else 1)
        except BaseException:  # noqa: BLE001 told by its status
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for folder in folders:
        folder.chmod(0o755)


def _only_reads(store):
    engine = Engine(store)
    assert store.read(AB) is not None
    assert store.read("cd" * 32) is None
    stage = Stage("d", {"stage": "d"}, ["image"], 1)
    with pytest.raises(AuditError, match=r"evidence cannot be written to .*Permission denied"):
        engine.gather(stage, lambda: lambda indices: {"x": np.array(indices)})
    return not list(store.root.rglob("*.lease"))


def test_a_store_whose_writes_are_refused_is_still_read(store, monkeypatch):
    store.write(AB, {"x": np.zeros(2)}, {})

    def refuse(*_arguments, **_named):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("auditkit.evidence.places._new", refuse)
    assert store.read(AB) is not None
    with pytest.raises(AuditError, match="Read-only file system"), store.lease("cd" * 32):
        pass
    with pytest.raises(AuditError, match="Read-only file system"):
        store.write("cd" * 32, {"x": np.zeros(2)}, {})
