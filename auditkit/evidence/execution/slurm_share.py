"""Which shard a task of an array does next: of its share, then of the others'. Knows no clock."""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from auditkit.evidence.execution.ledger import Board

# A shard that is neither done nor to be had is asked for again after so many seconds.
_AGAIN = 1.0
# A shard that somebody outside the array holds is left to the driver after so many seconds; one that a task
# of the array holds is not done again before.
_SOON = 5.0


class Next(NamedTuple):
    """A shard to do.

    Attributes:
        shard: its number.
        again: whether it was in somebody's hands when last looked at.
        steal: whether to do it although another task has it in hand.
    """

    shard: int
    again: bool = False
    steal: bool = False


def shares(weights: Sequence[tuple[int, float]], tasks: int) -> list[list[int]]:
    """Shards dealt out so that shares weigh about the same: the heaviest first, each to the lightest share.

    Args:
        weights: shards with what each costs, in any unit.
        tasks: how many shares; fewer where there are fewer shards.
    """
    heap: list[tuple[float, int, list[int]]] = [
        (0.0, k, []) for k in range(min(tasks, len(weights)))
    ]
    for shard, cost in sorted(weights, key=lambda one: -one[1]):
        total, number, share = heap[0]
        share.append(shard)
        heapq.heapreplace(heap, (total + cost, number, share))
    return [share for _, _, share in sorted(heap, key=lambda one: one[1])]


@dataclass
class Order:
    """One task's way through the shards.

    Attributes:
        me: the task's name in the ledger.
        own: its share.
        others: the other tasks' shares; what is left of the longest is taken from its end.
        straggling: a shard that another task has had in hand for so many times the usual is done again here.
        patience: seconds instead, before anything is usual.
        attempts: a shard that so many other tasks began and did not finish is left alone.
    """

    me: str
    own: deque[int]
    others: list[list[int]]
    straggling: float = 3.0
    patience: float = 60.0
    attempts: int = 3
    _waiting: dict[int, tuple[float, float]] = field(default_factory=dict)

    def next(self, board: Board, now: float) -> Next | None:
        """What to do now; None for nothing, for now if `waiting`, else for good."""
        while self.own or any(self.others):
            shard = self.own.popleft() if self.own else max(self.others, key=len).pop()
            if shard in board.done:
                continue
            taken = self._elsewhere(board, shard)
            if not taken:
                return Next(shard)
            if len(taken) < self.attempts and not any(self._runs(board, task) for task in taken):
                return Next(shard, steal=True)  # its lease may look alive for a while
            self.held(shard, now)
        return self._overdue(board, now)

    @property
    def following(self) -> int | None:
        """What probably comes next."""
        if self.own:
            return self.own[0]
        longest = max(self.others, key=len, default=[])
        return longest[-1] if longest else None

    @property
    def waiting(self) -> bool:
        """Whether shards are in somebody's hands."""
        return bool(self._waiting)

    def held(self, shard: int, now: float) -> None:
        """A shard was not to be had: look again later."""
        since, _ = self._waiting.get(shard, (now, now))
        self._waiting[shard] = (since, now + _AGAIN)

    def _elsewhere(self, board: Board, shard: int) -> dict[str, float]:
        taken = board.taken.get(shard, {})
        return {task: since for task, since in taken.items() if task != self.me}

    def _runs(self, board: Board, task: str) -> bool:
        """Whether a task may still run: those of an earlier array do not."""
        array = self.me.partition("-")[0]
        return task.partition("-")[0] == array and task not in board.ended

    def _overdue(self, board: Board, now: float) -> Next | None:
        usual = board.usual()
        soon = min(_SOON, self.patience)
        late = self.patience if usual is None else max(soon, self.straggling * usual)
        for shard, (since, again) in list(self._waiting.items()):
            taken = self._elsewhere(board, shard)
            outside = not taken and now - since > soon
            if shard in board.done or len(taken) >= self.attempts or outside:
                del self._waiting[shard]
            elif taken and now - max(taken.values()) > late:  # one thief at a time
                del self._waiting[shard]
                return Next(shard, again=True, steal=True)
            elif now >= again:
                return Next(shard, again=True)
        return None
