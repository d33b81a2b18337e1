"""A device's own files replace its stand-in: found, copied, hashed, checked."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from auditkit.cli import main
from auditkit.errors import AuditError
from auditkit.models.identity import model_digest, weights_digest, weights_path
from auditkit.models.user_files import add, remove
from auditkit.spec.catalogue import catalogue, read_model_card, read_unsettled

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


OUTSIDE = [
    "/precious",
    "../precious",
    "a/../../precious",
    "a\\\\precious",
    "C:precious",
    "a//b",
    ".",
    "",
]
PLACES = {
    "weights.file": "file: net.caffemodel",
    "weights.definition": "definition: deploy.prototxt",
    "input.mean_image": "mean_image: mean.binaryproto",
    "output.classes_file": "score: 140",
}


def named(place, name):
    key = place.partition(".")[2]
    new = f'{PLACES[place]}, {key}: "{name}"' if key == "classes_file" else f'{key}: "{name}"'
    return CARD.replace(PLACES[place], new, 1)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", [*OUTSIDE, "SHA256.json"])
def test_a_devices_files_are_named_within_their_folder(cards, tmp_path, capsys, place, name):
    (cards / "device.model.yaml").write_text(named(place, name), encoding="utf-8")
    for action in (["add", "device", *files(tmp_path)], ["remove", "device"]):
        before = sorted(tmp_path.rglob("*"))
        assert main(["weights", *action, "--cards", str(cards)]) == 2
        assert sorted(tmp_path.rglob("*")) == before
    error = capsys.readouterr().err
    assert any(text in error for text in ("plain relative path", "list of sums", "at least 1 char"))


def test_a_stand_in_may_lie_anywhere(cards, tmp_path):
    (cards / "device.model.yaml").write_text(
        CARD.replace("small.tflite", "../elsewhere/small.tflite"), encoding="utf-8"
    )
    card = read_model_card(cards / "device.model.yaml")
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(cards / "small.tflite", tmp_path / "elsewhere")
    assert weights_path(card).read_bytes() == b"small"


def test_remove_deletes_nothing_of_a_card_without_a_stand_in(cards, tmp_path, capsys):
    precious = tmp_path / "precious.caffemodel"
    precious.write_bytes(b"mine")
    plain = CARD.split("fallback", maxsplit=1)[0].replace("net.caffemodel", str(precious))
    (cards / "device.model.yaml").write_text(plain, encoding="utf-8")
    assert main(["weights", "remove", "device", "--cards", str(cards)]) == 2
    assert "beside its card" in capsys.readouterr().err
    assert precious.read_bytes() == b"mine"


@pytest.mark.parametrize("link", ["net.caffemodel", "sub", "sha256.json"])
def test_links_out_of_the_folder_are_not_followed(cards, tmp_path, link):
    name = "sub/net.caffemodel" if link == "sub" else "net.caffemodel"
    (cards / "device.model.yaml").write_text(CARD.replace("net.caffemodel", name), encoding="utf-8")
    card = read_unsettled(cards / "device.model.yaml")
    outside = tmp_path / "outside"
    outside.mkdir()
    kept = outside / Path(link if link != "sub" else name).name
    kept.write_bytes(b"{}")
    own = tmp_path / "own" / "device"
    own.mkdir(parents=True)
    (own / link).symlink_to(outside if link == "sub" else kept)
    for act in (lambda: add(card, [Path(path) for path in files(tmp_path)]), lambda: remove(card)):
        with pytest.raises(AuditError, match="out of the folder of this model"):
            act()
        assert kept.read_bytes() == b"{}"
        assert sorted(outside.iterdir()) == [kept]
        assert sorted(own.iterdir()) == [own / link]


def test_links_in_a_circle_are_an_error(cards, tmp_path):
    own = tmp_path / "own" / "device"
    own.mkdir(parents=True)
    (own / "net.caffemodel").symlink_to(own / "net.caffemodel")
    with pytest.raises(AuditError, match="link in a circle"):
        remove(read_unsettled(cards / "device.model.yaml"))


def test_a_card_from_python_that_was_not_validated_writes_nowhere_else(cards, tmp_path):
    card = read_unsettled(cards / "device.model.yaml")
    assert card.weights
    weights = card.weights.model_copy(update={"file": "../../precious.caffemodel"})
    card = card.model_copy(update={"weights": weights})
    (tmp_path / "precious.caffemodel").write_bytes(b"mine")
    with pytest.raises(AuditError, match="nothing is written or deleted"):
        remove(card)
    with pytest.raises(AuditError, match="nothing is written or deleted"):
        add(card, [Path(path) for path in files(tmp_path)])
    assert (tmp_path / "precious.caffemodel").read_bytes() == b"mine"


def test_a_file_other_than_the_card_describes_is_refused_before_it_is_copied(
    cards, tmp_path, capsys
):
    right = hashlib.sha256(b"net.caffemodel").hexdigest()
    stated = CARD.replace("{file: net.caffemodel,", f'{{file: net.caffemodel, sha256: "{right}",')
    (cards / "device.model.yaml").write_text(stated, encoding="utf-8")
    wrong = files(tmp_path, ["other.caffemodel"])
    assert main(["weights", "add", "device", *wrong, "--cards", str(cards)]) == 2
    error = capsys.readouterr().err
    assert right in error
    assert hashlib.sha256(b"other.caffemodel").hexdigest() in error
    assert not (tmp_path / "own").exists()
    assert main(["weights", "add", "device", *files(tmp_path), "--cards", str(cards)]) == 0


@pytest.mark.parametrize("at", ["copy", "move", "sums"])
def test_a_failure_leaves_what_was_there(cards, tmp_path, monkeypatch, capsys, at):
    assert main(["weights", "add", "device", *files(tmp_path), "--cards", str(cards)]) == 0
    own = tmp_path / "own" / "device"
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    for path in files(tmp_path):
        Path(path).write_bytes(b"newer")
    copyfile, replace = shutil.copyfile, Path.replace

    def full(source, target):
        if Path(source).name == "mean.binaryproto":
            raise OSError(28, "No space left on device")
        return copyfile(source, target)

    def stuck(self, target):
        last = "mean.binaryproto" if at == "move" else "sha256.json"
        if Path(target) == own / last and not self.name.startswith("old-"):
            raise OSError(13, "Permission denied")
        return replace(self, target)

    if at == "copy":
        monkeypatch.setattr(shutil, "copyfile", full)
    else:
        monkeypatch.setattr(Path, "replace", stuck)
    given = [str(tmp_path / "theirs" / name) for name in NAMES]
    assert main(["weights", "add", "device", *given, "--cards", str(cards)]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before


def test_a_device_with_some_of_its_files_is_no_hindrance_to_others(cards, tmp_path, capsys):
    plain = CARD.split("fallback", maxsplit=1)[0].replace("model: device", "model: plain")
    (cards / "plain.model.yaml").write_text(plain, encoding="utf-8")
    assert main(["weights", "add", "device", *files(tmp_path)[:2], "--cards", str(cards)]) == 0
    assert catalogue([cards]).model("plain").title == "The device"
    with pytest.raises(AuditError, match="holds only some files"):
        catalogue([cards]).model("device")
    capsys.readouterr()
    assert main(["weights", "list", "--cards", str(cards)]) == 0
    line = f"incomplete, and cannot be used; missing in {tmp_path / 'own' / 'device'}"
    assert capsys.readouterr().out == f"device: {line}: mean.binaryproto\n"
    assert main(["list", "models", "--cards", str(cards)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("device  melanoma: cannot be used: ")
    assert "missing: mean.binaryproto" in first
    assert second == "plain   melanoma: The device"
    assert main(["weights", "remove", "device", "--cards", str(cards)]) == 0
    assert main(["weights", "list", "--cards", str(cards)]) == 0
    assert "device: stand-in; expected in" in capsys.readouterr().out


@pytest.mark.parametrize("sums", ["[]", "3", "{", '{"net.caffemodel": 3}'])
def test_files_can_be_added_again_over_a_damaged_list_of_sums(cards, tmp_path, sums):
    own = tmp_path / "own" / "device"
    own.mkdir(parents=True)
    (own / "net.caffemodel").write_bytes(b"by hand")
    (own / "sha256.json").write_text(sums, encoding="utf-8")
    given = files(tmp_path, NAMES[1:])
    assert main(["weights", "add", "device", *given, "--cards", str(cards)]) == 0
    assert sorted(json.loads((own / "sha256.json").read_text())) == sorted(NAMES[1:])


def onnx_card(cards):
    text = CARD.split("weights:", maxsplit=1)[0].replace("format: caffe", "format: onnx")
    rest = CARD[CARD.index("output:") :]
    text += "weights: {file: net.onnx}\ninput: {size: 8}\n" + rest
    (cards / "device.model.yaml").write_text(text, encoding="utf-8")


def onnx_model():
    np, onnx = pytest.importorskip("numpy"), pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    weights = np.ones((192, 2), dtype=np.float32)
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", floats, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("y", floats, ["N", 2])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def test_an_onnx_model_without_its_data_is_refused(cards, tmp_path, capsys):
    onnx = pytest.importorskip("onnx")
    onnx_card(cards)
    onnx.save(onnx_model(), tmp_path / "whole.onnx")
    outside = {"save_as_external_data": True, "location": "net.data", "size_threshold": 0}
    onnx.save(onnx_model(), tmp_path / "parts.onnx", **outside)
    command = ["weights", "--cards", str(cards), "add", "device"]
    assert main([*command, str(tmp_path / "parts.onnx")]) == 2
    assert "keeps weights in net.data beside it" in capsys.readouterr().err
    assert not (tmp_path / "own").exists()
    assert main([*command, str(tmp_path / "whole.onnx")]) == 0


def test_a_card_with_a_stand_in_names_files_of_its_own(cards):
    for own in (
        "format: http\nblack_box: {url: 'http://127.0.0.1/', version: '1'}\ninput: {size: 8}\n",
        "format: tflite\nweights: {package: numpy/x.tflite}\ninput: {size: 8}\n",
    ):
        head = CARD[: CARD.index("format")] + own
        text = head + CARD[CARD.index("output:") :]
        (cards / "device.model.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(AuditError, match="names no file of the device"):
            read_model_card(cards / "device.model.yaml")
