"""Which GPU an xdist worker sees."""

import os

import pytest

from auditkit.plugin.pinning import VISIBLE, pin_gpu, pinned, present, visible

UUIDS = ["GPU-8932f937", "GPU-7c1d2e3f", "MIG-b52f5af7"]


@pytest.mark.parametrize(
    ("setting", "count", "found"),
    [
        (None, 3, ["0", "1", "2"]),
        (None, 0, []),
        ("2,5", 8, ["2", "5"]),
        (" 2, 5 ", 8, ["2", "5"]),
        (",".join(UUIDS), 8, UUIDS),
        ("", 8, []),
        ("-1", 8, []),
        ("3,-1,4", 8, ["3"]),
        ("3,,4", 8, ["3"]),
    ],
)
def test_what_cuda_shows(setting, count, found):
    assert visible(setting, count) == found


def test_workers_take_turns():
    gpus = ["4", "7", "9"]
    assert [pinned(f"gw{n}", "auto", gpus) for n in range(5)] == ["4", "7", "9", "4", "7"]
    assert pinned("gw2", "cuda", UUIDS) == UUIDS[2]


@pytest.mark.parametrize(
    ("worker", "device", "gpus"),
    [
        ("gw1", "cpu", ["0", "1"]),
        ("gw1", "mps", ["0", "1"]),
        ("gw1", "auto", []),
        ("gw1", "auto", ["3"]),
        ("left", "auto", ["0", "1"]),
        ("", "auto", ["0", "1"]),
    ],
)
def test_nothing_is_chosen_where_there_is_no_choice(worker, device, gpus):
    assert pinned(worker, device, gpus) is None


def test_gpus_are_counted_by_their_device_files(tmp_path):
    for name in ("nvidia0", "nvidia11", "nvidiactl", "nvidia-uvm", "nvidia-caps", "null"):
        (tmp_path / name).touch()
    assert present(tmp_path) == 2
    assert present(tmp_path / "nowhere") == 0


def test_the_setting_is_changed_only_where_a_gpu_was_chosen(monkeypatch):
    monkeypatch.setenv(VISIBLE, "2,5")
    pin_gpu("gw1", "cpu")
    assert pinned_now() == "2,5"
    pin_gpu("gw1", "auto")
    assert pinned_now() == "5"
    monkeypatch.setenv(VISIBLE, "")
    pin_gpu("gw1", "auto")
    assert pinned_now() == ""


def pinned_now():
    return os.environ[VISIBLE]
