"""A device's own files replace its stand-in: found, copied, hashed, checked."""

import hashlib
import json

import pytest

from auditkit.cli import main
from auditkit.errors import AuditError
from auditkit.models.identity import model_digest, weights_digest, weights_path
from auditkit.spec.catalogue import catalogue, read_model_card

CARD = """\
model: device
title: The device
task: melanoma
format: caffe
weights: {file: net.caffemodel, definition: deploy.prototxt}
input: {size: 224, mean_image: mean.binaryproto}
output: {kind: probabilities, score: 140}
threshold: 0.5
fallback:
  stand_in: A substitute.
  title: The stand-in
  format: tflite
  weights: {file: small.tflite}
  input: {size: 96}
  output: {kind: probabilities, classes: [a, b], score: b}
"""
NAMES = ["net.caffemodel", "deploy.prototxt", "mean.binaryproto"]


@pytest.fixture
def cards(tmp_path, monkeypatch):
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "device.model.yaml").write_text(CARD, encoding="utf-8")
    (folder / "small.tflite").write_bytes(b"small")
    monkeypatch.setenv("AUDITKIT_WEIGHTS", str(tmp_path / "own"))
    return folder


def files(tmp_path, names=NAMES):
    source = tmp_path / "theirs"
    source.mkdir(exist_ok=True)
    for name in names:
        (source / name).write_bytes(name.encode())
    return [str(source / name) for name in names]


def test_without_the_files_the_stand_in_is_used_and_says_so(cards):
    card = read_model_card(cards / "device.model.yaml")
    assert (card.title, card.format, card.input.size) == ("The stand-in", "tflite", 96)
    assert card.stand_in == "A substitute."
    assert card.output.score == "b"
    assert card.threshold == 0.5
    assert weights_path(card) == cards / "small.tflite"


def test_added_files_are_the_device_and_pinned(cards, tmp_path, capsys):
    assert main(["weights", "add", "device", *files(tmp_path), "--cards", str(cards)]) == 0
    assert hashlib.sha256(b"net.caffemodel").hexdigest() in capsys.readouterr().out
    card = read_model_card(cards / "device.model.yaml")
    assert (card.title, card.stand_in, card.format) == ("The device", "", "caffe")
    assert weights_path(card) == tmp_path / "own" / "device" / "net.caffemodel"
    before = model_digest(card)
    (tmp_path / "own" / "device" / "mean.binaryproto").write_bytes(b"another mean")
    with pytest.raises(AuditError, match="have sha256"):
        weights_digest(read_model_card(cards / "device.model.yaml"))
    (tmp_path / "own" / "device" / "sha256.json").unlink()
    assert model_digest(read_model_card(cards / "device.model.yaml")) != before
    assert main(["weights", "remove", "device", "--cards", str(cards)]) == 0
    assert read_model_card(cards / "device.model.yaml").stand_in


def test_some_of_the_files_are_an_error_and_not_a_stand_in(cards, tmp_path):
    assert main(["weights", "add", "device", *files(tmp_path)[:2], "--cards", str(cards)]) == 0
    with pytest.raises(AuditError, match=r"missing: mean\.binaryproto"):
        catalogue([cards]).model("device")
    assert main(["weights", "add", "device", files(tmp_path)[2], "--cards", str(cards)]) == 0
    assert catalogue([cards]).model("device").stand_in == ""


def test_files_are_matched_by_name_else_by_suffix(cards, tmp_path, capsys):
    given = files(tmp_path, ["70616.caffemodel", "my.prototxt", "m.binaryproto"])
    assert main(["weights", "add", "device", *given, "--cards", str(cards)]) == 0
    own = tmp_path / "own" / "device"
    assert (own / "net.caffemodel").read_bytes() == b"70616.caffemodel"
    assert json.loads((own / "sha256.json").read_text())["deploy.prototxt"]
    stray = files(tmp_path, ["notes.txt"])
    assert main(["weights", "add", "device", *stray, "--cards", str(cards)]) == 2
    assert "not clear which file" in capsys.readouterr().err
    assert not (own / "notes.txt").exists()


def test_a_card_without_a_stand_in_keeps_its_weights_beside_it(cards, tmp_path, capsys):
    plain = CARD.split("fallback", maxsplit=1)[0].replace("model: device", "model: plain")
    (cards / "plain.model.yaml").write_text(plain, encoding="utf-8")
    assert main(["weights", "add", "plain", *files(tmp_path), "--cards", str(cards)]) == 2
    assert "beside its card" in capsys.readouterr().err


def test_a_fallback_that_does_not_fit_the_card_is_an_error(cards):
    broken = CARD.replace("definition: deploy.prototxt", "definition: d").replace(
        "  format: tflite\n", ""
    )
    (cards / "device.model.yaml").write_text(broken, encoding="utf-8")
    with pytest.raises(
        AuditError, match=r"with its fallback, .* is not valid: .*weights\.definition"
    ):
        read_model_card(cards / "device.model.yaml")
