import argparse
import json

import pytest
import report_samples

from auditkit.commands.rendering import add_commands
from auditkit.errors import AuditError
from auditkit.results import to_json


@pytest.fixture
def run(tmp_path):
    results = report_samples.passing()
    (tmp_path / "results.json").write_text(to_json(results), encoding="utf-8")
    return tmp_path


def report(*arguments):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    given = parser.parse_args(["report", *map(str, arguments)])
    return given.run(given)


def test_a_page_is_written_beside_the_results(run, capsys):
    assert report(run) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert (run / "report.html").read_bytes().startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("name", "file"), [("markdown", "report.md"), ("junit", "report.junit.xml")]
)
def test_a_format_has_its_file(run, name, file):
    report(run, "--format", name)
    assert (run / file).stat().st_size > 100


def test_a_table_goes_to_the_terminal_without_colours_where_there_is_none(run, capsys):
    report(run, "--format", "terminal")
    text = capsys.readouterr().out
    assert "release passes: dermanet" in text
    assert "\x1b" not in text
    assert not (run / "report.txt").exists()


def test_out_names_the_file(run, tmp_path):
    report(run, "--format", "terminal", "--out", tmp_path / "new" / "table.txt")
    assert "release passes" in (tmp_path / "new" / "table.txt").read_text()


def test_the_language_is_the_runs_unless_another_is_asked_for(run):
    report(run, "--language", "en")
    assert '<html lang="en">' in (run / "report.html").read_text(encoding="utf-8")
    with pytest.raises(AuditError, match="there is no report language 'xx'"):
        report(run, "--language", "xx")


def test_what_cannot_be_read_is_said(run):
    with pytest.raises(AuditError, match=r"results\.json cannot be read"):
        report(run / "nowhere")
    content = json.loads((run / "results.json").read_text())
    content["run"]["seconds"] = "long"
    (run / "results.json").write_text(json.dumps(content))
    with pytest.raises(AuditError, match=r"not a results file of this version: run\.seconds"):
        report(run)
    (run / "results.json").write_bytes(b"\xff\xfe")
    with pytest.raises(AuditError, match="not UTF-8"):
        report(run)


def test_what_cannot_be_meant_is_refused(run, tmp_path):
    with pytest.raises(AuditError, match="name one format"):
        report(run, "--format", "all", "--out", tmp_path / "x")
    with pytest.raises(AuditError, match="is a folder"):
        report(run, "--out", tmp_path)


def test_what_somebody_signed_is_left_alone(run, tmp_path):
    report(run)
    (run / "signatures").mkdir()
    (run / "signatures" / "performed-00000000.dsse.json").write_text("{}")
    before = (run / "report.html").read_bytes()
    report(run)  # the same bytes
    with pytest.raises(AuditError, match="is signed"):
        report(run, "--language", "de")
    with pytest.raises(AuditError, match="is signed"):
        report(run, "--format", "markdown")
    assert (run / "report.html").read_bytes() == before
    report(run, "--language", "de", "--out", tmp_path / "de.html")
    assert (tmp_path / "de.html").is_file()
