"""How an array's shards are dealt out, what its tasks tell each other, and what Slurm may be asked."""

from collections import deque

import pytest

pytest.importorskip("submitit", reason="the extra slurm is not installed")

from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.evidence.execution.ledger import Board, Ledger
from auditkit.evidence.execution.slurm import SlurmEngine
from auditkit.evidence.execution.slurm_options import asks_for_gpus, options_of
from auditkit.evidence.execution.slurm_share import Next, Order, shares
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 9))
def test_every_shard_is_in_one_share_and_shares_weigh_about_the_same(costs, tasks):
    dealt = shares([(shard, float(cost)) for shard, cost in enumerate(costs)], tasks)

    assert sorted(shard for share in dealt for shard in share) == list(range(len(costs)))
    weights = [sum(costs[shard] for shard in share) for share in dealt]
    assert len(dealt) == min(tasks, len(costs))
    assert max(weights) - min(weights) <= max(costs)


@pytest.fixture
def board(tmp_path):
    return Board(Ledger(tmp_path))


def test_a_task_does_its_share_and_then_the_end_of_the_longest_other(board):
    order = Order("1-0", deque([0, 1]), [[2, 3, 4], [5]])

    assert [order.next(board, 0.0).shard for _ in range(4)] == [0, 1, 4, 3]


def test_what_others_did_or_have_in_hand_is_passed_over(board):
    board.ledger.say("1-5", shard=2, state="computed", seconds=1.0, overhead=0.0, worker="w")
    board.ledger.say("1-5", begun=3)
    board.update(0.0)
    order = Order("1-0", deque(), [[2, 3, 4]])

    assert order.next(board, 0.0) == Next(4)
    assert order.next(board, 0.5) is None
    assert order.waiting
    assert order.next(board, 1.5) == Next(3, again=True), "it may have died"


def test_what_a_task_of_an_earlier_array_left_is_taken_over_at_once(board):
    board.ledger.say("0-3", begun=2)
    board.update(0.0)

    assert Order("1-0", deque([2]), []).next(board, 0.0) == Next(2, steal=True)


def test_a_straggler_is_done_again_by_one_task_at_a_time(board):
    board.ledger.say("1-6", shard=1, state="computed", seconds=10.0, overhead=0.0, worker="w")
    board.ledger.say("1-6", begun=2)
    board.update(0.0)
    order, second = Order("1-0", deque(), [[2]]), Order("1-1", deque(), [[2]])
    assert order.next(board, 0.0) is None
    assert second.next(board, 0.0) is None

    assert order.next(board, 31.0) == Next(2, again=True, steal=True)
    board.ledger.say("1-0", begun=2)
    board.update(31.0)
    order.held(2, 31.0)
    assert second.next(board, 31.5) == Next(2, again=True)
    assert second.next(board, 62.0) == Next(2, again=True, steal=True)


def test_a_shard_that_several_tasks_began_is_left_alone(board):
    for task in ("0-1", "0-2", "1-3"):
        board.ledger.say(task, begun=7)
    board.update(0.0)
    order = Order("1-0", deque([7]), [])

    assert order.next(board, 0.0) is None
    assert not order.waiting


def test_half_a_line_is_read_when_it_is_whole(tmp_path):
    board = Board(Ledger(tmp_path))
    whole = b'{"shard":1,"state":"found","seconds":0,"overhead":0,"worker":"w"}\n'
    (tmp_path / "t.jsonl").write_bytes(whole + b'{"sha')
    assert [done.shard for done in board.update(0.0)] == [1]

    (tmp_path / "t.jsonl").write_bytes(whole + whole.replace(b"1", b"2"))
    assert [done.shard for done in board.update(0.0)] == [2]
    assert board.update(0.0) == []


def test_options_are_those_of_sbatch():
    given = {"partition": "gpu", "time": "30", "setup": "module load cuda", "exclusive": "true"}

    assert options_of(given, "slurm") == {
        "partition": "gpu",
        "time": 30,
        "setup": ["module load cuda"],
        "exclusive": True,
        "job_name": "auditkit",
    }
    assert options_of(given, "local") == {"timeout_min": 30, "setup": ["module load cuda"]}
    assert asks_for_gpus({"gres": "gpu:1"})
    assert not asks_for_gpus({"partition": "gpu"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partitoin": "gpu"}, "partitoin is not known; known: .*partition"),
        ({"time": "1:00:00"}, "a whole number of minutes was expected"),
        ({"account": "a\n#SBATCH --uid=0"}, "more than one line"),
        ({"use_srun": "no"}, "true or false was expected"),
    ],
)
def test_other_options_are_refused_before_anything_starts(tmp_path, options, message):
    with pytest.raises(AuditError, match=message):
        SlurmEngine(Store(tmp_path), Settings(), options=options)


def test_a_cluster_of_another_kind_is_refused(tmp_path):
    with pytest.raises(AuditError, match="one of slurm, local, debug was expected"):
        SlurmEngine(Store(tmp_path), Settings(), cluster="pbs")
