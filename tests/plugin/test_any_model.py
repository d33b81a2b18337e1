"""Models of other shapes and formats, audited end to end: a second input, four classes, NCHW, QDQ."""

import csv
import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from auditkit.data.synthetic.dermoscopy import render, sample_case

FIXTURES = Path(__file__).parents[2] / "fixtures"
COUNT = 12

TWO = "output: {kind: probabilities, classes: [benign, malignant], score: malignant}\n"
FOUR = (
    "output: {kind: probabilities, classes: [none, melanoma, nevus, keratosis],"
    " score: [melanoma, keratosis]}\n"
)
MODELS = {
    "two-inputs": (
        "onnx/tiny_table.onnx",
        "format: onnx\ninput: {size: 32}\n" + TWO + "table:\n"
        "  - {column: age, mean: 50, std: 20, missing: 50}\n"
        "  - {column: sex, values: [female, male], missing: 0}\n",
    ),
    "qdq": ("onnx/tiny_int8.onnx", "format: onnx\ninput: {size: 32}\n" + TWO),
    "nchw": (
        "tflite/channels_first_square_float.tflite",
        "format: tflite\ninput: {size: 32}\n" + TWO,
    ),
    "four-classes": (
        "models/stand-ins/sscd.tflite",
        "format: tflite\ninput: {size: 128, scale: bytes, mean: [128], std: [128]}\n" + FOUR,
    ),
}

SPECS = {
    "how-well": "check: performance\nexpect:\n  - {measure: accuracy, above: 0.01}\n",
    "the-same": (
        "check: reproduction\nwith: {against: [runtime]}\nexpect:\n"
        "  - {measure: within_tolerance, above: 0.6}\n  - {measure: decision_agreement, above: 0.6}\n"
    ),
    "light": (
        "check: colour-shift\nwith: {radius: 20, angles: 4, directions: [pink]}\nexpect:\n"
        "  - {measure: pink.mean_change, between: [-1.0, 1.0]}\n"
    ),
    "heat": (
        "check: alignment\nwith: {methods: [gradcam, gradient]}\nexpect:\n"
        "  - {measure: gradcam.coverage_above_chance, above: -0.9}\n"
        "  - {measure: gradient.coverage_above_chance, above: -0.9}\n"
    ),
}


@pytest.fixture
def clinic(pytester, compiled_modules):
    """A table of pictures with age, sex and a mask, and specs on it."""
    cards, audits = pytester.mkdir("cards"), pytester.mkdir("audits")
    with (cards / "clinic.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "age", "sex", "mask"])
        for index in range(COUNT):
            case = sample_case(31, index)
            picture, mask = render(case, 64)
            Image.fromarray(picture).save(cards / f"{index}.png")
            Image.fromarray(mask.astype("uint8") * 255).save(cards / f"{index}-mask.png")
            age, sex = ("", "") if index == 3 else (str(30 + index), ("female", "male")[index % 2])
            label = ("benign", "malignant")[index % 2]
            table.writerow([f"{index}.png", label, age, sex, f"{index}-mask.png"])
    (cards / "clinic.data.yaml").write_text(
        "data: clinic\ntask: melanoma\nformat: table\nfile: clinic.csv\npositive: [malignant]\n"
        "columns: {mask: mask, features: [age, sex]}\n"
    )
    for name, text in SPECS.items():
        (audits / f"{name}.audit.yaml").write_text(f"audit: {name}\ndata: clinic\n{text}")
    pytester.makeini("[pytest]\naudit_cards = cards\n")
    return pytester


def add(project, name):
    source, text = MODELS[name]
    cards = project.path / "cards"
    shutil.copy(FIXTURES / source, cards)
    (cards / f"{name}.model.yaml").write_text(
        f"model: {name}\ntask: melanoma\nweights: {{file: {Path(source).name}}}\nthreshold: 0.5\n{text}"
    )


def verdicts(project):
    (folder,) = (project.path / "reports").iterdir()
    results = json.loads((folder / "results.json").read_text())
    return {(v["audit"], v["measure"]): v for v in results["verdicts"]}


@pytest.mark.parametrize("name", MODELS)
def test_models_of_every_shape_are_audited_end_to_end(clinic, name):
    add(clinic, name)
    clinic.runpytest("audits", "--model", name)
    found = verdicts(clinic)
    assert len(found) == 6
    measured = {key: v["value"] for key, v in found.items()}
    assert all(value is not None for value in measured.values()), {
        key: v["reason"] for key, v in found.items()
    }
    assert measured["the-same", "decision_agreement"] == 1
    assert measured["the-same", "within_tolerance"] == 1
    assert found["the-same", "within_tolerance"]["verdict"] == "pass"
    assert all(v["n"] >= 1 for v in found.values())


def test_the_second_input_changes_answers_and_their_address(clinic):
    """Only the ages change: other scores are computed, not found."""
    add(clinic, "two-inputs")
    clinic.runpytest("audits/how-well.audit.yaml", "--model", "two-inputs")
    table = clinic.path / "cards" / "clinic.csv"
    rows = list(csv.reader(table.open()))
    for row in rows[1:]:
        row[2] = "90"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    shutil.rmtree(clinic.path / "reports")
    clinic.runpytest("audits/how-well.audit.yaml", "--model", "two-inputs")
    (folder,) = (clinic.path / "reports").iterdir()
    evidence = json.loads((folder / "results.json").read_text())["run"]["evidence"]
    assert evidence["computed"] > 0


def test_a_column_that_the_data_lack_is_an_error_that_names_it(clinic):
    add(clinic, "two-inputs")
    card = clinic.path / "cards" / "clinic.data.yaml"
    card.write_text(card.read_text().replace("[age, sex]", "[sex]"))
    run = clinic.runpytest("audits/how-well.audit.yaml", "--model", "two-inputs")
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*reads the column 'age'*"])


def test_a_file_that_no_runtime_accepts_is_unverified_and_not_passed(clinic, monkeypatch):
    from auditkit.errors import AuditError

    # Not the package's attribute, which an earlier inner run may have left behind.
    onnx = import_module("auditkit.models.onnx")

    def refuse(*_):
        raise AuditError("this file is too old for every current runtime")

    monkeypatch.setattr(onnx, "OnnxRuntime", refuse)
    add(clinic, "qdq")
    run = clinic.runpytest("audits/the-same.audit.yaml", "--model", "qdq")
    run.assert_outcomes(failed=2)
    found = verdicts(clinic)["the-same", "within_tolerance"]
    assert found["verdict"] == "not run"
    assert found["reason"].startswith("unverified: this file is too old")
