import copy
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile import bomb, damaged, parts, refused_or_harmless, write

from auditkit.errors import AuditError
from auditkit.models.keras_format import KerasRuntime, load_keras
from auditkit.models.keras_format.runtime import available_backends

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore")


def spread(model):
    """Weights that no layer leaves at zero or one."""
    draw = np.random.default_rng(1)
    model.set_weights(
        [
            draw.uniform(0.1, 0.6, w.shape) * draw.choice([-1, 1], w.shape) ** (w.ndim > 1)
            for w in model.get_weights()
        ]
    )
    return model


def pictures_model(ending="softmax"):
    layers = keras.layers
    given = keras.Input((8, 8, 3), name="picture")
    x = layers.Rescaling(0.5)(given)
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="first")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same", activation="sigmoid")(x)])
    x = x * 2.0 + 1.0
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(given, layers.Dense(3, activation=ending)(x))


def table_model():
    layers = keras.layers
    table, given = keras.Input((2,), name="table"), keras.Input((8, 8, 3), name="picture")
    base = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="gelu", name="inner")]
    )
    x = layers.Concatenate()([layers.Flatten()(base(given)), table])
    return keras.Model([table, given], layers.Softmax()(layers.Dense(3)(x)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras")
    spread(pictures_model()).save(folder / "pictures.keras")
    spread(table_model()).save(folder / "table.keras")
    return folder


@pytest.fixture
def path(folder):
    return folder / "pictures.keras"


def original(path, *inputs):
    model = keras.saving.load_model(path, compile=False)
    return model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)


@pytest.mark.parametrize("rows", [1, 5])
def test_answers_are_those_of_the_original(path, pictures, rows):
    x = pictures[:rows]
    torch.testing.assert_close(load_keras(path)(x), original(path, x.permute(0, 2, 3, 1)))


def test_gradients_agree_with_finite_differences(path, pictures, check_gradient):
    check_gradient(load_keras(path), pictures)


def test_logits_lead_to_the_answer(path, pictures):
    network = load_keras(path)
    assert network.has_logits
    assert network.input_shape == (8, 8, 3)
    torch.testing.assert_close(torch.softmax(network.logits(pictures), 1), network(pictures))
    assert network.logits(pictures).sum(1).sub(1).abs().max() > 1e-3


@pytest.mark.parametrize("ending", ["sigmoid", "linear"])
def test_other_endings(ending, pictures, tmp_path):
    spread(pictures_model(ending)).save(tmp_path / "m.keras")
    network = load_keras(tmp_path / "m.keras")
    assert network.has_logits == (ending == "sigmoid")
    torch.testing.assert_close(
        network(pictures), original(tmp_path / "m.keras", pictures.permute(0, 2, 3, 1))
    )


def test_a_table_is_the_second_input_wherever_it_stands(folder, pictures, tables, spatial):
    network = load_keras(folder / "table.keras")
    expected = original(folder / "table.keras", tables, pictures.permute(0, 2, 3, 1))
    torch.testing.assert_close(network(pictures, tables), expected)
    torch.testing.assert_close(torch.softmax(network.logits(pictures, tables), 1), expected)
    seen, _answer = spatial(network, pictures, tables)
    assert any("inner" in name and v.shape == (5, 4, 6, 6) for name, v in seen.items())
    with pytest.raises(AuditError, match="table"):
        network(pictures)


def test_hooks_see_channels_first_maps_that_lead_to_the_answer(path, pictures, spatial):
    seen, answer = spatial(load_keras(path), pictures.requires_grad_(True))
    assert next(v for name, v in seen.items() if "first" in name).shape == (5, 4, 4, 4)
    gradients = torch.autograd.grad(answer[:, 0].sum(), list(seen.values()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_a_copy_answers_the_same_alone(path, pictures, spatial):
    network = load_keras(path)
    twin = copy.deepcopy(network)
    assert torch.equal(twin(pictures), network(pictures))
    assert not any(parameter.requires_grad for parameter in twin.parameters())
    with torch.no_grad():
        next(twin.parameters()).add_(1)
    torch.testing.assert_close(network(pictures), original(path, pictures.permute(0, 2, 3, 1)))


def test_channels_first_models_take_pictures_as_they_are(pictures, tmp_path):
    model = keras.Sequential([
        keras.Input((3, 8, 8)),
        keras.layers.Conv2D(4, 3, data_format="channels_first"),
        keras.layers.GlobalAveragePooling2D(data_format="channels_first"),
    ])  # fmt: skip
    model.save(tmp_path / "m.keras")
    network = load_keras(tmp_path / "m.keras")
    torch.testing.assert_close(network(pictures), model(pictures, training=False))
    assert network.input_shape == (8, 8, 3)


def edit(path, target, change):
    members = parts(path)
    config = json.loads(members["config.json"])
    change(config)
    return write(target, members | {"config.json": json.dumps(config).encode()})


def layer(config, name):
    return next(entry for entry in config["config"]["layers"] if entry["class_name"] == name)


LAMBDA = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
PATH = {"module": "pathlib", "class_name": "Path", "config": {}}
HALF = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
CALL = {
    "module": "builtins",
    "class_name": "function",
    "config": "eval",
    "registered_name": "function",
}


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("ReLU", {"class_name": "Lambda", "config": {"name": "x", "function": LAMBDA}}),
        ("ReLU", {"module": "os", "class_name": "system", "config": {"command": "touch marker"}}),
        ("ReLU", {"module": "keras.utils", "class_name": "get_file", "config": {}}),
        ("ReLU", {"module": "keras.src.utils.file_utils", "class_name": "get_file", "config": {}}),
        ("ReLU", {"class_name": "TFSMLayer", "config": {"filepath": "marker"}}),
        ("ReLU", {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}),
        ("ReLU", {"class_name": "TorchModuleWrapper", "config": {}}),
        ("ReLU", {"registered_name": "mine>ReLU"}),
        ("ReLU", {"module": "mine.layers"}),
        ("Conv2D", {"config": {"activation": CALL}}),
        ("Conv2D", {"config": {"activation": LAMBDA}}),
        ("Conv2D", {"config": {"kernel_initializer": PATH}}),
        ("Conv2D", {"config": {"filters": 2**31}}),
        ("Conv2D", {"config": {"dtype": HALF}}),
        ("InputLayer", {"config": {"batch_shape": [None, 2**40, 8, 3]}}),
    ],
)  # fmt: skip
def test_anything_but_numeric_layers_is_refused(path, tmp_path, where, change):
    def put(config):
        entry = layer(config, where)
        inner = entry["config"]
        entry.update(change)
        if where != "ReLU":
            entry["config"] = inner | change["config"]

    with pytest.raises(AuditError, match=r"bad\.keras"):
        load_keras(edit(path, tmp_path / "bad.keras", put))
    with pytest.raises(AuditError, match=r"bad\.keras"):
        KerasRuntime(tmp_path / "bad.keras", backend="torch", timeout=1)


def test_training_settings_are_left_out(path, pictures, tmp_path):
    def put(config):
        config["compile_config"] = {
            "optimizer": {"module": "os", "class_name": "system", "config": {"x": "y"}}
        }

    good = edit(path, tmp_path / "m.keras", put)
    torch.testing.assert_close(load_keras(good)(pictures), load_keras(path)(pictures))


def weights_with(path, target, change):
    import h5py

    members = parts(path)
    buffer = io.BytesIO(members["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        change(h5py, file)
    return write(target, members | {"model.weights.h5": buffer.getvalue()})


def links_out(h5py, file):
    file["more"] = h5py.ExternalLink("/etc/hostname", "/x")


def links_softly(h5py, file):
    file["more"] = h5py.SoftLink("/layers")


def lies_elsewhere(_h5py, file):
    file.create_dataset("more", (4,), "f4", external=[("/etc/hostname", 0, 16)])


def is_a_bomb(_h5py, file):
    file.create_dataset("more", (2**28,), "f4", chunks=(2**20,), compression="gzip")


@pytest.mark.parametrize("change", [links_out, links_softly, lies_elsewhere, is_a_bomb])
def test_weights_that_lead_elsewhere_are_refused(path, tmp_path, change):
    with pytest.raises(AuditError, match=r"weights|Keras file"):
        load_keras(weights_with(path, tmp_path / "bad.keras", change))


def test_bombs_escapes_and_legacy_files_are_refused(path, tmp_path):
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    bad = [
        bomb(tmp_path / "bomb.keras", path),
        write(tmp_path / "up.keras", parts(path) | {"../config.json": b"{}"}),
        write(tmp_path / "assets.keras", parts(path) | {"assets/x": b"{}"}),
        tmp_path / "old.h5",
        tmp_path / "nowhere.keras",
    ]
    for one in bad:
        with pytest.raises(AuditError, match=one.name):
            load_keras(one)


def test_damage_is_an_audit_error_or_harmless(path, pictures, tmp_path):
    for one in damaged(path, tmp_path, 30, seed=3):
        assert refused_or_harmless(load_keras, one, pictures)


def test_damaged_members_with_right_checksums_are_audit_errors(path, pictures, tmp_path):
    members, draw = parts(path), np.random.default_rng(4)
    for _ in range(40):
        content = bytearray(members["config.json"])
        content[int(draw.integers(len(content)))] = int(draw.integers(32, 127))
        one = write(tmp_path / "flipped.keras", members | {"config.json": bytes(content)})
        assert refused_or_harmless(load_keras, one, pictures)


def test_another_backend_is_an_audit_error(path, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(AuditError, match="KERAS_BACKEND=torch"):
        load_keras(path)


def test_the_runtime_answers_as_the_network(folder, pictures, tables):
    with KerasRuntime(folder / "table.keras") as runtime:
        answer = runtime.answer(pictures.numpy(), tables.numpy())
        twice = runtime.answer(pictures[2:3].numpy(), tables[2:3].numpy())
        with pytest.raises(AuditError, match="inputs"):
            runtime.answer(pictures.numpy())
    assert answer.dtype == np.float64
    assert runtime.output_step == 0.0
    assert available_backends()[0] in runtime.name
    np.testing.assert_allclose(
        answer, load_keras(folder / "table.keras")(pictures, tables), atol=1e-6
    )
    np.testing.assert_allclose(twice, answer[2:3], atol=1e-6)
    assert runtime._process.poll() is not None
    assert not Path(runtime._folder.name).exists()


def test_a_runtime_that_takes_too_long_is_ended(path):
    with pytest.raises(AuditError, match="gave no answer"):
        KerasRuntime(path, timeout=0.05)
