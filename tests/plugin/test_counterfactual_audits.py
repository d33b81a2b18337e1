"""Counterfactuals as audits, end to end: a generator is trained by the command, and audited."""

import json
import shutil

import pytest
from counterfactual_world import redness_card

MODEL = (
    "model: redness\ntask: melanoma\nformat: python\n"
    'python: {factory: "counterfactual_world:redness", allow_code: true, version: "1"}\n'
    "weights: {file: redness.safetensors}\ninput: {size: 16}\n"
    "output: {kind: logits, classes: [benign, malignant], score: 1}\nthreshold: 0.5\n"
)
DATA = (
    "data: {name}\ntask: melanoma\nformat: synthetic-dermoscopy\n"
    "with: {{n: {n}, seed: {seed}, size: 16}}\n"
)
RECIPE = (
    "train: counterfactual\nmodel: redness\ndata: training\nsteps: 2\nbatch: 4\nheld_out: 0.3\nstop: null\n"
    "network: {width: 4, grid: 2, blocks: 1}\ndiscriminator_width: 4\nevaluate_every: 2\n"
)
SPECS = {
    "generated": (
        "counterfactual",
        "with: {trained_on: training, training_images: 10, gallery: 2}\n",
        (
            "{measure: reconstruction_error, below: 0.5}\n  - {measure: batch_dependence, below: 250}\n"
            "  - {measure: consistency, above: 0, severity: advisory, on_inconclusive: xfail}"
        ),
    ),
    "changed": (
        "counterfactual-attributes",
        (
            "with: {trained_on: training, attributes: [background.u, sharpness], "
            "screen: {consistent: false}}\nassumes: [generated]\n"
        ),
        '{measure: "difference[background.u]", between: [-200, 200]}',
    ),
}


@pytest.fixture
def project(pytester, compiled_modules):
    cards = pytester.mkdir("cards")
    redness_card(cards)
    (cards / "redness.model.yaml").write_text(MODEL)
    for name, n, seed in (("training", 30, 3), ("audited", 12, 4)):
        text = DATA.format(name=name, n=n, seed=seed)
        (cards / f"{name}.data.yaml").write_text(text)
    (cards / "redness.training.yaml").write_text(RECIPE)
    pytester.mkdir("audits")
    for name, (check, given, expected) in SPECS.items():
        text = f"audit: {name}\ncheck: {check}\ndata: audited\n{given}expect:\n  - {expected}\n"
        (pytester.path / "audits" / f"{name}.audit.yaml").write_text(text)
    pytester.makeini("[pytest]\naudit_cards = cards\n")
    return pytester


@pytest.fixture
def trained(project):
    from auditkit.cli import main

    command = ["train", "counterfactual", "cards/redness.training.yaml", "--cards", "cards"]
    assert main(command) == 0
    return project


def verdicts(project):
    folder = max((project.path / "reports").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    found = json.loads((folder / "results.json").read_text())
    return found, {(v["audit"], v["measure"]): v for v in found["verdicts"]}


def test_a_model_without_a_generator_is_not_run_with_the_command_that_trains_it(project):
    project.runpytest("audits", "--model", "redness")
    _, judged = verdicts(project)
    assert {one["verdict"] for one in judged.values()} == {"not run"}
    for one in judged.values():
        assert "run: auditkit train counterfactual --model redness --data training" in one["reason"]


def test_a_trained_generator_is_found_and_audited(trained):
    trained.runpytest("audits", "--model", "redness")
    found, judged = verdicts(trained)
    assert judged["generated", "reconstruction_error"]["verdict"] == "pass"
    assert judged["changed", "difference[background.u]"]["verdict"] == "pass"
    assert [one["kind"] for one in found["instruments"]] == ["counterfactual generator"]
    trained.runpytest("audits", "--model", "redness")
    again, rejudged = verdicts(trained)
    assert again["run"]["evidence"]["computed"] == 0
    assert {key: one["value"] for key, one in rejudged.items()} == {
        key: one["value"] for key, one in judged.items()
    }


def test_a_generator_of_another_threshold_is_not_run(trained):
    card = trained.path / "cards" / "redness.model.yaml"
    card.write_text(card.read_text().replace("threshold: 0.5", "threshold: 0.4"))
    trained.runpytest("audits", "--model", "redness")
    _, judged = verdicts(trained)
    assert {one["verdict"] for one in judged.values()} == {"not run"}
    assert all("have changed" in one["reason"] for one in judged.values())


def test_what_rests_on_a_generator_that_is_not_fit_is_not_interpretable(trained):
    spec = trained.path / "audits" / "generated.audit.yaml"
    spec.write_text(
        spec.read_text().replace(
            "{measure: reconstruction_error, below: 0.5}",
            "{measure: reconstruction_error, above: 0.5}",
        )
    )
    trained.runpytest("audits", "--model", "redness")
    _, judged = verdicts(trained)
    assert judged["changed", "difference[background.u]"]["verdict"] == "not interpretable"


def test_attributes_assume_an_audit_of_the_same_generator(trained):
    spec = trained.path / "audits" / "generated.audit.yaml"
    spec.write_text(
        spec.read_text().replace(
            "with: {trained_on: training,", "with: {trained_on: training, seed: 1,"
        )
    )
    result = trained.runpytest("audits", "--model", "redness")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*rests on 'counterfactual'*"])


def test_weights_that_are_not_those_of_the_card_are_an_error(trained):
    weights = next((trained.path / "cards").rglob("redness-training.safetensors"))
    shutil.copy(trained.path / "cards" / "redness.safetensors", weights)
    result = trained.runpytest("audits", "--model", "redness")
    result.stdout.fnmatch_lines(["*sha256*"])
    assert result.ret == 1
