"""One run through everything that is done with it afterwards, as people type it."""

import json
import shutil

import pytest
from PIL import Image

from auditkit.cli import main

NEVER_WORSE = """\
audit: never-worse
check: performance
data: lesions
expect:
  - {measure: roc_auc, not_worse_than: baseline, margin: 0.5}
  - {measure: accuracy, not_worse_than: baseline, margin: 0.35}
"""


@pytest.fixture
def typed(project, monkeypatch, capsys):
    """Types a command in the project; returns its status and what it printed."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("NO_COLOR", "1")

    def type_(*arguments):
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        found = capsys.readouterr()
        return status, found.out + found.err

    return type_


def results_of(folder):
    return json.loads((folder / "results.json").read_text())


def test_a_run_is_sealed_signed_verified_packed_looked_at_again_and_judged_again(project, typed):
    pytest.importorskip("cryptography")
    assert typed("register", "audits", "--cards", "cards")[0] == 0
    project.runpytest("audits", "--model", "random", "--audit-report", "run")
    run = project.path / "run"
    states = {one["file"]: one["state"] for one in results_of(run)["registration"]["specs"]}
    assert set(states.values()) == {"unchanged"}
    assert typed("verify", "run")[0] == 2  # nobody signed
    assert typed("keygen", "alice")[0] == 0
    assert typed("sign", "run", "--key", "alice.key", "--role", "performed")[0] == 0
    assert typed("verify", "run", "--key", "alice.pub")[0] == 0
    assert typed("pack", "run")[0] == 0
    shutil.rmtree(project.path / ".auditkit")
    assert typed("verify", "run", "--key", "alice.pub")[0] == 0
    status, told = typed("reproduce", "run", "--sample", "all", "--cards", "cards")
    assert status == 0, told
    inside = typed("share", "run", "--redact", "images", "--out", "run/inside", "--cards", "cards")
    assert inside[0] == 2
    assert "lies inside" in inside[1]
    # The decision of the run itself, and that of a stricter day.
    verdict = next(v for v in results_of(run)["verdicts"] if v["measure"] == "pink.mean_change")
    decided = results_of(run)["release"][0]["decision"]
    assert typed("gate", "run")[0] == (0 if decided == "pass" else 1)
    project.path.joinpath("strict.profile.yaml").write_text(
        "profile: strict\ntitle: Stricter\nwhy: A stricter day.\nexpect:\n"
        "  - {audit: light, measure: pink.mean_change, above: 0.9, why: for a test}\n"
    )
    status, told = typed("gate", "run", "--profile", "strict.profile.yaml")
    assert (status, verdict["verdict"]) == (1, "pass"), told
    assert "above 0.9" in told
    # A forger's byte.
    page = run / "report.html"
    page.write_bytes(page.read_bytes().replace(b"random", b"randon", 1))
    status, told = typed("verify", "run", "--key", "alice.pub")
    assert status == 1
    assert "report.html" in told


def test_a_release_is_held_against_the_one_before(project, typed):
    (project.path / "audits" / "never-worse.audit.yaml").write_text(NEVER_WORSE)
    project.runpytest("audits", "--model", "random", "--audit-report", "old")
    verdicts = {v["audit"]: v for v in results_of(project.path / "old")["verdicts"]}
    assert verdicts["never-worse"]["verdict"] == "not run"
    assert "--audit-baseline" in verdicts["never-worse"]["reason"]
    project.runpytest(
        "audits", "--model", "random", "--audit-report", "same", "--audit-baseline", "old"
    )
    same = [v for v in results_of(project.path / "same")["verdicts"] if v["baseline"]]
    assert [v["verdict"] for v in same] == ["pass", "pass"]
    assert all(v["value"] == 0 and v["baseline"]["pairs"] == v["n"] for v in same)
    status, _ = typed("compare", "old", "same", "--format", "json", "--out", "compared.json")
    assert status == 0
    status, told = typed("reproduce", "same", "--sample", "all", "--cards", "cards")
    assert status == 0, told
    project.runpytest(
        "audits", "--model", "steady", "--audit-report", "worse", "--audit-baseline", "old"
    )
    worse = {
        v["measure"]: v for v in results_of(project.path / "worse")["verdicts"] if v["baseline"]
    }
    old, new = worse["accuracy"]["baseline"]["value"], worse["accuracy"]["baseline"]["new"]
    assert worse["accuracy"]["value"] == pytest.approx(new - old)


def test_what_identifies_patients_is_withheld_before_anything_is_written(project, typed):
    folder = project.mkdir("clinic")
    rows = ["image,label,patient,birth_date"]
    for i in range(12):
        name = f"scan{i}.png"
        Image.new("RGB", (64, 64), (100 + 10 * i, 90, 80)).save(folder / name)
        rows.append(
            f"{name},{'malignant' if i % 2 else 'benign'},Keller_Maria_{i},1961-03-0{i % 9 + 1}"
        )
    (folder / "images.csv").write_text("\n".join(rows) + "\n")
    card = project.path / "cards" / "lesions.data.yaml"
    text = (
        "data: lesions\ntask: melanoma\nformat: table\nfile: ../clinic/images.csv\n"
        "columns: {patient: patient}\npositive: [malignant]\n"
    )
    card.write_text(text)
    (project.path / "audits" / "test_patient.py").write_text(
        "def test_patient(audit):\n"
        "    found = audit('performance', data='lesions')\n"
        "    assert found['accuracy'] > 2.0, 'look at Keller_Maria_3 in scan3.png'\n"
    )
    project.runpytest("audits", "--model", "random", "--audit-report", "held")
    held = project.path / "held"
    found = results_of(held)
    assert found["data"][0]["identifiers"]
    assert not list(held.glob("images/*"))
    panels = [p for a in found["audits"] for e in a["examples"] for p in e["panels"]]
    assert panels
    assert all(p["file"] == "" and len(p["sha256"]) == 64 for p in panels)
    for path in held.rglob("*"):
        if path.is_file():
            assert b"Keller" not in path.read_bytes(), path
            assert b"scan3.png" not in path.read_bytes(), path
    card.write_text(text + "dossier: {deidentified: 'Names are made up, J. Doe, 2026-11-22'}\n")
    project.runpytest("audits", "--model", "random", "--audit-report", "cleared")
    assert list((project.path / "cleared").glob("images/*.png"))
