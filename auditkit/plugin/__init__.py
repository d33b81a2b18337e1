"""The pytest plugin. Imports nothing heavy: numpy, torch and the checks come when an item runs."""

from auditkit.plugin.collection import pytest_collect_file
from auditkit.plugin.configure import pytest_configure, pytest_report_header
from auditkit.plugin.fixture import audit, pytest_assertrepr_compare, pytest_generate_tests
from auditkit.plugin.options import pytest_addoption
from auditkit.plugin.recording import (
    pytest_collection_finish,
    pytest_configure_node,
    pytest_deselected,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_testnodedown,
)
from auditkit.plugin.summary import pytest_terminal_summary

__all__ = [
    "audit",
    "pytest_addoption",
    "pytest_assertrepr_compare",
    "pytest_collect_file",
    "pytest_collection_finish",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_deselected",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]
