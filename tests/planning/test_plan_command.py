"""`auditkit plan` as people run it."""

import json
from pathlib import Path

import pytest

from auditkit.cli import main
from auditkit.commands.units import count, duration, seconds_of, size
from auditkit.errors import AuditError
from auditkit.spec.profile import read_profile

PLAN = ["plan", "audits/counts.audit.yaml", "audits/light.audit.yaml", "--model", "random"]
HERE = ["--device", "cpu"]


@pytest.mark.usefixtures("cards")
def test_one_row_per_audit_a_total_and_what_is_assumed(capsys):
    assert main([*PLAN, *HERE, "--workers", "4"]) == 0
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines()]
    assert rows[1][:3] == ["counts", "[random]", "24"]
    assert rows[2][:3] == ["light", "[random]", "24"]
    assert rows[3][0] == "total,"
    assert "4 workers" in said
    assert "Nothing was written to .auditkit/store" in said
    assert not Path(".auditkit").exists()


@pytest.mark.usefixtures("cards")
def test_json_has_every_stage(capsys):
    assert main([*PLAN, *HERE, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    counts, light = plan["audits"]
    assert [stage["name"] for stage in counts["stages"]] == ["random: scores"]
    assert counts["usage"]["forwards"] == 32
    assert light["shards"] == {"to_compute": 2, "in_store": 0, "by_audits_above": 2}
    assert plan["total"]["forwards"] == sum(one["usage"]["forwards"] for one in plan["audits"])
    assert plan["seconds"]["one_worker"] >= plan["seconds"]["workers"] > 0


@pytest.mark.usefixtures("cards")
def test_a_budget_that_is_enough_writes_a_profile_of_all_images(capsys):
    asked = ["--budget", "100h", "--write-profile", "long.profile.yaml"]
    assert main([*PLAN, *HERE, *asked]) == 0
    said = capsys.readouterr().out
    assert "with all images" in said
    assert "counts.sensitivity" in said
    assert read_profile(Path("long.profile.yaml")).spec.parameters == []


@pytest.mark.usefixtures("cards")
def test_a_budget_that_is_not_enough_says_what_is_needed(capsys):
    asked = ["--budget", "0.001s", "--write-profile", "short.profile.yaml"]
    assert main([*PLAN, *HERE, *asked]) == 1
    assert "is not enough" in capsys.readouterr().out
    assert not Path("short.profile.yaml").exists()


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "audits", "--model", "nobody"], "unknown model 'nobody'"),
        (["plan", "audits"], "no model was named"),
        (["plan", "nowhere", "--model", "random"], "nowhere does not exist"),
        ([*PLAN, "--budget", "soon"], "a duration such as 90s"),
        ([*PLAN, "--budget", "0h"], "a duration such as 90s"),
        ([*PLAN, "--workers", "0"], "a number from 1"),
        ([*PLAN, "--write-profile", "x.profile.yaml"], "belongs to --budget"),
        ([*PLAN, "--budget", "2h", "--write-profile", "x.yaml"], "NAME.profile.yaml"),
        ([*PLAN, "--budget", "2h", "--baseline", "nowhere"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, said, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_numbers_are_readable():
    assert [count(n) for n in (0, 999, 12_345, 3e6)] == ["0", "999", "12.3k", "3M"]
    assert [size(n) for n in (0, 1500, 2e7, 4e9)] == ["0", "1.5 kB", "20 MB", "4 GB"]
    assert [duration(s) for s in (0, 5, 59, 90, 600, 8000)] == [
        "0 s", "5 s", "59 s", "1.5 min", "10 min", "2.2 h",
    ]  # fmt: skip


def test_durations_are_read():
    assert seconds_of("1h30min", "--budget") == 5400
    assert seconds_of("45m", "--budget") == 2700
    with pytest.raises(AuditError, match="--budget"):
        seconds_of("2 hours", "--budget")
