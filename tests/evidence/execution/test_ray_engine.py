"""The ray engine on a Ray cluster of several nodes, all on this machine."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import cluster_jobs as jobs
import ray
from ray.cluster_utils import Cluster

from auditkit.errors import AuditError
from auditkit.evidence.execution.ray_engine import RayEngine
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store

SMALL = {"object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster():
    """A head that computes nothing, and a node with two cores and two GPUs that are not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH",
            os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
        )  # for the nodes' processes
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
        try:
            made.node = made.add_node(num_cpus=2, num_gpus=2, **SMALL)
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("ray") / "store")


@pytest.fixture(scope="module")
def shared(cluster, store):
    place = {"address": cluster.address, "gpus": 0.5, "cpus": 0.5}  # a core stays free
    with closing(RayEngine(store, Settings(), 2, **place)) as engine:
        yield engine


@pytest.fixture
def engine(shared):
    shared.patience, shared.attempts = 60.0, 3
    return shared


@pytest.fixture
def calls(tmp_path):
    return tmp_path / "calls"


def shards_of(done):
    return sorted(one.shard for one in done)


def test_actors_compute_each_shard_once_on_their_share_of_a_gpu(engine, store, calls):
    job = jobs.job(calls, 9, jobs.notes_gpus, pause=0.05)

    done = list(engine.run(job, range(9)))

    assert shards_of(done) == list(range(9))
    assert {one.state for one in done} == {"computed"}
    assert sorted(jobs.computed(calls)) == list(range(9))
    assert jobs.values(store, job) == [i * i for i in range(9)]
    assert len(list(calls.glob("made-*"))) == 2
    assert {file.read_text() for file in calls.glob("gpus-*")} <= {"0", "1"}


def test_actors_stay_for_the_next_stage(engine, calls):
    before = set(engine._crew.actors)

    done = list(engine.run(jobs.job(calls, 4), range(4)))

    assert shards_of(done) == [0, 1, 2, 3]
    assert set(engine._crew.actors) == before


def test_a_killed_actor_costs_its_shard_alone(engine, store, calls):
    job = jobs.job(calls, 6, partial(jobs.killed_once, at=2))

    done = list(engine.run(job, range(6)))

    assert shards_of(done) == list(range(6))
    assert sorted(jobs.computed(calls)) == sorted([*range(6), 2])
    assert jobs.values(store, job) == [i * i for i in range(6)]


def test_a_shard_that_kills_its_workers_is_an_error(engine, calls):
    engine.attempts = 2

    with pytest.raises(AuditError, match="shard 1 has cost 2 workers"):
        list(engine.run(jobs.job(calls, 2, partial(jobs.killed_always, at=1)), range(2)))


def test_an_error_of_the_computation_is_raised_as_it_is(engine, calls):
    with pytest.raises(jobs.OddError, match="image 3 is odd") as raised:
        list(engine.run(jobs.job(calls, 4, partial(jobs.raises, at=3)), range(4)))

    assert "Traceback" in raised.value.__notes__[0]


def test_a_hung_actor_is_ended_and_its_shard_done_by_another(engine, store, calls):
    engine.patience = 1.5
    job = jobs.job(calls, 4, partial(jobs.hangs_once, at=1))

    done = list(engine.run(job, range(4)))

    assert shards_of(done) == [0, 1, 2, 3]
    assert jobs.computed(calls).count(1) == 2
    assert jobs.values(store, job) == [0, 1, 4, 9]
    engine.patience = 0.1
    assert list(engine.run(jobs.job(calls, 1, pause=0.5, name="next"), [0]))
    jobs.until(lambda: not jobs.alive(int((calls / "hung").read_text())))


def test_closing_the_iterator_leaves_the_rest_alone(engine, calls):
    with closing(engine.run(jobs.job(calls, 40, pause=0.02), range(40))) as running:
        next(running)

    again = jobs.job(calls, 3, name="again")
    assert shards_of(engine.run(again, range(3))) == [0, 1, 2]
    assert len(jobs.computed(calls)) < 20


def test_a_lost_node_is_waited_for_and_its_replacement_used(engine, cluster, store, calls):
    job = jobs.job(calls, 6, partial(jobs.waits_for, at=3, name="go-on"))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: list(engine.run(job, range(6))))
        jobs.until((calls / "at-go-on").exists)
        pid = int((calls / "at-go-on").read_text())
        cluster.remove_node(cluster.node, allow_graceful=False)
        jobs.until(lambda: not jobs.alive(pid))
        (calls / "go-on").touch()
        assert not running.done(), "there is no node left that computes"
        cluster.node = cluster.add_node(num_cpus=2, num_gpus=2, **SMALL)
        done = running.result(timeout=120)

    assert shards_of(done) == list(range(6))
    assert jobs.values(store, job) == [i * i for i in range(6)]
    assert len(jobs.computed(calls)) <= 6 + 2, "at most the shards in hand are done again"


def test_other_code_on_a_node_is_refused(engine, cluster, store, calls):
    with (
        closing(RayEngine(store, Settings(), 1, address=cluster.address, code="old")) as other,
        pytest.raises(AuditError, match="another version of auditkit"),
    ):
        list(other.run(jobs.job(calls, 2), range(2)))
    assert not jobs.computed(calls)


def test_a_store_that_a_node_does_not_see_is_refused(engine, cluster, tmp_path, calls):
    store = jobs.ElsewhereStore(tmp_path / "store")

    with (
        closing(RayEngine(store, Settings(), 1, address=cluster.address, gpus=0)) as other,
        pytest.raises(AuditError, match="do not see the same evidence store"),
    ):
        list(other.run(jobs.job(calls, 2), range(2)))
