"""The commands as people type them: what they print, write and return."""

import argparse
import json
import shutil
import subprocess
import sys

import pytest
from sealed_world import PAGE, sealed_run

from auditkit.attestation.statement import seal
from auditkit.commands.attesting import add_commands
from auditkit.commands.page_again import check_page
from auditkit.errors import AuditError
from auditkit.results import read_results, to_json

SPEC = "audit: counts\ncheck: performance\ndata: lesions\nexpect:\n  - {measure: accuracy, above: 0.1}\n"
LESIONS = """\
data: lesions
task: melanoma
format: synthetic-dermoscopy
with: {n: 24, seed: 5, size: 64, images_per_patient: 2}
"""


def auditkit(*arguments):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    given = parser.parse_args([str(argument) for argument in arguments])
    return given.run(given)


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """The page that the renderer gives of a run; the renderer itself has its own tests."""
    from auditkit.report import html

    pages = {"steady": PAGE.decode()}
    monkeypatch.setattr(html, "render", lambda results, folder: pages["steady"])
    return pages


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    parent = tmp_path_factory.mktemp("world")
    sealed_run(parent)
    return parent


@pytest.fixture
def run(world, tmp_path, capsys):
    """A run signed by Anna, whose keys lie beside it."""
    shutil.copytree(world, tmp_path / "world")
    run = next((tmp_path / "world").glob("*-steady"))
    assert auditkit("keygen", tmp_path / "anna") == 0
    signer = ["--name", "Anna Example", "--organisation", "Clinic of Nowhere"]
    assert auditkit("sign", run, "--key", tmp_path / "anna.key", "--role", "approved", *signer) == 0
    capsys.readouterr()
    return run


def test_a_signed_run_is_proven_and_says_by_whom_and_what_not(run, tmp_path, capsys):
    assert auditkit("verify", run, "--key", tmp_path / "anna.pub") == 0
    text = capsys.readouterr().out
    assert "PROVEN: as signed (1 signature by keys that you trust)." in text
    assert "claims: approved by Anna Example, Clinic of Nowhere, 20" in text
    assert "the page is what results.json says" in text
    assert "Nothing here excludes back-dating" in text
    assert "Nothing here proves that the numbers are right" in text


def test_without_a_known_key_nothing_is_proven(run, tmp_path, capsys):
    assert auditkit("verify", run) == 2
    assert "UNPROVEN: all that was checked matches, but only keys that are unknown here" in (
        capsys.readouterr().out
    )
    shutil.rmtree(run / "signatures")
    assert auditkit("verify", run, "--keys", tmp_path) == 2
    assert "but nobody signed it" in capsys.readouterr().out


def test_a_mismatch_names_the_file(run, tmp_path, capsys):
    spec = run / "sources/counts.audit.yaml"
    spec.write_bytes(spec.read_bytes().replace(b"0.1", b"0.2"))
    assert auditkit("verify", run, "--keys", tmp_path) == 1
    text = capsys.readouterr().out
    assert "sources/counts.audit.yaml was changed after sealing" in text
    assert "MISMATCH" in text
    assert "PROVEN" not in text


def test_the_same_for_programs(run, tmp_path, capsys):
    assert auditkit("verify", run, "--keys", tmp_path, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["result"], found["status"], found["mismatches"]) == ("proven", 0, [])
    assert found["signatures"][0]["name"] == "Anna Example"
    (run / "report.html").write_text("x")
    assert auditkit("verify", run, "--keys", tmp_path, "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    assert "report.html was changed after sealing" in found["mismatches"]


def test_what_the_folder_says_cannot_command_the_terminal(run, capsys):
    (run / "esc\x1b[2J").write_text("x")
    auditkit("verify", run)
    assert "\x1b" not in capsys.readouterr().out


def test_names_that_are_no_text_do_not_break_the_output_for_programs(run, capsys):
    (run / "\udcff.txt").write_text("")
    assert auditkit("verify", run, "--format", "json") == 1
    (wrong,) = (w for w in json.loads(capsys.readouterr().out)["mismatches"] if "txt" in w)
    assert wrong.startswith("\udcff.txt has a name")


def test_who_signs_is_told_what_was_not_checked(run, tmp_path, capsys):
    shutil.rmtree(tmp_path / "world" / "store")
    assert auditkit("sign", run, "--key", tmp_path / "anna.key", "--role", "reviewed") == 0
    assert "not checked: evidence: 0 of 2 shards are at hand" in capsys.readouterr().out


def test_a_signature_that_nobody_verified_is_counted_beside_those_that_are(run, tmp_path, capsys):
    assert auditkit("keygen", tmp_path / "eve") == 0
    assert auditkit("sign", run, "--key", tmp_path / "eve.key", "--role", "reviewed") == 0
    assert auditkit("verify", run, "--key", tmp_path / "anna.pub") == 0
    out = capsys.readouterr().out
    assert (
        "PROVEN: as signed (1 signature by keys that you trust). Not verified: 1 by unknown keys."
        in out
    )


def test_what_is_broken_is_not_signed(run, tmp_path):
    (run / "junit.xml").write_text("<other/>")
    with pytest.raises(AuditError, match=r"is not signed.*junit\.xml was changed"):
        auditkit("sign", run, "--key", tmp_path / "anna.key", "--role", "performed")
    assert len(list((run / "signatures").iterdir())) == 1


def test_a_page_that_results_json_does_not_give_is_found_though_all_digests_hold(run, drawn):
    shutil.rmtree(run / "signatures")
    drawn["steady"] = "<!doctype html><title>Another</title>"
    results = read_results(run / "results.json")
    found = check_page(results, run)
    assert (found.state, found.problems[0].file) == ("mismatch", "report.html")
    assert auditkit("verify", run) == 1


@pytest.mark.parametrize("where", ["auditkit", "environment", "requirements"])
def test_a_page_drawn_by_other_versions_is_not_called_forged(run, drawn, where):
    results = read_results(run / "results.json")
    if where == "auditkit":
        results.environment.auditkit = "0.0.1"
    elif where == "environment":
        results.environment.packages = {"pillow": "0.1"}
    else:
        (run / "requirements.txt").write_text("torch==1\nPillow==0.1\n")
    assert check_page(results, run).state == "holds"
    drawn["steady"] = "another"
    found = check_page(results, run)
    assert found.state == "not checked"
    assert "0.1" in found.says


def test_a_page_that_cannot_be_rendered_is_a_mismatch_and_no_crash(run, monkeypatch):
    from auditkit.report import html

    monkeypatch.setattr(html, "render", lambda results, folder: 1 / 0)
    assert check_page(read_results(run / "results.json"), run).state == "mismatch"


def test_packed_evidence_lets_the_folder_travel_alone(run, tmp_path, capsys):
    assert auditkit("pack", run) == 0
    assert "2 shards" in capsys.readouterr().out
    alone = shutil.move(run, tmp_path / "regulator")
    shutil.rmtree(tmp_path / "world")
    assert auditkit("verify", alone, "--key", tmp_path / "anna.pub") == 0
    assert "2 of 2 shards are at hand (packed with the run)" in capsys.readouterr().out


def test_evidence_that_is_not_at_hand_is_said(run, tmp_path, capsys):
    shutil.rmtree(run.parent / "store")
    assert auditkit("verify", run, "--keys", tmp_path) == 0
    text = capsys.readouterr().out
    assert "2 are not at hand and were NOT checked" in text
    assert "Not checked: evidence." in text
    with pytest.raises(AuditError, match="name it with --store"):
        auditkit("pack", run)


def test_bad_input_is_an_error_with_a_line(run, tmp_path):
    with pytest.raises(AuditError, match="does not exist"):
        auditkit("verify", tmp_path / "none")
    with pytest.raises(AuditError, match="cannot be read"):
        auditkit("verify", run, "--key", tmp_path / "none.pub")
    with pytest.raises(AuditError, match="cannot be read"):
        auditkit("sign", run, "--key", tmp_path / "none.key", "--role", "performed")


def test_forged_digests_do_not_survive_a_signature(run, tmp_path, capsys):
    results = read_results(run / "results.json")
    results.verdicts[0].value = 0.99
    (run / "results.json").write_text(to_json(results))
    assert seal(results, run) != ()
    assert auditkit("verify", run, "--keys", tmp_path) == 1
    assert "is over another state of this folder" in capsys.readouterr().out


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audits").mkdir()
    (tmp_path / "cards").mkdir()
    (tmp_path / "audits/counts.audit.yaml").write_text(SPEC)
    (tmp_path / "cards/lesions.data.yaml").write_text(LESIONS)
    return tmp_path


def test_register_records_specs_and_the_cards_that_they_name(project, capsys):
    assert auditkit("register", "audits", "--cards", "cards") == 0
    assert "1 specs, 1 cards" in capsys.readouterr().out
    (entry,) = json.loads((project / "audits/REGISTRATION.json").read_bytes())["entries"]
    assert [one["file"] for one in entry["specs"]] == ["counts.audit.yaml"]
    assert [one["file"] for one in entry["cards"]] == ["../cards/lesions.data.yaml"]
    assert auditkit("register", "audits", "--cards", "cards") == 0
    assert "nothing was added" in capsys.readouterr().out


def test_register_asks_for_a_reason_when_something_changed(project, capsys):
    auditkit("register", "audits", "--cards", "cards")
    (project / "audits/counts.audit.yaml").write_text(SPEC.replace("0.1", "0.2"))
    with pytest.raises(AuditError, match="--reason"):
        auditkit("register", "audits", "--cards", "cards")
    auditkit("keygen", "anna")
    signed = ["--key", "anna.key", "--reason", "a stricter limit"]
    assert auditkit("register", "audits", "--cards", "cards", *signed) == 0
    assert auditkit("verify", "audits/REGISTRATION.json", "--key", "anna.pub") == 0
    text = (project / "audits/REGISTRATION.json").read_text()
    (project / "audits/REGISTRATION.json").write_text(text.replace("a stricter", "a laxer"))
    assert auditkit("verify", "audits/REGISTRATION.json", "--key", "anna.pub") == 1
    assert "MISMATCH" in capsys.readouterr().out


def test_register_refuses_what_is_no_valid_spec(project):
    (project / "audits/counts.audit.yaml").write_text(SPEC.replace("accuracy", "acuracy"))
    with pytest.raises(AuditError, match="acuracy"):
        auditkit("register", "audits", "--cards", "cards")
    assert not (project / "audits/REGISTRATION.json").exists()
    (project / "empty").mkdir()
    with pytest.raises(AuditError, match="no spec"):
        auditkit("register", "empty")


def test_the_commands_are_declared_without_anything_heavy():
    code = (
        "import sys, auditkit.commands.attesting\n"
        "assert not {'torch', 'numpy', 'cryptography', 'jinja2'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
