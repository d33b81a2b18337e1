"""Processes of this machine keep the contract."""

from contextlib import ExitStack, closing

import pytest
from engine_contract import EngineContract, WorkersOfTheirOwn

from auditkit.evidence.execution.processes import Processes
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("processes") / "store")


@pytest.fixture(scope="module")
def make_executor(store):
    """The usual engine is shared by all tests: its workers stay from stage to stage."""
    with ExitStack() as stack:

        def make(where, workers, **options):
            engine = Processes(where, Settings(device="cpu"), workers, **options)
            return stack.enter_context(closing(engine))

        usual = make(store, 2)
        yield (
            lambda where, workers, **options: (
                usual
                if (where, workers, options) == (store, 2, {})
                else make(where, workers, **options)
            )
        )


class TestProcesses(EngineContract, WorkersOfTheirOwn):
    pass
