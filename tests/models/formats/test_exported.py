import copy
import json

import pytest
import torch
from hostile import bomb, damaged, parts, pickled, refused_or_harmless, write
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.programs import load_exported

pytestmark = pytest.mark.filterwarnings("ignore")
ANY = {0: torch.export.Dim("batch", min=1)}


def export(model, inputs, path, dynamic=None):
    torch.export.save(torch.export.export(model, inputs, dynamic_shapes=dynamic), path)
    return path


@pytest.fixture(params=["any", "one", "two"])
def saved(request, tiny, pictures, tmp_path):
    rows = {"any": 2, "one": 1, "two": 2}[request.param]
    dynamic = (ANY,) if request.param == "any" else None
    return export(tiny, (pictures[:rows],), tmp_path / "model.pt2", dynamic)


@pytest.fixture
def one(tiny, pictures, tmp_path):
    return export(tiny, (pictures[:1],), tmp_path / "model.pt2")


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_answers_are_those_of_the_original(saved, tiny, pictures, rows):
    torch.testing.assert_close(load_exported(saved)(pictures[:rows]), tiny(pictures[:rows]))


def test_gradients_agree_with_finite_differences(saved, pictures, check_gradient):
    check_gradient(load_exported(saved), pictures)


def test_hooks_see_maps_that_are_not_changed_afterwards(tiny, pictures, tmp_path, spatial):
    path = export(tiny, (pictures[:2],), tmp_path / "m.pt2", (ANY,))
    seen, answer = spatial(load_exported(path), pictures.requires_grad_(True))
    normalised = next(value for name, value in seen.items() if name.startswith("batch_norm"))
    assert torch.equal(normalised, tiny.norm(tiny.first(pictures)))
    assert normalised.min() < 0
    gradients = torch.autograd.grad(answer.sum(), list(seen.values()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_a_table_is_the_second_input(tiny_with_table, pictures, tables, tmp_path):
    path = export(tiny_with_table, (pictures, tables), tmp_path / "m.pt2", (ANY, ANY))
    network = load_exported(path)
    torch.testing.assert_close(network(pictures, tables), tiny_with_table(pictures, tables))
    with pytest.raises(AuditError, match="2 inputs"):
        network(pictures)


def test_in_place_changes_of_views_are_kept(pictures, tmp_path):
    class Views(nn.Module):
        def forward(self, x):
            y = x + 1
            y[:, 0].mul_(3)
            y.relu_()
            return y.mean((2, 3))

    path = export(Views(), (pictures[:2],), tmp_path / "m.pt2", (ANY,))
    torch.testing.assert_close(load_exported(path)(pictures), Views()(pictures))


def test_a_copy_answers_the_same(one, pictures):
    network = load_exported(one)
    assert torch.equal(copy.deepcopy(network)(pictures), network(pictures))


def test_training_mode_is_refused(tiny, pictures, tmp_path):
    with pytest.raises(AuditError, match=r"eval|changes"):
        load_exported(export(tiny.train(), (pictures,), tmp_path / "m.pt2"))(pictures)


def edit(path, target, change):
    members = parts(path)
    name = next(name for name in members if name.endswith(target))
    content = json.loads(members[name])
    change(content)
    return write(path.with_name("edited.pt2"), members | {name: json.dumps(content).encode()})


def test_pickled_parts_are_never_opened(one, pictures, tiny, tmp_path):
    marker = tmp_path / "marker"
    members = parts(one)
    sample = next(name for name in members if "sample_inputs" in name)
    weight = next(name for name in members if name.endswith("weight_0"))
    harmless = write(tmp_path / "a.pt2", members | {sample: pickled(marker)})
    torch.testing.assert_close(load_exported(harmless)(pictures), tiny(pictures))

    def as_pickle(content):
        next(iter(content["config"].values()))["use_pickle"] = True

    bad = edit(
        write(tmp_path / "b.pt2", members | {weight: pickled(marker)}),
        "weights_config.json",
        as_pickle,
    )
    with pytest.raises(AuditError, match="pickle"):
        load_exported(bad)
    assert not marker.exists()


def test_symbolic_sizes_are_never_evaluated(tiny, pictures, tmp_path):
    marker = tmp_path / "marker"
    path = export(tiny, (pictures[:2],), tmp_path / "m.pt2", (ANY,))
    members = parts(path)
    name = next(name for name in members if name.endswith("models/model.json"))
    text = (
        members[name]
        .decode()
        .replace("Symbol('", f"__import__('pathlib').Path('{marker}').touch() or Symbol('")
    )
    assert "pathlib" in text
    network = load_exported(write(tmp_path / "bad.pt2", members | {name: text.encode()}))
    torch.testing.assert_close(network(pictures), tiny(pictures))
    assert not marker.exists()


@pytest.mark.parametrize(
    "target",
    ["torch.ops.aten.from_file.default", "torch.ops.aten.save.default", "torch.ops.mine.op.default",
     "torch.ops.higher_order.cond", "os.system", "torch.ops.aten.rand.default", "builtins.eval",
     "torch.ops.aten._cudnn_init_dropout_state.default", "torch.ops.aten.nothing.default"],
)  # fmt: skip
def test_other_operators_are_refused_by_name(one, target):
    def change(content):
        content["graph_module"]["graph"]["nodes"][0]["target"] = target

    with pytest.raises(AuditError, match=target.split(".")[-2]):
        load_exported(edit(one, "models/model.json", change))


@pytest.mark.parametrize("sizes", [[2**40], [4, 3, 3, -3], [2**20, 2**20]])
def test_tensors_larger_than_their_bytes_are_refused(one, sizes):
    def change(content):
        meta = next(iter(content["config"].values()))["tensor_meta"]
        meta["sizes"] = [{"as_int": size} for size in sizes]
        meta["strides"] = [{"as_int": 0 if size == 2**40 else 1} for size in sizes]

    with pytest.raises(AuditError, match=r"bytes|negative|elements"):
        load_exported(edit(one, "weights_config.json", change))


def test_bombs_escapes_and_other_files_are_refused(one, tiny, tmp_path):
    torch.save(tiny.state_dict(), tmp_path / "state.pt2")
    bad = [
        bomb(tmp_path / "bomb.pt2", one),
        write(tmp_path / "up.pt2", parts(one) | {"model/../../x": b""}),
        tmp_path / "state.pt2",
        tmp_path / "nowhere.pt2",
    ]
    for path in bad:
        with pytest.raises(AuditError, match=path.name):
            load_exported(path)


def test_damage_is_an_audit_error_or_harmless(one, pictures, tmp_path):
    for path in damaged(one, tmp_path, 40, seed=3):
        assert refused_or_harmless(load_exported, path, pictures)


def test_damaged_json_with_right_checksums_is_an_audit_error(one, pictures, tmp_path):
    import numpy as np

    members, draw = parts(one), np.random.default_rng(4)
    names = [name for name in members if name.endswith(".json")]
    for number in range(90):
        name = names[number % len(names)]
        content = bytearray(members[name])
        content[int(draw.integers(len(content)))] = int(draw.integers(32, 127))
        path = write(tmp_path / "flipped.pt2", members | {name: bytes(content)})
        assert refused_or_harmless(load_exported, path, pictures)
