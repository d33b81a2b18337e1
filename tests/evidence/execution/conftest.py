"""Stores and folders of calls for engines; workers that are started elsewhere find the jobs by PYTHONPATH."""

import os
from pathlib import Path

import pytest

from auditkit.evidence.store import Store

pytest.register_assert_rewrite("engine_contract")


@pytest.fixture
def calls(tmp_path, monkeypatch):
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    return tmp_path / "calls"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")
