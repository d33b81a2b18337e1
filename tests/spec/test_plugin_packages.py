"""Checks and heatmap methods of other packages, from the package that the documentation shows."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "documentation"))
from documents import DOCS, write_files  # noqa: E402

DATA = "data: few\ntask: melanoma\nformat: synthetic-dermoscopy\nwith: {n: 24, seed: 1}\n"
COMMAND = "from auditkit.cli import main; import sys; sys.exit(main(sys.argv[1:]))"
DIGEST = "from auditkit.evidence.identity import code_version; print(code_version())"


def install(folder, version="1.0", points=None):
    """What pip leaves of an editable installation: the entry points and the version."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    about = folder / f"auditkit_extras-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
    )
    lines = []
    for group, entries in (points or project["entry-points"]).items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")


def run(*command, folder, plugin=True):
    path = os.pathsep.join([str(folder)] * plugin + [str(ROOT)])
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def package(tmp_path):
    write_files(DOCS / "plugins.md", tmp_path)
    return tmp_path


@pytest.fixture
def installed(package):
    install(package)
    return package


@pytest.mark.slow
def test_the_documented_package_is_audited_with(installed):
    (installed / "few.data.yaml").write_text(DATA)
    (installed / "pytest.ini").write_text(f"[pytest]\naudit_cards = {ROOT}/fixtures/models\n  .\n")
    model = str(ROOT / "fixtures/models/scanoma.model.yaml")
    ran = run("-m", "pytest", "audits", "--model", model, "--audit-report", "out", folder=installed)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "hair: share" in ran.stdout
    assert "largest: largest-gradient.delta_aupc" in ran.stdout
    results = json.loads((installed / "out" / "results.json").read_text())
    assert results["environment"]["packages"]["auditkit-extras"] == "1.0"


def test_what_a_package_adds_can_be_listed_and_validated(installed):
    checks = run("-c", COMMAND, "list", "checks", folder=installed)
    assert "How many decisions hang on a hair?" in checks.stdout
    methods = run("-c", COMMAND, "list", "methods", folder=installed)
    assert "largest-gradient" in methods.stdout
    schema = run("-c", COMMAND, "schema", "audit", folder=installed)
    assert "LargestGradient" in schema.stdout


def test_any_change_of_a_plugin_makes_new_addresses(package):
    digests = {run("-c", DIGEST, folder=package).stdout}
    install(package)
    digests.add(run("-c", DIGEST, folder=package).stdout)
    source = package / "auditkit_extras" / "explaining.py"
    source.write_text(source.read_text() + "\n# another\n")
    digests.add(run("-c", DIGEST, folder=package).stdout)
    (package / "auditkit_extras-1.0.dist-info").rename(package / "old")
    install(package, "1.1")
    digests.add(run("-c", DIGEST, folder=package).stdout)
    assert len(digests) == 4
    assert "" not in digests


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("auditkit_extras.declarations:NEAR_THRESHOLD", "is no heatmap method"),
        ("auditkit_extras.declarations:Nothing", "cannot be loaded"),
        ("not_there:Nothing", "cannot be loaded"),
    ],
)
def test_a_broken_plugin_is_named(package, value, message):
    install(package, points={"auditkit.methods": {"mine": value}})
    ran = run("-c", COMMAND, "list", "methods", folder=package)
    assert ran.returncode == 2
    assert "entry point 'mine' in auditkit.methods" in ran.stderr
    assert message in ran.stderr
    assert "remove" in ran.stderr
