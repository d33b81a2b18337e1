"""`auditkit new project`: what it writes is valid, runs, and says what nobody has confirmed."""

import io
import json
import shutil
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest
import yaml
from user_files import class_folders, table

from auditkit.cli import main
from auditkit.scaffolding.settings import settings
from auditkit.scaffolding.writing import write
from auditkit.spec.card_folders import card_folders

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def here(pytester, compiled_modules):
    """An empty folder in which commands are typed."""
    return Path(pytester.path)


@pytest.fixture
def tiny(here, networks):
    """A timm network's weights."""
    shutil.copy(networks["random"], here / "Tiny Net.safetensors")
    return here / "Tiny Net.safetensors"


class Terminal(io.StringIO):
    """Somebody sits there."""

    def isatty(self):
        return True


@pytest.fixture
def small(here):
    """A TFLite network of two classes, which is read without torch."""
    shutil.copy(FIXTURES / "tflite" / "channels_first_square_float.tflite", here / "small.tflite")
    return here / "small.tflite"


def scaffold(*arguments):
    return main(["new", "project", *map(str, arguments), "--yes"])


def few(folder):
    """Fewer repeats than a newcomer has: the test is that it runs."""
    for spec in folder.glob("*.audit.yaml"):
        text = (
            spec.read_text().replace("repeats: 5", "repeats: 1").replace("angles: 8", "angles: 4")
        )
        spec.write_text(text.replace("stride: 0.125", "stride: 0.25"))


def audited(pytester, model):
    """Which audits came to a verdict, and whether any raised."""
    few(Path(pytester.path) / "audits")
    done = pytester.runpytest("audits", "--model", model, "--audit-report", "report")
    results = json.loads((Path(pytester.path) / "report" / "results.json").read_text())
    verdicts = {(found["audit"], found["verdict"]) for found in results["verdicts"]}
    assert not [v for v in verdicts if v[1] in ("error", "not run")], done.stdout.str()
    return {name for name, _ in verdicts}


def is_valid(here):
    """auditkit and the copied schemas accept everything."""
    assert main(["validate", str(here)]) == 0  # cards are found as pytest finds them
    for kind, place in (("audit", "audits"), ("model", "cards"), ("data", "cards")):
        schema = json.loads((here / "schemas" / f"{kind}.schema.json").read_text())
        for file in (here / place).glob(f"*.{kind}.yaml"):
            first = file.read_text().splitlines()[0]
            assert first == f"# yaml-language-server: $schema=../schemas/{kind}.schema.json"
            jsonschema.validate(yaml.safe_load(file.read_text()), schema)


def test_torchvision_state_dict_with_folders_of_classes(pytester, here, capsys):
    import torch
    from safetensors.torch import save_file
    from torchvision import models

    torch.manual_seed(0)
    network = models.get_model("mobilenet_v3_small", weights=None, num_classes=2)
    save_file({f"module.{k}": v for k, v in network.state_dict().items()}, "mole.safetensors")
    class_folders(here / "moles", 4)
    assert scaffold("--model", "mole.safetensors", "--data", "moles", "--size", 32) == 0
    card = (here / "cards" / "mole.model.yaml").read_text()
    assert "format: torchvision\narchitecture: mobilenet_v3_small\n" in card
    assert "strip_prefix: module." in card
    assert "size: 32\n" in card  # said, so nothing to check
    assert "threshold: 0.5  # CHECK: not known" in card
    assert "lines say CHECK" in capsys.readouterr().out
    is_valid(here)
    assert audited(pytester, "mole") == {"performance", "colours", "handling", "heatmaps"}


def test_onnx_file_with_a_table(pytester, here):
    pytest.importorskip("onnxruntime")
    shutil.copy(FIXTURES / "onnx" / "tiny_float.onnx", here / "device.onnx")
    table(here / "clinic", 4)
    assert scaffold("--model", "device.onnx", "--data", "clinic", "--task", "moles") == 0
    card = yaml.safe_load((here / "cards" / "clinic.data.yaml").read_text())
    assert card["columns"] == {
        "image": "filename",
        "label": "diagnosis",
        "patient": "patient_id",
        "mask": "mask",
        "groups": ["sex"],
    }
    model = (here / "cards" / "device.model.yaml").read_text()
    assert "size: 32\n" in model  # read off the file
    assert "task: moles\n" in model
    assert "pytest-auditkit[onnx]" in (here / ".github" / "workflows" / "audit.yml").read_text()
    is_valid(here)
    names = {"performance", "reproduction", "colours", "handling", "heatmaps", "region"}
    assert audited(pytester, "device") == names


def test_timm_weights_with_the_architecture_said(pytester, here, tiny):
    class_folders(here / "images", 4)
    given = ["--model", tiny, "--data", "images", "--size", 32, "--architecture", "test_resnet"]
    assert scaffold(*given, "--threshold", 0.4, "--score", "benign") == 0
    card = (here / "cards" / "tiny-net.model.yaml").read_text()
    assert "format: timm\narchitecture: test_resnet\n" in card
    assert "threshold: 0.4\n" in card
    assert "score: benign\n" in card
    is_valid(here)
    assert audited(pytester, "tiny-net") == {"performance", "colours", "handling", "heatmaps"}


def test_many_classes_are_decided_between(here):
    shutil.copy(FIXTURES / "models" / "stand-ins" / "sscd.tflite", here)
    class_folders(here / "images")
    names = "benign,malignant,nevus,keratosis"
    assert scaffold("--model", "sscd.tflite", "--data", "images", "--classes", names) == 0
    card = yaml.safe_load((here / "cards" / "sscd.model.yaml").read_text())
    assert card["output"] == {"kind": "probabilities", "classes": names.split(",")}
    assert "threshold" not in card
    assert "balanced_accuracy, above: 0.25" in (here / "audits/performance.audit.yaml").read_text()
    is_valid(here)


def test_nothing_is_overwritten_and_nothing_half_written(here, small, capsys):
    class_folders(here / "images")
    (here / "audits").mkdir()
    (here / "audits" / "performance.audit.yaml").write_text("mine")
    before = sorted(here.rglob("*"))
    given = ["--model", small, "--data", "images"]
    assert scaffold(*given) == 2
    assert "exist and are not overwritten: audits/performance.audit.yaml" in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before
    assert (here / "audits" / "performance.audit.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("pytest.ini", "[pytest]\naddopts = -q\n", "[pytest]\naudit_cards = cards\naddopts = -q\n"),
        (
            "pyproject.toml",
            "[project]\nname = 'x'\n",
            "[project]\nname = 'x'\n\n[tool.pytest.ini_options]\naudit_cards = [\"cards\"]\n",
        ),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]  # ours\r\naddopts = '-q'\r\n",
            "[tool.pytest.ini_options]  # ours\r\naudit_cards = [\"cards\"]\r\naddopts = '-q'\r\n",
        ),
        ("pytest.ini", "[pytest]\naudit_cards = mine\n", "[pytest]\naudit_cards = mine\n"),
    ],
)
def test_settings_are_added_to(tmp_path, name, before, after):
    (tmp_path / name).write_bytes(before.encode())
    found = settings(tmp_path)
    write(tmp_path, {}, found)
    assert (tmp_path / name).read_bytes().decode() == after
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert card_folders(tmp_path) == [tmp_path / ("mine" if "mine" in before else "cards")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "images"], "--model is missing"),
        (["--model", "absent.onnx", "--data", "images"], "there is no such file"),
        (["--model", "small.tflite", "--data", "absent"], "a sub-folder per class"),
        (["--model", "small.tflite", "--data", "images", "--mean", "x"], "--mean x"),
        (["--model", "notes.txt", "--data", "images"], "a file that ends in"),
        (["--model", "sscd.tflite", "--data", "images"], "--classes is missing"),
        (["--model", "two.onnx", "--data", "images"], "has 2 inputs"),
    ],
)
def test_what_cannot_be_known_is_asked_for(here, small, capsys, arguments, said):
    class_folders(here / "images")
    (here / "notes.txt").write_text("")
    shutil.copy(FIXTURES / "models" / "stand-ins" / "sscd.tflite", here)
    shutil.copy(FIXTURES / "onnx" / "tiny_table.onnx", here / "two.onnx")
    assert scaffold(*arguments) == 2
    assert said in capsys.readouterr().err
    assert not (here / "cards").exists()


def test_a_person_is_asked(here, small, monkeypatch):
    table(here / "clinic")
    asked = []

    def answer(prompt):
        asked.append(prompt)
        known = {
            "the file with": "absent.tflite" if len(asked) == 1 else "small.tflite",
            "a folder with": "clinic",
            "column of the patient": "none",
            "mean of": "0.5",
            "the score from": "0.3",
        }
        return next((text for start, text in known.items() if prompt.startswith(start)), "")

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["new", "project"]) == 0
    assert "column of the patient, or none [patient_id]: " in asked
    assert "columns to report by, or none [sex]: " in asked
    card = (here / "cards" / "small.model.yaml").read_text()
    assert "mean: [0.5]\n" in card
    assert "threshold: 0.3\n" in card
    assert "score: malignant\n" in card  # what was found, confirmed by an empty answer
    assert "patient: patient_id" not in (here / "cards" / "clinic.data.yaml").read_text()


def test_collecting_needs_no_torch(here):
    """The command's module is imported by every command."""
    assert "torch" not in vars(import_module("auditkit.commands.new_project"))
