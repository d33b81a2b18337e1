"""`auditkit gather`: evidence without verdicts, found by pytest afterwards."""

import json

import pytest

from auditkit.cli import main


def gathered(project, *arguments):
    return main(["gather", "audits", "--model", "steady", "--cards", "cards", *arguments])


def results_of(project):
    (folder,) = (project.path / "reports").iterdir()
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize(
    "same", [(), ("--batch-size", "1", "--shard", "7"), ("--engine", "processes")]
)
def test_pytest_finds_all_that_was_gathered(project, capsys, same):
    assert gathered(project, *same) == 0
    told = capsys.readouterr().out
    assert "counts [steady]: " in told
    assert "light [steady]: " in told
    assert "other [steady]" not in told
    command = told.rsplit("judge with: pytest ", 1)[1].split()
    project.runpytest(*command).assert_outcomes(passed=3, failed=1)
    assert results_of(project)["run"]["evidence"]["computed"] == 0
    assert results_of(project)["run"]["evidence"]["found"] > 0


def test_nothing_is_computed_twice(project, capsys):
    assert gathered(project) == 0
    capsys.readouterr()
    assert gathered(project) == 0
    assert "\n0 shards computed, " in capsys.readouterr().out


def test_an_audit_that_fails_does_not_keep_the_others_from_theirs(project, capsys):
    (project.path / "cards" / "steady.safetensors").unlink()
    (project.path / "cards" / "steady.safetensors").write_text("damaged")
    assert gathered(project, "--model", "random") == 1
    said = capsys.readouterr()
    assert "counts [steady]: error: " in said.out
    assert "counts [random]: 2 shards computed" in said.out
    assert "2 of 4 audits could not be gathered" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "rey"], "--engine rey: did you mean 'ray'?"),
        (["--engine-option", "address=auto"], "the engine 'inline' has no options"),
        (["--engine", "ray", "--engine-option", "gpus"], "NAME=VALUE was expected"),
        (["--engine", "ray", "--engine-option", "gpu=1"], "gpus"),
        (["--workers", "none"], "'auto' or a number from 1 was expected"),
        (["--shard", "0"], "'auto' or a number from 1 was expected"),
        (["--cards", "nowhere"], "--cards nowhere is not a folder"),
        (["--data", "things"], "would replace nothing"),
        (["--model", "nobody"], "nobody"),
        (["--profile", "nothing"], "nothing"),
    ],
)
def test_bad_input_is_one_line_and_status_2(project, capsys, arguments, message):
    assert gathered(project, *arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (project.path / ".auditkit").exists()


def test_a_model_must_be_named(project, capsys):
    assert main(["gather", "audits", "--cards", "cards"]) == 2
    assert "add --model NAME (known: nan, random, steady)" in capsys.readouterr().err


def test_a_path_must_be_there(project, capsys):
    assert main(["gather", "audits", "nowhere", "--model", "steady", "--cards", "cards"]) == 2
    assert "nowhere does not exist" in capsys.readouterr().err
