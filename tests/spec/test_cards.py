"""Model cards: what cannot be meant is refused; a card from Python is settled as one from a file."""

import pytest

from auditkit.spec.card_names import check_builder, check_own_files
from auditkit.spec.fallback import settled
from auditkit.spec.model_card import Input, ModelCard

BASE = {
    "model": "m",
    "task": "t",
    "format": "torchvision",
    "architecture": "resnet18",
    "weights": {"file": "own.pth"},
    "input": {"size": 8},
    "output": {"kind": "logits", "classes": ["a", "b"], "score": 1},
    "threshold": 0.5,
}


def card(**changes):
    return ModelCard.model_validate({**BASE, **changes})


@pytest.mark.parametrize("key", ["mean", "std"])
def test_grey_pictures_have_one_mean_and_one_std(key):
    with pytest.raises(ValueError, match="grey is one channel"):
        Input.model_validate({"size": 8, "channels": "grey", key: [0.1, 0.2, 0.3]})
    assert Input.model_validate({"size": 8, "channels": "grey", key: [0.1]}).depth == 1
    assert Input.model_validate({"size": 8, "channels": "bgr", key: [0.1, 0.2, 0.3]}).depth == 3


def test_a_python_factory_makes_one_network():
    source = {"factory": "a.b:c", "allow_code": True, "version": "1"}
    python = {"format": "python", "architecture": None, "python": source}
    assert len(card(**python).networks) == 1
    assert card(**python, weights=None).networks == []
    members = [{"weights": {"file": "a"}}, {"weights": {"file": "b"}}]
    for weights in (None, {"file": "own.pth"}):
        with pytest.raises(ValueError, match="members: a factory makes one network"):
            card(**python, members=members, weights=weights)


@pytest.mark.parametrize(
    "argument",
    [
        "weights_backbone",
        "pretrained_backbone",
        "pretrained_cfg",
        "pretrained_cfg_overlay",
        "pretrained_model_args",
        "checkpoint_path",
    ],
)
@pytest.mark.parametrize("member", [False, True])
def test_no_argument_makes_a_builder_fetch_weights(argument, member):
    arguments = {"arguments": {argument: "DEFAULT"}}
    if member:
        arguments = {"weights": None, "members": [{"weights": {"file": "a"}, **arguments}]}
    with pytest.raises(ValueError, match=f"'{argument}' would load weights past"):
        card(**arguments)


def test_arguments_of_the_network_itself_are_allowed():
    check_builder("vit_tiny", ["num_classes", "img_size", "weight_init", "init_weights"])
    with pytest.raises(ValueError, match="makes no classifier"):
        card(format="timm", arguments={"features_only": True})


@pytest.mark.parametrize(
    "name", ["hf-hub:a/b", "hf_hub:a", "local-dir:/x", "HF-HUB:a", "a/b", "a\\b"]
)
def test_an_architecture_is_no_place(name):
    with pytest.raises(ValueError, match="is a place on a hub"):
        card(format="timm", architecture=name)
    with pytest.raises(ValueError, match="is a place on a hub"):
        card(
            format="timm",
            weights=None,
            members=[{"weights": {"file": "a"}, "architecture": name}],
        )


def test_plain_names_may_lie_in_folders_of_their_own():
    check_own_files(["a.onnx", "parts/b.data", "..c", "d..e", "sub/sha256.json"])
    for name in (
        "../a",
        "a/..",
        "./a",
        "/a",
        "a/",
        "\\\\host\\a",
        "c:a",
        "a\0",
        "SHA256.JSON",
        " .. /a",
    ):
        with pytest.raises(ValueError, match=r"plain relative path|list of sums"):
            check_own_files(["fine", name])


def test_a_card_from_python_is_settled_where_it_was_put(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDITKIT_WEIGHTS", str(tmp_path / "own"))
    fallback = {"stand_in": "x", "weights": {"file": "s.pth"}}
    written = card(fallback=fallback).model_copy(update={"folder": tmp_path / "beside"})
    stand_in = settled(written)
    assert (stand_in.stand_in, stand_in.folder) == ("x", tmp_path / "beside")
    assert settled(stand_in) == stand_in
    (tmp_path / "own" / "m").mkdir(parents=True)
    (tmp_path / "own" / "m" / "own.pth").write_bytes(b"")
    device = settled(written)
    assert (device.stand_in, device.folder) == ("", tmp_path / "own" / "m")
    assert settled(device) == device
