"""The actors of a Ray cluster: started as there is room, replaced when they are lost."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from auditkit.errors import AuditError
from auditkit.evidence.execution.failure import Failure

_log = logging.getLogger(__name__)

# Say that workers wait for room after so many seconds, and again after as many.
_REMARK = 30.0
# Actors in a row that died before they were ready.
_STILLBORN = 5


@dataclass
class Actor:
    """One actor.

    Attributes:
        handle: Ray's.
        place: its machine and name, once it is ready.
        reference: of what it does now: getting ready, or a shard.
        task: what it computes, as whoever gave it calls it.
        since: when that was given, on the driver's clock.
    """

    handle: Any
    place: str = ""
    reference: Any = None
    task: Any = None
    since: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether it can be given something."""
        return bool(self.place) and self.reference is None


@dataclass
class Crew:
    """Up to ``size`` actors.

    Attributes:
        make: starts an actor with this name.
        size: how many there should be.
        growing: whether a cluster may get more room.
        actors: by name.
    """

    make: Callable[[str], Any]
    size: int
    growing: bool
    actors: dict[str, Actor] = field(default_factory=dict)
    _made: int = 0
    _stillborn: int = 0
    _remarked: float = 0.0

    def fill(self, wanted: int, now: float) -> None:
        """Ask Ray for actors that are missing; it starts them when there is room."""
        while len(self.actors) < min(self.size, wanted):
            self._made += 1
            name = f"worker-{self._made}"
            handle = self.make(name)
            self.actors[name] = Actor(handle, reference=handle.ready.remote(), since=now)
        self._remark(now)

    def idle(self) -> Iterator[tuple[str, Actor]]:
        """Actors that can be given something."""
        return ((name, actor) for name, actor in list(self.actors.items()) if actor.idle)

    def give(self, name: str, task: Any, reference: Any, now: float) -> None:
        """An actor computes."""
        actor = self.actors[name]
        actor.task, actor.reference, actor.since = task, reference, now

    def events(self, timeout: float) -> Iterator[tuple[str, Any, Any]]:
        """What actors finished: name, task, and `Done`, `Failure`, or None for an actor that was lost."""
        busy = {actor.reference: name for name, actor in self.actors.items() if actor.reference}
        if not busy:  # what was done is not seen yet
            time.sleep(timeout)
            return
        ready, _ = _ray().wait(list(busy), num_returns=len(busy), timeout=0)
        if not ready:
            ready, _ = _ray().wait(list(busy), num_returns=1, timeout=timeout)
        for reference in ready:
            name = busy[reference]
            actor, outcome = self.actors[name], self._outcome(reference)
            task, actor.task, actor.reference = actor.task, None, None
            if outcome is None:
                self.drop(name)
            if actor.place:
                yield name, task, outcome
            else:
                self._started(actor, outcome)

    def drop(self, name: str) -> None:
        """End an actor, whatever it does; another one takes its place."""
        actor = self.actors.pop(name, None)
        if actor is None:
            return
        try:
            _ray().kill(actor.handle, no_restart=True)
        except Exception as error:  # noqa: BLE001 it, or the cluster, is gone already
            _log.debug("%s could not be ended: %s", name, error)

    def close(self) -> None:
        """End all actors."""
        for name in list(self.actors):
            self.drop(name)

    def _started(self, actor: Actor, outcome: Any) -> None:
        """An actor is ready, or died before it was.

        Raises:
            AuditError: it cannot be started: other code, no store, no auditkit; or too many died.
        """
        if isinstance(outcome, Failure):
            raise outcome.error()
        if outcome is not None:
            actor.place, self._stillborn = outcome, 0
            return
        self._stillborn += 1
        if self._stillborn >= _STILLBORN:
            raise AuditError(
                f"{_STILLBORN} Ray workers in a row died before they were ready; see the logs of Ray on "
                "its nodes, usually in /tmp/ray/session_latest/logs: often the memory is too small"
            )

    def _outcome(self, reference: Any) -> Any:
        """What a call gave; None if its actor is lost."""
        errors = import_module("ray.exceptions")
        lost = (
            errors.RayActorError,
            errors.NodeDiedError,
            errors.WorkerCrashedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        )
        try:
            return _ray().get(reference)
        except lost:
            return None
        except errors.RayError as error:
            last = str(error).strip().splitlines()[-1]
            raise AuditError(
                f"a Ray worker cannot work: {last}; install the same Python, auditkit and packages on "
                "every node"
            ) from error

    def _remark(self, now: float) -> None:
        """Say so where workers wait for room."""
        waiting = [actor for actor in self.actors.values() if not actor.place]
        if not waiting or now - max(self._remarked, min(one.since for one in waiting)) < _REMARK:
            return
        self._remarked = now
        told = f"{len(waiting)} of {len(self.actors)} Ray workers wait for room on the cluster"
        if not self.growing and len(waiting) == len(self.actors):
            raise AuditError(
                f"{told}, which this machine does not have; ask for fewer or smaller ones"
            )
        _log.warning("%s: it has %s", told, _resources())


def _resources() -> str:
    total = _ray().cluster_resources()
    return ", ".join(f"{total.get(kind, 0):g} {kind}" for kind in ("CPU", "GPU"))


def _ray() -> Any:
    return import_module("ray")
