"""A rendered run, made once."""

from pathlib import Path

import pytest
import report_full
import report_samples

from auditkit.report.html import render
from auditkit.results import Results


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """The run's folder with its images."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def results(folder: Path) -> Results:
    """A blocked run."""
    return report_samples.blocked(folder)


@pytest.fixture(scope="session")
def page(results: Results, folder: Path) -> str:
    """Its report."""
    return render(results, folder)


@pytest.fixture(scope="session")
def whole(folder: Path) -> Results:
    """A run with everything that a run can have."""
    return report_full.full(folder)


@pytest.fixture(scope="session")
def whole_page(whole: Results, folder: Path) -> str:
    """Its report."""
    return render(whole, folder)
