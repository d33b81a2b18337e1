"""`auditkit study`: from a plan to a page, and what is refused on the way."""

import os

import pytest
from study_pairs_world import pairs, plan

from auditkit.cli import main

EXPERTS = [{"expert": "sim-a", "simulated": True}, {"expert": "sim-b", "simulated": True}]


@pytest.fixture
def planned(tmp_path):
    pairs(tmp_path, references=3, shape=(48, 48))
    plan(tmp_path, experts=EXPERTS, repeats=0, references=3, prescreen=False)
    return tmp_path / "tiny.study.yaml"


def study(*arguments):
    return main(["study", *map(str, arguments)])


def test_from_a_plan_to_a_page(planned, tmp_path, capsys):
    folder, out = tmp_path / "study", tmp_path / "answers"
    assert study("new", planned, "--out", folder) == 0
    told = capsys.readouterr().out
    assert "3 reference images with 6 pairs" in told
    assert "(3 references, 2 experts)" in told
    assert "the patients of 3 of 3 references are unknown" in told
    assert study("status", folder) == 0
    assert "phase: stage-1\nsim-a, stage-1: 0 of 6" in capsys.readouterr().out
    assert study("export", folder, "--out", out) == 2
    assert "not closed" in capsys.readouterr().err
    assert not out.exists()
    assert study("simulate", folder) == 0
    assert study("export", folder, "--out", out) == 0
    assert study("aggregate", out / "tiny.answers.yaml") == 0
    told = capsys.readouterr().out
    assert "imulated" in told
    page = (out / "tiny.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "sim-a" in page
    assert main(["validate", str(out), str(planned)]) == 0


def test_links_are_made_and_ended(planned, tmp_path, capsys):
    folder = tmp_path / "study"
    study("new", planned, "--out", folder)
    capsys.readouterr()
    assert study("invite", folder, "sim-a", "--port", "8123") == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:8123/invitation/")
    assert study("invite", folder, "sim-a", "--revoke") == 0
    assert study("invite", folder, "nobody") == 2
    assert "nobody" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "{missing}"], "auditkit study new"),
        (["serve", "{study}", "--host", "0.0.0.0"], "TLS"),
        (["serve", "{study}", "--hours", "0"], "--hours 0"),
        (["serve", "{study}", "--database", "mysql://x"], "mysql"),
        (["invite", "{study}", "sim-a", "--port", "0"], "--port 0"),
        (["new", "{plan}", "--out", "{study}"], "exists"),
        (["new", "{missing}.study.yaml", "--out", "x"], "missing.study.yaml"),
        (["new", "{plan}", "--out", "{missing}", "--seed", "7"], "seed"),
        (["aggregate", "{plan}"], "answers"),
    ],
)
def test_what_is_refused_is_one_line_and_status_2(arguments, message, planned, tmp_path, capsys):
    places = {"plan": planned, "study": tmp_path / "study", "missing": tmp_path / "missing"}
    study("new", planned, "--out", places["study"])
    capsys.readouterr()
    assert study(*(one.format(**places) for one in arguments)) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert not places["missing"].exists()


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
def test_the_key_is_for_its_owner_alone(planned, tmp_path):
    study("new", planned, "--out", tmp_path / "study")
    assert (tmp_path / "study" / "key.json").stat().st_mode & 0o077 == 0
