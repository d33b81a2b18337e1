"""Concept permutation as an audit, end to end: a tiny generator, a tiny classifier, a bottleneck to audit."""

import json

import pytest

pytest.importorskip("diffusers")

CONCEPTS = [
    f"{colour} {kind}" for kind in ("circle", "rectangle") for colour in ("red", "green", "blue")
]
LISTED = "".join(f'  - {{name: {name}, phrases: {{"1": {name}}}}}\n' for name in CONCEPTS)
DATA = (
    "data: small\ntask: shapes\nformat: synthetic-shapes\nwith: {n: 40, seed: 3, size: 32}\n"
    f"concepts:\n{LISTED}captions: {{empty: blank}}\n"
)
GENERATOR = "generator: tiny\ntask: shapes\nfolder: tiny\nsteps: 2\nguidance: 2\n"
CLASSIFIER = (
    "model: judge\ntask: shapes\nformat: concept-cnn\narguments: {widths: [4, 4, 4, 4, 4]}\n"
    "weights: {file: judge.safetensors}\ninput: {size: 32}\n"
    f"output: {{kind: logits, exclusive: false, classes: [{', '.join(CONCEPTS)}]}}\n"
)
WITH = "with: {generator: tiny, classifier: judge, concepts: [red circle, blue rectangle]}\n"
SPECS = {
    "can": (
        "permutable-concepts",
        "with: {concepts: [red circle, blue rectangle]}\n",
        "{measure: smallest_count, above: 3}",
    ),
    "drawn": (
        "effective-generation",
        WITH,
        "{measure: target_gap, between: [-0.9, 0.9]}\n  - {measure: truncated_captions, below: 0.5}",
    ),
    "alone": ("independent-permutation", WITH, "{measure: largest_off_diagonal, below: 0.9}"),
    "relies": (
        "depict",
        (
            "with: {generator: tiny, concepts: [red circle, blue rectangle], permutations: 3}\n"
            "assumes: [can, drawn, alone]\n"
        ),
        (
            '{measure: "importance[red circle]", between: [-0.4, 0.4]}\n'
            "  - {measure: top_concept, in: [red circle], severity: advisory}"
        ),
    ),
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory, compiled_modules):
    """A generator, a concept classifier and a model to audit, all with random weights."""
    from pathlib import Path

    import torch
    from safetensors.torch import save_file

    from auditkit.models.diffusion.small import PixelTextToImage
    from auditkit.models.networks import untrained
    from auditkit.spec.catalogue import read_model_card
    from auditkit.training.bottlenecks import write_weighted

    folder: Path = tmp_path_factory.mktemp("parts")
    words = sorted({word for name in CONCEPTS for word in name.split()} | {"blank"})
    made = PixelTextToImage.untrained(words, size=32, factor=4, channels=(16, 16), width=16)
    made.save(folder / "tiny")
    (folder / "tiny.generator.yaml").write_text(GENERATOR)
    (folder / "judge.model.yaml").write_text(CLASSIFIER)
    torch.manual_seed(1)
    card = read_model_card(folder / "judge.model.yaml")
    save_file(untrained(card, None, card.arguments).state_dict(), folder / "judge.safetensors")
    write_weighted(card, [0.9, 0.2, 0.1, 0.3, 0.2, 0.5], -1.1, "device", folder)
    return folder


@pytest.fixture
def project(pytester, parts):
    pytester.mkdir("audits")
    cards = pytester.path / "cards"
    cards.symlink_to(parts)
    pytester.mkdir("data").joinpath("small.data.yaml").write_text(DATA)
    for name, (check, given, expected) in SPECS.items():
        text = f"audit: {name}\ncheck: {check}\ndata: small\n{given}expect:\n  - {expected}\n"
        (pytester.path / "audits" / f"{name}.audit.yaml").write_text(text)
    pytester.makeini("[pytest]\naudit_cards = cards data\n")
    return pytester


def last_results(project):
    folder = max((project.path / "reports").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return json.loads((folder / "results.json").read_text())


def test_concept_audits_run_end_to_end_and_a_second_run_draws_nothing(project):
    project.runpytest("audits", "--model", "device")
    found = last_results(project)
    verdicts = {(v["audit"], v["measure"]): v["verdict"] for v in found["verdicts"]}
    assert verdicts["can", "smallest_count"] == "pass"
    assert verdicts["drawn", "truncated_captions"] == "pass"
    assert verdicts["relies", "importance[red circle]"] == "pass"
    assert verdicts["relies", "top_concept"] in {"pass", "fail", "inconclusive"}
    assert [one["name"] for one in found["instruments"]] == ["judge", "tiny"]
    assert all(len(one["files_sha256"]) == 64 for one in found["instruments"])
    project.runpytest("audits", "--model", "device")
    again = last_results(project)
    assert again["run"]["evidence"]["computed"] == 0
    assert {(v["audit"], v["measure"]): v["value"] for v in again["verdicts"]} == {
        (v["audit"], v["measure"]): v["value"] for v in found["verdicts"]
    }


def test_a_ranking_whose_assumption_fails_is_not_interpretable(project):
    spec = project.path / "audits" / "drawn.audit.yaml"
    spec.write_text(spec.read_text().replace("between: [-0.9, 0.9]", "above: 0.89"))
    project.runpytest("audits", "--model", "device")
    verdicts = {(v["audit"], v["measure"]): v for v in last_results(project)["verdicts"]}
    found = verdicts["relies", "importance[red circle]"]
    assert found["verdict"] == "not interpretable"
    assert "rests on 'drawn'" in found["reason"]


def test_a_concept_classifier_is_no_device_to_audit(project):
    result = project.runpytest("audits", "--model", "judge")
    result.assert_outcomes(skipped=6)
    assert {v["verdict"] for v in last_results(project)["verdicts"]} == {"not applicable"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("assumes: [can, drawn, alone]", "assumes: [can, drawn]", "rests on 'independent-permut"),
        ("generator: tiny", "generator: tinny", "unknown generator 'tinny'"),
        ("[red circle, blue rectangle]", "[red circle, blue]", "has no concept 'blue'"),
        ("[red circle, blue rectangle]", "[red circle, green circle]", "with the same generator"),
        ("in: [red circle]", "in: [red square]", "red circle"),
    ],
)
def test_what_a_spec_cannot_mean_is_a_collection_error(project, old, new, said):
    spec = project.path / "audits" / "relies.audit.yaml"
    text = spec.read_text()
    assert old in text
    spec.write_text(text.replace(old, new))
    result = project.runpytest("audits", "--model", "device")
    assert result.ret != 0
    assert said in result.stdout.str()
