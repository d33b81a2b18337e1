"""`auditkit doctor`: what is missing is named with what to do; nothing is changed."""

import json
from pathlib import Path

import pytest

from auditkit.cli import main
from auditkit.doctor import machine, packages, plugins

CARD = """\
model: mine
task: melanoma
format: {format}
{architecture}weights: {{file: mine.bin{sha256}}}
input: {{size: 64}}
output: {{kind: logits, classes: [benign, malignant], score: 1}}
threshold: 0.5
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder in which nothing is wrong."""
    monkeypatch.chdir(tmp_path)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def findings(capsys, *arguments):
    """Status and finding by subject."""
    status = main(["doctor", *map(str, arguments), "--json"])
    listed = json.loads(capsys.readouterr().out)
    return status, {entry["subject"]: entry for entry in listed}


def card(folder, kind="timm", sha256=""):
    named = "architecture: test_resnet\n" if kind == "timm" else ""
    text = CARD.format(format=kind, architecture=named, sha256=sha256)
    (folder / "mine.model.yaml").write_text(text)


def test_a_healthy_machine_is_fine_and_left_alone(here, capsys):
    status, found = findings(capsys)
    assert status == 0
    assert found["torch"]["status"] == "ok"
    assert found["pytest"]["found"].endswith("plug-in auditkit active")
    assert list(here.iterdir()) == []


def test_text_says_what_to_do(here, capsys):
    card(here)
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "missing  model mine" in out
    assert "-> put the file there, or correct 'weights.file'" in out
    assert "1 to mend" in out


def test_weights_of_another_digest_are_wrong(here, capsys):
    card(here, sha256=f', sha256: "{"0" * 64}"')
    (here / "mine.bin").write_bytes(b"other")
    status, found = findings(capsys)
    assert (status, found["model mine"]["status"]) == (1, "wrong")


def test_weights_without_digest_are_noted(here, capsys):
    card(here)
    (here / "mine.bin").write_bytes(b"any")
    status, found = findings(capsys, here)
    assert (status, found["model mine"]["status"]) == (0, "note")


def test_missing_pictures_are_missing(here, capsys):
    text = "data: mine\ntask: melanoma\nformat: folder\nfolder: nowhere\npositive: [a]\n"
    (here / "mine.data.yaml").write_text(text)
    status, found = findings(capsys)
    assert (status, found["data mine"]["status"]) == (1, "missing")
    assert "AUDITKIT_DATA" in found["data mine"]["mend"]


def test_a_path_that_is_not_there_is_bad_usage(here, capsys):
    assert main(["doctor", "nowhere"]) == 2


def test_an_extra_is_missing_only_where_a_card_needs_it(here, capsys, monkeypatch):
    monkeypatch.setattr(packages, "_installed", lambda line: line.name != "ai-edge-litert")
    status, found = findings(capsys)
    assert (status, found["other extras"]["status"]) == (0, "note")
    assert "tflite (format tflite)" in found["other extras"]["found"]
    card(here, "tflite")
    (here / "mine.bin").write_bytes(b"any")
    status, found = findings(capsys)
    assert (status, found["extra tflite"]["status"]) == (1, "missing")
    assert found["extra tflite"]["mend"] == 'pip install "pytest-auditkit[tflite]"'


def test_torchvision_for_another_torch_is_wrong(here, capsys, monkeypatch):
    real = packages.version
    monkeypatch.setattr(packages, "version", lambda n: "2.6.0" if n == "torch" else real(n))
    assert findings(capsys)[1]["torch"]["status"] == "wrong"


def test_cores_are_those_of_the_control_group(tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    monkeypatch.setattr(machine, "_GROUP", tmp_path)
    assert machine.cores() == 0.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.cores() >= 1


def test_a_gpu_that_is_asked_for_and_not_there_is_wrong(here, capsys, monkeypatch):
    monkeypatch.setattr(machine, "_DRIVER", Path("/nowhere"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    status, found = findings(capsys)
    assert (status, found["GPU"]["status"]) == (1, "wrong")


def test_a_store_is_read_written_and_locked(here, capsys):
    (here / "kept").mkdir()
    status, found = findings(capsys, "--store", "kept")
    assert (status, found["store"]["status"]) == (0, "ok")
    assert not [path for path in (here / "kept").rglob("*") if path.is_file()]
    (here / "file").write_text("")
    assert findings(capsys, "--store", "file")[0] == 1


def test_a_plugin_that_does_not_load_is_named(here, capsys, monkeypatch):
    from importlib.metadata import EntryPoint

    broken = EntryPoint("broken", "no_such_package:CHECK", "auditkit.checks")
    real = plugins.entry_points
    monkeypatch.setattr(
        plugins,
        "entry_points",
        lambda group: [broken] if group == "auditkit.checks" else real(group=group),
    )
    status, found = findings(capsys)
    assert (status, found["check broken"]["status"]) == (1, "wrong")
    assert "no_such_package:CHECK" in found["check broken"]["mend"]


def test_variables_are_held_to_what_is_known(here, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    monkeypatch.setenv("AUDITKIT_DATTA", "x")
    monkeypatch.setenv("AUDITKIT_WEIGHTS", str(here / "nowhere"))
    monkeypatch.setenv("AUDITKIT_KEY_PASSPHRASE", "secret")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:auditkit")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "did you mean 'AUDITKIT_DATA'" in out
    assert "wrong    AUDITKIT_WEIGHTS" in out
    assert "4096, for" in out
    assert "is switched off" in out
    assert "secret" not in out
