import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile import damaged, pickled, refused_or_harmless
from safetensors.torch import load_file, save_file

from auditkit.errors import AuditError
from auditkit.models.hugging_face import hugging_face_classes, load_hugging_face

transformers = pytest.importorskip("transformers")
NAMES = {
    "id2label": {0: "nevus", 1: "melanoma", 2: "other"},
    "label2id": {"nevus": 0, "melanoma": 1, "other": 2},
}
SMALL = {
    "vit": {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
            "image_size": 8, "patch_size": 4},
    "resnet": {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "layer_type": "basic"},
    "convnext": {"hidden_sizes": [4, 8], "depths": [1, 1], "num_stages": 2},
    "swin": {"image_size": 8, "patch_size": 2, "embed_dim": 4, "depths": [1, 1], "num_heads": [1, 2],
             "window_size": 2},
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    import socket

    def refuse(*_arguments):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def saved(kind, folder):
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **SMALL[kind], **NAMES)
    model = transformers.AutoModelForImageClassification.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return model, folder / "config.json", folder / "model.safetensors"


@pytest.fixture
def x():
    return torch.from_numpy(np.random.default_rng(5).normal(size=(3, 3, 8, 8)).astype(np.float32))


@pytest.fixture
def vit(tmp_path):
    return saved("vit", tmp_path)


@pytest.mark.parametrize("kind", SMALL)
def test_answers_and_gradients_are_those_of_the_original(kind, x, tmp_path, check_gradient):
    model, config, weights = saved(kind, tmp_path)
    network = load_hugging_face(config, weights)
    torch.testing.assert_close(network(x), model(x).logits, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]), atol=1e-6, rtol=1e-5)
    check_gradient(network, x)
    assert hugging_face_classes(config) == ["nevus", "melanoma", "other"]


@pytest.mark.parametrize("kind", ["resnet", "convnext"])
def test_hooks_see_maps(kind, x, tmp_path, spatial):
    _model, config, weights = saved(kind, tmp_path)
    seen, _answer = spatial(
        load_hugging_face(config, weights), torch.cat([x, x], 2).repeat(1, 1, 1, 2)
    )
    assert any(min(value.shape[2:]) > 1 for value in seen.values())


def test_a_plain_state_dict_is_read(vit, x, tmp_path):
    model, config, _weights = vit
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    network = load_hugging_face(config, tmp_path / "pytorch_model.bin")
    torch.testing.assert_close(network(x), model(x).logits, atol=1e-6, rtol=1e-5)


def test_a_pickle_is_not_loaded(vit, tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(pickled(tmp_path / "marker"))
    with pytest.raises(AuditError, match="pickle"):
        load_hugging_face(vit[1], tmp_path / "pytorch_model.bin")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("how", ["missing", "unknown", "shape"])
def test_every_tensor_must_find_its_place(vit, how, tmp_path):
    state = load_file(vit[2])
    if how == "missing":
        del state["classifier.bias"]
    elif how == "unknown":
        state["classifier.more"] = torch.zeros(2)
    else:
        state["classifier.bias"] = torch.zeros(7)
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(AuditError, match=r"classifier\.(bias|more)"):
        load_hugging_face(vit[1], tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"auto_map": {"AutoModelForImageClassification": "evil.py"}},
        {"model_type": "timm_wrapper"},
        {"model_type": "gpt2"},
        {"model_type": None},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"backbone": "resnet50", "use_pretrained_backbone": True},
        {"num_hidden_layers": 10**6},
        {"hidden_size": 2**30},
        {"hidden_size": 800},
        {"hidden_size": "wide"},
        {"hidden_act": "os.system"},
        {"patch_size": 0},
    ],
)
def test_hostile_configs_are_refused(vit, change):
    _model, config, weights = vit
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(AuditError, match=r"config\.json"):
        load_hugging_face(config, weights)


def test_the_attention_of_a_config_is_never_fetched(vit, x):
    model, config, weights = vit
    asked = {"_attn_implementation": "somebody/kernel", "attn_implementation": "somebody/kernel"}
    config.write_text(json.dumps(json.loads(config.read_text()) | asked))
    torch.testing.assert_close(
        load_hugging_face(config, weights)(x), model(x).logits, atol=1e-6, rtol=1e-5
    )


@pytest.mark.parametrize("names", [None, {}, {"0": "a", "2": "b"}, {"a": "b"}])
def test_class_names_that_do_not_number_outputs_are_refused(vit, names):
    config = vit[1]
    config.write_text(json.dumps({"id2label": names}))
    with pytest.raises(AuditError, match=r"class|id2label"):
        hugging_face_classes(config)


def test_damage_is_an_audit_error_or_harmless(vit, tmp_path, x):
    _model, config, weights = vit
    for path in damaged(config, tmp_path, 25, seed=1):
        assert refused_or_harmless(lambda path: load_hugging_face(path, weights), path, x)
    for path in damaged(weights, tmp_path, 25, seed=1):
        assert refused_or_harmless(lambda path: load_hugging_face(config, path), path, x)


def test_global_randomness_is_left_alone(vit):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    load_hugging_face(vit[1], vit[2])
    assert torch.equal(before, torch.get_rng_state())


def test_class_names_are_read_without_torch():
    code = "import sys, auditkit.models.hugging_face_config; assert 'torch' not in sys.modules"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
