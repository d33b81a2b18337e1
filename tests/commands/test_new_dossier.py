"""`auditkit new dossier`: a form for people, written once."""

import argparse

import pytest

from auditkit.commands.dossier import add_commands
from auditkit.errors import AuditError
from auditkit.spec.dossier import DataDossier, ModelDossier, read_dossier


def call(*arguments):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    given = parser.parse_args(["dossier", *map(str, arguments)])
    return given.run(given)


@pytest.mark.parametrize(("kind", "expected"), [("model", ModelDossier), ("data", DataDossier)])
def test_it_writes_a_valid_form_and_says_what_to_do_next(
    tmp_path, monkeypatch, capsys, kind, expected
):
    monkeypatch.chdir(tmp_path)
    assert call(kind, "dermacheck") == 0
    file = tmp_path / "dermacheck.dossier.yaml"
    assert type(read_dossier(file)) is expected
    said = capsys.readouterr().out
    assert "dossier: {file: dermacheck.dossier.yaml}" in said
    assert "auditkit validate dermacheck.dossier.yaml" in said
    assert "auditkit validate dermacheck.dossier.yaml" in file.read_text()


def test_it_never_overwrites(tmp_path):
    file = tmp_path / "mine.dossier.yaml"
    assert call("model", "mine", "--out", file) == 0
    file.write_text("dossier: model\ndevice: much work\n")
    with pytest.raises(AuditError, match="not overwritten"):
        call("model", "mine", "--out", file)
    assert read_dossier(file).device == "much work"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("model", "Not A Name"), "not a valid name"),
        (("model", "a", "--out", "a.yaml"), "ends in .dossier.yaml"),
        (("model", "a", "--out", "no/such/folder/a.dossier.yaml"), "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AuditError, match=message):
        call(*arguments)
    assert not list(tmp_path.iterdir())
