"""The ray engine on a Ray cluster of several nodes, all on this machine."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import cluster_jobs as jobs
import ray
from engine_contract import EngineContract, WorkersOfTheirOwn
from ray.cluster_utils import Cluster

from auditkit.errors import AuditError
from auditkit.evidence.execution import ray_crew
from auditkit.evidence.execution.ray_engine import RayEngine
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store

SMALL = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
PATH = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])


@pytest.fixture(scope="module")
def cluster():
    """A head that computes nothing, and a node with three cores and two GPUs that are not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", PATH)  # for the nodes' processes
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
        try:
            made.node = made.add_node(num_cpus=3, num_gpus=2, **SMALL)
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("ray") / "store")


@pytest.fixture(scope="module")
def make(cluster):
    """Engines that share the cluster; their actors stay until the module ends."""
    with ExitStack() as stack:

        def made(store, workers, **options):
            place = {"address": cluster.address, "gpus": 0.5}
            engine = RayEngine(store, Settings(device="cpu"), workers, **{**place, **options})
            return stack.enter_context(closing(engine))

        yield made


@pytest.fixture(scope="module")
def usual(make, store):
    return make(store, 2)


@pytest.fixture
def make_executor(make, usual, store):
    """One engine with two workers for nearly all tests, as actors take seconds to start."""

    def made(where, workers, *, code=None, attempts=3, patience=60.0):
        if code or workers != 2 or where is not store:
            return make(where, workers, code=code, gpus=0)
        usual.attempts, usual.patience = attempts, patience
        return usual

    return made


@pytest.fixture
def engine(make_executor, store):
    return make_executor(store, 2)


def shards_of(done):
    return sorted(one.shard for one in done)


class TestRay(EngineContract, WorkersOfTheirOwn):
    many = 60


def test_actors_stay_for_the_next_stage_on_their_share_of_a_gpu(engine, calls):
    list(engine.run(jobs.job(calls, 4, jobs.notes_gpus, pause=0.05), range(4)))
    before = set(engine._crew.actors)
    list(engine.run(jobs.job(calls, 4, jobs.notes_gpus, pause=0.05, name="next"), range(4)))

    assert set(engine._crew.actors) == before
    assert {file.read_text() for file in calls.glob("gpus-*")} <= {"0", "1"}


def test_who_still_hangs_in_the_next_stage_is_ended(make_executor, store, calls):
    engine = make_executor(store, 2, patience=0.3)
    assert len(list(engine.run(jobs.job(calls, 4, partial(jobs.hangs_once, at=1)), range(4)))) == 4
    list(engine.run(jobs.job(calls, 1, pause=1.0, name="next"), [0]))

    jobs.until(lambda: not jobs.alive(int((calls / "hung").read_text())))


def test_a_lost_node_is_waited_for_and_its_replacement_used(
    engine, cluster, store, calls, caplog, monkeypatch
):
    monkeypatch.setattr(ray_crew, "_REMARK", 0.5)
    job = jobs.job(calls, 6, partial(jobs.waits_for, at=3, name="go-on"))

    with (
        ThreadPoolExecutor(1) as pool,
        ExitStack() as stack,
        caplog.at_level(logging.WARNING),
    ):
        running = pool.submit(lambda: list(engine.run(job, range(6))))
        stack.callback(engine.cancel)  # else the pool would wait for a run that never ends
        jobs.until(lambda: jobs.number(calls / "at-go-on"))
        pid = jobs.number(calls / "at-go-on")
        cluster.remove_node(cluster.node, allow_graceful=False)
        jobs.until(lambda: not jobs.alive(pid))
        (calls / "go-on").touch()
        jobs.until(lambda: "2 of 2 Ray workers wait for room" in caplog.text)
        assert not running.done(), "there is no node left that computes"
        cluster.node = cluster.add_node(num_cpus=3, num_gpus=2, **SMALL)
        done = running.result(timeout=120)

    assert shards_of(done) == list(range(6))
    assert jobs.values(store, job) == [i * i for i in range(6)]
    assert len(jobs.computed(calls)) <= 6 + 2, "at most the shards in hand are done again"


def test_a_store_that_a_node_does_not_see_is_refused(make, tmp_path, calls):
    engine = make(jobs.ElsewhereStore(tmp_path / "store"), 1, gpus=0)

    with pytest.raises(AuditError, match="do not see the same evidence store"):
        list(engine.run(jobs.job(calls, 2), range(2)))
    engine.close()
    assert not list((tmp_path / "store").rglob("*.json")), "the probe is gone"


def test_what_cannot_be_had_is_refused(store):
    with pytest.raises(AuditError, match=r"gpus=1\.5: a share up to 1, or whole GPUs"):
        RayEngine(store, Settings(), gpus=1.5)
