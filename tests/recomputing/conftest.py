"""A tiny real project with one run, which every test may tamper with in a copy of its own."""

import shutil

import pytest
from recorded_project import CARD, COUNTS, LESIONS, LIGHT, TEST, Project, run_audits


@pytest.fixture(scope="session")
def finished(tmp_path_factory, networks):
    """A project whose audits ran under xdist."""
    root = tmp_path_factory.mktemp("recomputing") / "project"
    (root / "cards").mkdir(parents=True)
    (root / "audits").mkdir()
    (root / "cards" / "random.safetensors").symlink_to(networks["random"])
    (root / "cards" / "random.model.yaml").write_text(CARD.format(name="random"))
    (root / "cards" / "lesions.data.yaml").write_text(LESIONS)
    (root / "audits" / "counts.audit.yaml").write_text(COUNTS)
    (root / "audits" / "light.audit.yaml").write_text(LIGHT)
    (root / "audits" / "test_tint.py").write_text(TEST)
    (root / "pytest.ini").write_text("[pytest]\naudit_cards = cards\n")
    run_audits(root, "--audit-report", "run", "--audit-store", "store", "-n", "1")
    return root


@pytest.fixture
def project(finished, tmp_path):
    """A copy in which anything may be changed."""
    shutil.copytree(finished, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")
