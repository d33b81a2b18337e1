"""Who does which shard next, in virtual time."""

import heapq
import itertools
import random
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.evidence.execution.schedule import Schedule, Task

COST, TICK = 10.0, 1.0


def finish(schedule, worker, now):
    """A worker takes a shard and finishes it a second later."""
    task = schedule.next(worker, now)
    assert schedule.finished(worker, task.shard, now + 1)
    return task.shard


def test_shards_go_out_in_order():
    schedule = Schedule([4, 2, 9])
    assert [schedule.next(worker, 0.0) for worker in "abcd"] == [
        Task(4, False),
        Task(2, False),
        Task(9, False),
        None,
    ]
    assert schedule.empty
    assert not schedule.done


def test_the_longest_goes_first_where_costs_are_known():
    schedule = Schedule([0, 1, 2, 3], costs=[1.0, 5.0, 1.0, 9.0].__getitem__)
    assert [schedule.next(worker, 0.0).shard for worker in "abcd"] == [3, 1, 0, 2]


def test_a_shard_is_delivered_once():
    schedule = Schedule([0, 1])
    schedule.next("a", 0.0)
    assert schedule.finished("a", 0, 1.0)
    assert not schedule.finished("b", 0, 1.0)
    assert not schedule.finished("b", 7, 1.0)
    assert schedule.left == 1


def test_what_is_asked_for_twice_is_done_once():
    schedule = Schedule([3, 1, 3])
    assert [finish(schedule, "a", 0.0) for _ in range(2)] == [3, 1]
    assert schedule.done


def test_a_lost_shard_goes_to_the_front():
    schedule = Schedule(range(5))
    schedule.next("a", 0.0)
    schedule.next("b", 0.0)
    schedule.lost("a", 1.0)
    assert schedule.next("c", 1.0) == Task(0, False)


def test_who_was_thought_lost_may_still_deliver():
    schedule = Schedule(range(2))
    schedule.next("a", 0.0)
    schedule.lost("a", 1.0)
    assert schedule.finished("a", 0, 2.0)
    assert schedule.next("a", 2.0) == Task(1, False)
    assert schedule.empty


def test_what_a_lost_worker_reports_late_is_not_its_namesakes():
    schedule = Schedule(range(2))
    schedule.next("a", 0.0)
    schedule.lost("a", 1.0)
    schedule.next("b", 1.0)
    assert schedule.next("a", 1.0).shard == 1
    assert schedule.finished("a", 0, 2.0)
    schedule.lost("a", 3.0)
    assert schedule.next("c", 3.0) == Task(1, False)


def test_a_worker_that_asks_again_has_dropped_its_shard():
    schedule = Schedule(range(2))
    assert schedule.next("a", 0.0).shard == schedule.next("a", 1.0).shard == 0


def test_a_shard_that_costs_three_workers_is_an_error():
    schedule = Schedule(range(2))
    for worker in "ab":
        assert schedule.next(worker, 0.0).shard == 0
        schedule.lost(worker, 1.0)
    schedule.next("c", 2.0)
    with pytest.raises(AuditError, match="shard 0 has cost 3 workers"):
        schedule.lost("c", 3.0)


def test_a_slow_shard_is_given_to_one_idle_worker():
    schedule = Schedule(range(4))
    schedule.next("slow", 0.0)
    for _ in range(3):
        finish(schedule, "quick", 0.0)
    assert schedule.next("quick", 2.9) is None
    assert schedule.next("quick", 3.1) == Task(0, True)
    assert schedule.next("third", 9.0) is None
    assert schedule.finished("quick", 0, 10.0)
    assert not schedule.finished("slow", 0, 11.0)


def test_where_the_second_worker_dies_a_third_is_asked():
    schedule = Schedule(range(2))
    schedule.next("slow", 0.0)
    finish(schedule, "quick", 0.0)
    assert schedule.next("quick", 5.0) == Task(0, True)
    schedule.lost("quick", 6.0)
    assert schedule.next("third", 6.0) == Task(0, True)


def test_nothing_quick_is_done_twice():
    schedule = Schedule(range(2))
    schedule.next("a", 0.0)
    schedule.next("b", 0.0)
    schedule.finished("b", 1, 0.01)
    assert schedule.next("b", 0.9) is None


def test_what_was_only_found_says_nothing_about_cost():
    schedule = Schedule(range(3))
    schedule.next("a", 0.0)
    schedule.next("b", 0.0)
    schedule.finished("b", 1, 0.01, usual=False)
    assert schedule.usual(0) is None
    schedule.next("b", 1.0)
    schedule.finished("b", 2, 6.0)
    assert schedule.usual(0) == 5.0


def test_what_is_usual_follows_known_costs():
    schedule = Schedule(range(2), costs=[2.0, 8.0].__getitem__)
    assert schedule.next("a", 0.0).shard == 1
    schedule.finished("a", 1, 4.0)
    assert schedule.usual(0) == 1.0


def test_who_takes_twenty_times_the_usual_hangs_but_not_within_the_patience():
    schedule = Schedule(range(9), patience=30.0)
    finish(schedule, "a", 0.0)
    schedule.next("a", 10.0)
    assert schedule.hung(39.0) == []
    assert schedule.hung(41.0) == ["a"]
    schedule.lost("a", 41.0)
    assert schedule.hung(99.0) == []


def test_a_first_shard_may_take_longer_since_models_are_loaded():
    schedule = Schedule(range(9), patience=30.0)
    finish(schedule, "a", 0.0)
    schedule.next("new", 0.0)
    assert schedule.hung(299.0) == []
    assert schedule.hung(301.0) == ["new"]


def test_while_nothing_is_finished_an_hour_is_usual():
    schedule = Schedule(range(9))
    schedule.next("a", 0.0)
    assert schedule.hung(3599.0) == []
    assert schedule.hung(3601.0) == ["a"]


def test_what_follows_is_what_is_given_next():
    schedule = Schedule(range(6))
    for worker in "ab":
        schedule.next(worker, 0.0)
    following = {worker: schedule.following(worker) for worker in "ab"}
    for worker in "ba":
        schedule.finished(worker, schedule._running[worker].shard, 1.0)
        assert schedule.next(worker, 1.0).shard == following[worker]


def test_what_one_worker_made_ready_for_is_done_by_who_is_idle():
    schedule = Schedule(range(2))
    schedule.next("a", 0.0)
    assert schedule.following("a") == 1
    assert schedule.following("b") is None
    assert schedule.next("b", 0.0) == Task(1, False)
    assert schedule.following("a") is None


def test_a_shard_takes_few_bytes():
    tracemalloc.start()
    try:
        schedule = Schedule(range(100_000))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 20 * 100_000
    assert not schedule.done


class Cluster:
    """Workers that finish, die, hang and report late, on a clock of its own."""

    def __init__(self, shards, workers, faults, seed, *, costs=None, attempts=3):
        self.random = random.Random(seed)
        self.schedule = Schedule(shards, costs=costs, attempts=attempts, patience=COST)
        self.faults, self.shards = faults, shards
        self.delivered = Counter()
        self.began = itertools.count()
        self.idle = [next(self.began) for _ in range(workers)]
        self.alive = set(self.idle)
        self.events = []

    def run(self):
        now = 0.0
        while not self.schedule.done:
            self.give(now)
            assert self.schedule.left == len(self.shards) - self.delivered.total()
            # The next thing that happens, or the next look at who hangs.
            now = min(self.events[0][0], now + TICK) if self.events else now + TICK
            while self.events and self.events[0][0] <= now:
                _, what, worker, shard = heapq.heappop(self.events)
                getattr(self, what)(worker, shard, now)
            for name in self.schedule.hung(now):
                self.dies(int(name), None, now)
            assert now < 1e5

    def give(self, now):
        for worker in list(self.idle):
            waiting = not self.schedule.empty
            task = self.schedule.next(str(worker), now)
            assert task is not None or not waiting, "idle while something is queued"
            if task is None:
                continue
            assert task.steal != waiting, "given again only when nothing is queued"
            assert not self.delivered[task.shard]
            self.idle.remove(worker)
            self.happens(worker, task.shard, now)
            if self.random.random() < 0.5:
                self.schedule.following(str(worker))

    def happens(self, worker, shard, now):
        fault = self.random.choices(("none", "dies", "hangs", "late"), (1.0, *self.faults))[0]
        then = now + COST * self.random.uniform(0.5, 6.0)
        if fault == "none":
            heapq.heappush(self.events, (then, "finishes", worker, shard))
        elif fault != "hangs":
            heapq.heappush(self.events, (then, "dies", worker, shard))
        if fault == "late":  # it is thought lost, and has finished
            heapq.heappush(self.events, (then + 1, "reports", worker, shard))

    def finishes(self, worker, shard, now):
        if worker in self.alive:
            self.reports(worker, shard, now)
            self.idle.append(worker)

    def reports(self, worker, shard, now):
        self.delivered[shard] += self.schedule.finished(str(worker), shard, now)

    def dies(self, worker, shard, now):
        """It is gone, and another one begins."""
        if worker in self.alive:
            self.alive.remove(worker)
            self.idle.append(next(self.began))
            self.alive.add(self.idle[-1])
            self.schedule.lost(str(worker), now)


faults = st.tuples(*[st.sampled_from((0.0, 0.05, 0.3, 2.0))] * 3)


@settings(max_examples=150, deadline=None)
@given(
    shards=st.lists(st.integers(0, 500), unique=True, max_size=60),
    workers=st.integers(1, 8),
    faults=faults,
    seed=st.integers(0, 2**32),
    known=st.booleans(),
)
def test_every_shard_is_delivered_once_or_it_is_an_error(shards, workers, faults, seed, known):
    costs = (lambda shard: shard % 7) if known else None
    cluster = Cluster(shards, workers, faults, seed, costs=costs)
    try:
        cluster.run()
    except AuditError:
        assert faults != (0.0, 0.0, 0.0)
        assert set(cluster.delivered.values()) <= {0, 1}
        return
    assert cluster.delivered == Counter(shards)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), workers=st.integers(2, 6))
def test_whoever_dies_everything_is_delivered_while_shards_may_cost_many(seed, workers):
    cluster = Cluster(range(40), workers, (0.3, 0.3, 0.1), seed, attempts=10**6)
    cluster.run()
    assert cluster.delivered == Counter(range(40))
