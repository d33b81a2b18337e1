"""Threads of this process keep the contract."""

import pytest
from engine_contract import EngineContract

from auditkit.evidence.execution.inline import Inline


@pytest.fixture
def make_executor():
    return Inline


class TestInline(EngineContract):
    pass
