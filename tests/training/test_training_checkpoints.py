import pytest
import torch

from auditkit.errors import AuditError
from auditkit.training import checkpoint

GROUPS = ("weights", "average")


def write(out, step, value=1.0):
    tensors = {group: {"w": torch.full((3,), value + step)} for group in GROUPS}
    return checkpoint.write(out, step, tensors, {"files": list(GROUPS)})


def test_the_newest_of_two_kept_is_found_and_read(tmp_path):
    for step in (5, 10, 1000000):
        write(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000010", "step-1000000"]
    newest = checkpoint.newest(tmp_path)
    assert checkpoint.read_state(newest)["step"] == 1000000
    assert checkpoint.read_tensors(newest, "average")["w"].tolist() == [1000001.0] * 3


@pytest.mark.parametrize("name", ["weights.safetensors", "average.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, name):
    write(tmp_path, 1)
    path = write(tmp_path, 2) / name
    path.write_bytes(path.read_bytes()[:-1])
    assert checkpoint.newest(tmp_path).name == "step-000001"
    path.unlink()
    assert checkpoint.newest(tmp_path).name == "step-000001"


def test_nothing_there_is_none(tmp_path):
    (tmp_path / ".half-step-000003").mkdir()
    assert checkpoint.newest(tmp_path) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_never_written(tmp_path, value):
    write(tmp_path, 1)
    with pytest.raises(AuditError, match="after step 2, weights of w are not finite"):
        write(tmp_path, 2, value)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    write(tmp_path, 1)
    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(AuditError, match="free some space"):
        write(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]
