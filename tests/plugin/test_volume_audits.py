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
    "coloured": (
        "check: colour-shift\nwith: {radius: 5, directions: [teal]}\nexpect:\n"
        "  - {measure: teal.mean_change, below: 0.5}\n"
    ),
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
    (path,) = clinic.path.glob("reports/*/results.json")
    results = json.loads(path.read_text())
    verdicts = {(row["audit"], row["measure"]): row["verdict"] for row in results["verdicts"]}
    assert verdicts["coloured", "teal.mean_change"] == "not applicable"
    assert verdicts["truthful", "occlusion.delta_aupc"] == "pass", result.stdout.str()
    assert verdicts["modalities", "top_modality"] == "pass", result.stdout.str()
    measured = {
        (audit["audit"], one["name"]): one
        for audit in results["audits"]
        for one in audit["measurements"]
    }
    assert {audit for audit, _ in measured} == set(SPECS) - {"coloured"}
    for key, one in measured.items():
        assert one["not_evaluable"].get("modality flair is missing") == 1, key
    msfi = measured["plausible", "occlusion.msfi"]
    assert msfi["planned"] == COUNT
    # t1c is all that matters. Its cube of 3 voxels lies in two windows of 2 along each axis, wholly in one
    # and half in the other, which has half the heat: (1 + 1/4) / (1 + 1/2) of the heat is inside.
    assert math.isclose(msfi["value"], (5 / 6) ** 3, abs_tol=0.005)
    assert measured["how-well", "accuracy"]["n"] == COUNT - 1
    assert results["data"][0]["incomplete"] == {"modality flair is missing": 1}
