import copy

import pytest
import torch
from hostile import bomb, damaged, parts, pickled, refused_or_harmless, write
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.programs import load_torchscript

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=["trace", "script"])
def saved(request, tiny, pictures, tmp_path):
    program = (
        torch.jit.trace(tiny, pictures[:1]) if request.param == "trace" else torch.jit.script(tiny)
    )
    path = tmp_path / "model.pt"
    program.save(str(path))
    return path


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_answers_are_those_of_the_original(saved, tiny, pictures, rows):
    network = load_torchscript(saved)
    assert torch.equal(network(pictures[:rows]), tiny(pictures[:rows]))
    assert not network.training


def test_an_input_is_not_changed_by_in_place_operators(pictures, tmp_path):
    class InPlace(nn.Module):
        def forward(self, x):
            y = x.relu_()
            return (y + x).mean((2, 3))

    torch.jit.script(InPlace()).save(str(tmp_path / "m.pt"))
    given = pictures.clone()
    answer = load_torchscript(tmp_path / "m.pt")(given)
    assert torch.equal(given, pictures)
    assert torch.equal(answer, 2 * pictures.relu().mean((2, 3)))


def test_gradients_agree_with_finite_differences(saved, pictures, check_gradient):
    check_gradient(load_torchscript(saved), pictures)


def test_hooks_see_maps_that_lead_to_the_answer(saved, tiny, pictures, spatial):
    seen, answer = spatial(load_torchscript(saved), pictures.requires_grad_(True))
    first = next(iter(seen.values()))
    assert torch.equal(first, tiny.first(pictures))
    assert [v.shape for v in seen.values()].count(torch.Size([5, 4, 4, 4])) >= 5
    gradients = torch.autograd.grad(answer.sum(), list(seen.values()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_loops_and_branches_on_the_input_run(pictures, tmp_path):
    class Flow(nn.Module):
        def forward(self, x):
            parts = []
            for i in range(x.shape[1]):
                row = x[:, i].mean((1, 2))
                parts.append(row if i % 2 == 0 else -row)
            if x.shape[2] > 4:
                return torch.stack(parts, 1)
            return torch.stack(parts[:2], 1)

    torch.jit.script(Flow()).save(str(tmp_path / "m.pt"))
    network = load_torchscript(tmp_path / "m.pt")
    torch.testing.assert_close(network(pictures), Flow()(pictures))
    torch.testing.assert_close(network(pictures[..., :3, :3]), Flow()(pictures[..., :3, :3]))


def test_endless_loops_end(pictures, tmp_path):
    class Endless(nn.Module):
        def forward(self, x):
            while x.shape[0] > 0:
                x = x + 1
            return x

    torch.jit.script(Endless()).save(str(tmp_path / "m.pt"))
    with pytest.raises(AuditError, match="loop"):
        load_torchscript(tmp_path / "m.pt")(pictures[:1, :1, :1, :1])


def test_a_table_is_the_second_input(tiny_with_table, pictures, tables, tmp_path):
    torch.jit.trace(tiny_with_table, (pictures, tables)).save(str(tmp_path / "m.pt"))
    network = load_torchscript(tmp_path / "m.pt")
    assert torch.equal(network(pictures, tables), tiny_with_table(pictures, tables))
    with pytest.raises(AuditError, match="2 inputs"):
        network(pictures)


def test_a_program_traced_for_one_picture_answers_any_batch(pictures, tmp_path):
    class Fixed(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)).reshape(1, 3)

    torch.jit.trace(Fixed(), pictures[:1]).save(str(tmp_path / "m.pt"))
    with_many = load_torchscript(tmp_path / "m.pt")(pictures)
    assert torch.equal(with_many, pictures.mean((2, 3)))


def test_a_copy_answers_the_same(saved, pictures):
    network = load_torchscript(saved)
    assert torch.equal(copy.deepcopy(network)(pictures), network(pictures))


def test_training_mode_that_was_traced_is_refused(tiny, pictures, tmp_path):
    torch.jit.trace(tiny.train(), pictures, check_trace=False).save(str(tmp_path / "m.pt"))
    with pytest.raises(AuditError, match="eval"):
        load_torchscript(tmp_path / "m.pt")(pictures)


class Saves(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def forward(self, x):
        torch.ops.aten.save(x, self.path)
        return x.mean((2, 3))


class Reads(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def forward(self, x):
        return x.mean((2, 3)) + torch.from_file(self.path, shared=True, size=3)


class SavesWhenLoaded(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def forward(self, x):
        return x.mean((2, 3))

    @torch.jit.export
    def __getstate__(self):
        return (self.path, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]):
        torch.ops.aten.save(torch.zeros(1), state[0])
        self.path = state[0]
        self.training = state[1]


@pytest.mark.parametrize("kind", [Saves, Reads, SavesWhenLoaded])
def test_programs_that_touch_files_are_refused_before_anything_runs(kind, tmp_path):
    marker = tmp_path / "marker"
    torch.jit.script(kind(str(marker))).save(str(tmp_path / "m.pt"))
    with pytest.raises(AuditError, match=r"m\.pt"):
        load_torchscript(tmp_path / "m.pt")
    assert not marker.exists()


def test_a_program_that_writes_while_it_loads_is_a_true_danger(tmp_path):
    """PyTorch's own reader runs it: the test above would pass by accident otherwise."""
    marker = tmp_path / "marker"
    torch.jit.script(SavesWhenLoaded(str(marker))).save(str(tmp_path / "m.pt"))
    torch.jit.load(str(tmp_path / "m.pt"))
    assert marker.exists()


@pytest.mark.parametrize("what", ["random", "custom", "quantised"])
def test_other_operators_are_refused_by_name(what, pictures, tmp_path):
    class Random(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) + torch.rand(3)

    class Custom(nn.Module):
        def forward(self, x):
            return torch.ops.quantized.linear_dynamic_fp16_unpacked_weight(
                x.mean((2, 3)), torch.eye(3), None
            )

    if what == "quantised":
        float_model = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).eval()
        model = torch.ao.quantization.quantize_dynamic(float_model, {nn.Linear})
        torch.jit.trace(model, pictures).save(str(tmp_path / "m.pt"))
    else:
        torch.jit.script(Random() if what == "random" else Custom()).save(str(tmp_path / "m.pt"))
    with pytest.raises(AuditError, match=r"rand|quantized|quantised"):
        load_torchscript(tmp_path / "m.pt")


def test_pickles_of_python_objects_are_not_loaded(saved, tmp_path):
    marker = tmp_path / "marker"
    members = parts(saved)
    name = next(name for name in members if name.endswith("data.pkl"))
    for content in (pickled(marker), b"cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR."):
        with pytest.raises(AuditError):
            load_torchscript(write(tmp_path / "bad.pt", members | {name: content}))
    assert not marker.exists()


def test_tensors_larger_than_their_bytes_are_refused(saved, tmp_path):
    members = parts(saved)
    name = next(name for name in members if name.endswith("data/0"))
    with pytest.raises(AuditError, match="bytes"):
        load_torchscript(write(tmp_path / "bad.pt", members | {name: b"1234"}))


def test_bombs_escapes_and_other_files_are_refused(saved, tiny, tmp_path):
    torch.save(tiny.state_dict(), tmp_path / "state.pt")
    (tmp_path / "text.pt").write_text("hello")
    bad = [
        bomb(tmp_path / "bomb.pt", saved),
        write(tmp_path / "up.pt", parts(saved) | {"model/../../x": b""}),
        tmp_path / "state.pt",
        tmp_path / "text.pt",
        tmp_path / "nowhere.pt",
    ]
    for path in bad:
        with pytest.raises(AuditError, match=path.name):
            load_torchscript(path)


def test_damage_is_an_audit_error_or_harmless(saved, pictures, tmp_path):
    for path in damaged(saved, tmp_path, 40, seed=3):
        assert refused_or_harmless(load_torchscript, path, pictures)


def test_damaged_members_with_right_checksums_are_audit_errors(saved, pictures, tmp_path):
    """Flips inside of pickles and source text, the archive written anew around them."""
    import numpy as np

    members, draw = parts(saved), np.random.default_rng(4)
    names = [n for n in members if n.endswith((".pkl", ".py")) and "debug" not in n]
    for number in range(80):
        name = names[number % len(names)]
        content = bytearray(members[name])
        if not content:
            continue
        content[int(draw.integers(len(content)))] ^= int(draw.integers(1, 256))
        path = write(tmp_path / "flipped.pt", members | {name: bytes(content)})
        assert refused_or_harmless(load_torchscript, path, pictures)
