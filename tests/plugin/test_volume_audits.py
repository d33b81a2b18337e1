"""An auditor's own model and volumes, audited end to end: a table of .npy files, a saved network."""

import csv
import json
import math

import numpy as np
import pytest
import torch
from volume_world import Bright, Cubes

MODEL = """\
model: mine
task: cubes
format: torch-export
weights: {file: mine.pt2}
volume: {modalities: [t1c, flair], size: [8, 8, 8]}
output: {kind: logits, classes: [low, high], score: high}
threshold: 0.5
"""
DATA = """\
data: cases
task: cubes
format: volumes
file: cases.csv
volumes: {modalities: {t1c: t1c, flair: flair}}
columns: {id: id, patient: id, mask: mask}
positive: [high]
"""
OCCLUSION = "{method: occlusion, window: 0.25, stride: 0.25, baseline: black}"
SPECS = {
    "how-well": "check: performance\nexpect:\n  - {measure: accuracy, above: 0.4}\n",
    "truthful": (
        f"check: truthfulness\nwith: {{methods: [{OCCLUSION}], controls: [random-map], "
        "fills: [black, noise]}\nexpect:\n"
        "  - {measure: occlusion.delta_aupc, at: {fill: black}, above: 0}\n"
    ),
    "modalities": (
        "check: modality-importance\nwith: {modalities: [flair, t1c]}\nexpect:\n"
        "  - {measure: top_modality, in: [t1c]}\n"
    ),
    "plausible": (
        f"check: plausibility\nwith: {{methods: [{OCCLUSION}], controls: [random-map]}}\nexpect:\n"
        "  - {measure: occlusion.msfi, above: 0.9}\n"
    ),
    "informative": (
        f"check: informative-plausibility\nwith: {{methods: [{OCCLUSION}]}}\nexpect:\n"
        "  - {measure: occlusion.auroc, above: 0.5}\nassumes: [truthful]\n"
    ),
    "coloured": "check: colour-shift\nexpect:\n  - {measure: teal.mean_change, below: 0.5}\n",
}
COUNT, GAP = 24, 5


def write_case(folder, cubes, index):
    row = {"id": f"c{index}", "label": ("low", "high")[cubes.records[index].label], "mask": ""}
    for name, volume in cubes.volume(index).items():
        row[name] = f"{index}-{name}.npy"
        np.save(folder / row[name], volume)
    if index == GAP:
        row["flair"] = ""
    row["mask"] = f"{index}-mask.npy"
    np.save(folder / row["mask"], cubes.regions(index)["t1c"].astype(np.uint8))
    return row


@pytest.fixture
def clinic(pytester, compiled_modules):
    """Twenty-four cases, one of them without FLAIR, two labelled otherwise than the model decides."""
    cards, audits = pytester.mkdir("cards"), pytester.mkdir("audits")
    cubes = Cubes(COUNT, wrong=2)
    with (cards / "cases.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["id", "label", "t1c", "flair", "mask"])
        table.writeheader()
        table.writerows(write_case(cards, cubes, index) for index in range(COUNT))
    batch = torch.export.Dim("batch")
    example = torch.randn(2, 2, 8, 8, 8)
    program = torch.export.export(Bright().eval(), (example,), dynamic_shapes=({0: batch},))
    torch.export.save(program, str(cards / "mine.pt2"))
    (cards / "mine.model.yaml").write_text(MODEL)
    (cards / "cases.data.yaml").write_text(DATA)
    for name, text in SPECS.items():
        (audits / f"{name}.audit.yaml").write_text(f"audit: {name}\ndata: cases\n{text}")
    pytester.makeini("[pytest]\naudit_cards = cards\n")
    return pytester


def test_volumes_of_an_auditor_are_audited_and_incomplete_cases_counted(clinic):
    result = clinic.runpytest("audits", "--model", "mine", "-q")
    found = {
        (row["audit"], row["measure"]): row
        for row in json.loads(next(clinic.path.glob("reports/*/results.json")).read_text())[
            "verdicts"
        ]
    }
    wanted = {
        ("truthful", "occlusion.delta_aupc"): "pass",
        ("modalities", "top_modality"): "pass",
        ("coloured", "teal.mean_change"): "not applicable",
    }
    assert {key: found[key]["verdict"] for key in wanted} == wanted, result.stdout.str()
    measured = found["plausible", "occlusion.msfi"]["measurement"]
    assert measured["planned"] == COUNT
    assert measured["not_evaluable"] == {"modality flair is missing": 1}
    # All heat lies on the cube of t1c, whose importance is all there is; the missing case may have none.
    assert math.isclose(measured["estimate"]["value"], 1.0, abs_tol=1e-6)
    assert found["how-well", "accuracy"]["measurement"]["planned"] == COUNT
    for name in ("truthful", "modalities", "informative"):
        every = [row["measurement"] for key, row in found.items() if key[0] == name]
        assert all(one["planned"] == COUNT for one in every), name
