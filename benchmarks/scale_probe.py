"""A pytest plugin: what a session of auditkit says of itself at its end, for `scale_runs`."""

import sys
import time
from collections.abc import Iterator

import pytest
from scale_runs import tell

from auditkit.evidence.engine import Engine
from auditkit.plugin.keys import SESSION

_gathering = {"wall": 0.0, "cpu": 0.0}


def _measured(original):
    """Engine.gather, with the seconds of the thread that gathers."""

    def gather(self, stage, worker):
        wall, cpu = time.monotonic(), time.thread_time()
        try:
            return original(self, stage, worker)
        finally:
            _gathering["wall"] += time.monotonic() - wall
            _gathering["cpu"] += time.thread_time() - cpu

    return gather


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Measure gathering."""
    Engine.gather = _measured(Engine.gather)


@pytest.hookimpl(wrapper=True)
def pytest_unconfigure(config: pytest.Config) -> Iterator[None]:
    """Tell after everything is written."""
    session = config.stash.get(SESSION, None)
    counts = vars(session.engine.counts) if session else {}
    yield
    tell(
        **counts,
        gathering=_gathering["wall"],
        gathering_cpu=_gathering["cpu"],
        threads=session.engine.threads if session else 0,
        torch="torch" in sys.modules,
        numpy="numpy" in sys.modules,
    )
