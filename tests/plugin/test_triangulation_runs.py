"""A spec that combines audits runs in any selection, under any command, and stands on the first pages."""

import json

import pytest

from auditkit.cli import main

READS = """\
audit: reads
check: triangulation
title: What it reads
data: lesions
with:
  attributes:
    pink:
      - {line: intervention, audit: light, measure: pink.mean_change, margin: 0.05}
      - {line: concepts, audit: counts, measure: accuracy, margin: 0.5, towards: unsigned}
expect:
  - {measure: "conclusion[pink]", in: [suggested, contradicted, unclear, not found]}
"""


@pytest.fixture
def reading(project):
    (project.path / "audits" / "reads.audit.yaml").write_text(READS)
    return project


def results(project):
    return json.loads((project.path / "out" / "results.json").read_text())


def run(project, *options):
    return project.runpytest("audits", "--model", "random", "--audit-report", "out", *options)


def test_what_it_combines_is_computed_though_it_alone_is_selected(reading):
    run(reading, "-k", "reads")
    found = results(reading)
    assert [audit["audit"] for audit in found["audits"]] == ["reads"]
    table = found["audits"][0]["tables"][0]
    assert table["columns"] == ["attribute", "conclusion", "intervention", "concept permutation"]
    assert "n = 24" in table["rows"][0][2]
    page = (reading.path / "out" / "report.html").read_text()
    place = page.index('<h2 id="triangulation">')
    assert page.index('<h2 id="summary">') < place < page.index('<h2 id="verdicts">')


def test_two_workers_say_the_same_as_one(reading):
    pytest.importorskip("xdist")
    run(reading)
    alone = [
        (one["measure"], one["verdict"], one["reason"]) for one in results(reading)["verdicts"]
    ]
    reading.runpytest_subprocess(
        "audits", "--model", "random", "--audit-report", "two", "-n", "2", "--audit-store", "other"
    )
    both = json.loads((reading.path / "two" / "results.json").read_text())["verdicts"]
    assert sorted((o["measure"], o["verdict"], o["reason"]) for o in both) == sorted(alone)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "audit: light,",
            "audit: lihgt,",
            "names the audit 'lihgt', which is not here; did you mean 'light'",
        ),
        ("pink.mean_change", "pink.mean", "names 'pink.mean' of 'light', which is unknown"),
        ("audit: light,", "audit: other,", "names 'other', which is about another task"),
        ("audit: light,", "audit: reads,", "names 'reads', which combines audits itself"),
        ("line: concepts", "line: gossip", "'gossip'"),
    ],
)
def test_mistakes_are_told_when_the_spec_is_read(reading, old, new, message):
    (reading.path / "audits" / "reads.audit.yaml").write_text(READS.replace(old, new))
    done = run(reading, "--collect-only")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    told = " ".join(done.stdout.str().split())
    assert message in told
    line = next(i for i, text in enumerate(READS.splitlines(), 1) if old in text)
    assert f"reads.audit.yaml:{line}: " in told


def test_an_audit_that_assumes_what_combines_it_is_a_circle(reading):
    light = reading.path / "audits" / "light.audit.yaml"
    light.write_text(light.read_text() + "assumes: [reads]\n")
    done = run(reading, "--collect-only")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    assert "'reads' rests on itself in a circle" in " ".join(done.stdout.str().split())


def test_an_audit_that_cannot_be_used_is_not_available_and_says_why(reading):
    text = READS.replace("audit: light,", "audit: rests,")
    (reading.path / "audits" / "reads.audit.yaml").write_text(text)
    light = (reading.path / "audits" / "light.audit.yaml").read_text()
    rests = light.replace("audit: light", "audit: rests") + "assumes: [impossible]\n"
    (reading.path / "audits" / "rests.audit.yaml").write_text(rests)
    counts = (reading.path / "audits" / "counts.audit.yaml").read_text().partition("expect:")[0]
    impossible = counts.replace("audit: counts", "audit: impossible")
    impossible += "expect:\n  - {measure: accuracy, above: 0.999}\n"
    (reading.path / "audits" / "impossible.audit.yaml").write_text(impossible)
    run(reading, "-k", "reads")
    cell = results(reading)["audits"][0]["tables"][0]["rows"][0][2]
    assert cell.startswith("not available (rests: not interpretable: rests on 'impossible'")


def test_gather_and_plan_need_nothing_for_it(reading, monkeypatch, capsys):
    monkeypatch.chdir(reading.path)
    options = [
        "audits/reads.audit.yaml",
        "--model",
        "random",
        "--cards",
        "cards",
        "--device",
        "cpu",
    ]
    assert main(["gather", *options]) == 0
    assert (
        "reads [random]: combines what other audits find: nothing to gather"
        in capsys.readouterr().out
    )
    assert main(["plan", *options]) == 0
    assert "combines what other audits find" in capsys.readouterr().out


def test_reproduce_and_gate_confirm_it(reading, monkeypatch, capsys):
    monkeypatch.chdir(reading.path)
    run(reading)
    main(["reproduce", "out", "--sample", "100%"])
    said = capsys.readouterr()
    assert "reads [random]" not in said.out + said.err
    main(["gate", "out"])
    assert "conclusion[pink]" not in capsys.readouterr().err
