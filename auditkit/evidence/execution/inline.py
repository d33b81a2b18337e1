"""Shards computed in this process, by some threads."""

import threading
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

from auditkit.evidence.execution.contract import Done, Job
from auditkit.evidence.execution.shard import announce, compute_shard
from auditkit.evidence.stage import Compute
from auditkit.evidence.store import Store


@dataclass
class Inline:
    """Threads of this process; each makes its own function, so that each may own a model."""

    store: Store
    threads: int = 1
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _made: tuple[Job, dict[int, Compute]] | None = None

    def run(self, job: Job, shards: Sequence[int]) -> Generator[Done]:
        """Each shard once, as they finish; an error waits for the shards in hand only."""
        self._cancelled.clear()
        if self._made is None or self._made[0] is not job:
            self._made = (job, {})
        own = self._made[1]

        def one(number: int) -> Done:
            me = threading.get_ident()
            if me not in own:
                own[me] = job.make()
            return compute_shard(self.store, job, number, own[me], worker="inline")

        def submitted(numbers: Iterable[int]) -> "set[Future[Done]]":
            found = set()
            for number in numbers:
                announce(job, number)
                found.add(pool.submit(one, number))
            return found

        queue = iter(shards)
        pool = ThreadPoolExecutor(max_workers=max(1, self.threads))
        try:
            # A few more than threads, so that none waits, and never all of them: there may be 10^5.
            pending = submitted(islice(queue, 2 * self.threads))
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                if not self._cancelled.is_set() and not any(map(Future.exception, done)):
                    pending |= submitted(islice(queue, len(done)))
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def cancel(self) -> None:
        """Take no further shards."""
        self._cancelled.set()

    def describe(self) -> dict[str, str]:
        """What it is."""
        return {"engine": "inline", "workers": str(self.threads)}

    def close(self) -> None:
        """Nothing is held between stages."""
