"""Whatever somebody or something leaves in a store, it is read whole and right, or not at all."""

import hashlib
import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save

from auditkit.evidence.store import Store
from auditkit.results.shard_format import (
    MOST_OF_SIDECAR,
    arrays_name_1,
    read_sidecar,
    sidecar_name,
    sidecar_text,
)

AB = "ab" * 32
ARRAYS = {"x": np.arange(6.0).reshape(2, 3)}


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "store")
    found.write(AB, ARRAYS, {"stage": "s"})
    return found


def rewrite(store, **changed):
    sidecar = store.root / sidecar_name(AB)
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), **changed}))


def test_every_truncation_of_either_file_is_as_good_as_nothing(store):
    for name in (sidecar_name(AB), store.sidecar(AB).arrays):
        path = store.root / name
        content = path.read_bytes()
        for cut in range(0, len(content), 7):
            path.write_bytes(content[:cut])
            assert store.read(AB) is None
        path.write_bytes(content)
        assert store.read(AB) is not None


def test_every_changed_byte_of_the_arrays_is_found(store):
    path = store.root / store.sidecar(AB).arrays
    content = path.read_bytes()
    for at in range(0, len(content), 5):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert store.read(AB) is None


@pytest.mark.parametrize(
    "said",
    [
        {"file": "../../secret.safetensors"},
        {"file": "/etc/passwd"},
        {"file": f"{AB}.safetensors"},
        {"sha256": "../" * 21 + "x"},
        {"sha256": 7},
        {"sha256": "A" * 64},
        {"size": -1},
        {"size": True},
        {"size": 10**30},
        {"size": "121"},
        {"format": 3},
        {"format": "2"},
        {"file": None},
    ],
)
def test_a_sidecar_is_not_believed(store, said):
    rewrite(store, **said)
    assert store.read(AB) is None
    assert store.kept(AB) is None


@pytest.mark.parametrize("bad", ["../../x", "ab/../x", "", "AB" * 32, "ab" * 33, "ab\n"])
def test_what_is_no_address_is_nowhere(store, bad):
    assert store.read(bad) is None
    assert store.kept(bad) is None


def test_a_sidecar_that_is_too_long_or_too_deep_is_not_read(store):
    path = store.root / sidecar_name(AB)
    path.write_text(json.dumps({**json.loads(path.read_text()), "more": "x" * MOST_OF_SIDECAR}))
    assert store.read(AB) is None
    path.write_text("[" * 100_000)
    assert store.read(AB) is None


def test_what_is_for_people_alone_never_makes_a_sidecar_too_long():
    text = sidecar_text(AB, "0" * 64, 5, {"identity": "x" * MOST_OF_SIDECAR})
    assert read_sidecar(AB, text).size == 5


@pytest.mark.parametrize(
    "content",
    [
        (2**63).to_bytes(8, "little") + b"{}",
        (17 << 20).to_bytes(8, "little") + b" " * (18 << 20),
        save({"x": np.zeros(2)})[:-1],
        b"",
        b"\x02" + bytes(7) + b"[]",
        b"\x80\x04K\x01.",
    ],
)
def test_arrays_that_are_none_are_nothing_though_their_digest_fits(store, content):
    digest = hashlib.sha256(content).hexdigest()
    text = sidecar_text(AB, digest, len(content), {})
    (store.root / read_sidecar(AB, text).arrays).write_bytes(content)
    (store.root / sidecar_name(AB)).write_bytes(text)
    assert store.read(AB) is None


def test_neither_pipes_nor_folders_make_anybody_wait(store):
    for name in (sidecar_name(AB), store.sidecar(AB).arrays):
        path = store.root / name
        content = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        assert store.read(AB) is None
        path.unlink()
        path.mkdir()
        assert store.read(AB) is None
        path.rmdir()
        path.write_bytes(content)


def test_more_bytes_than_were_said_are_not_read(store):
    path = store.root / store.sidecar(AB).arrays
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # a hole: nobody has such memory
    assert store.read(AB) is None
    assert store.kept(AB) is None


def test_a_shard_of_format_1_is_read(tmp_path):
    store, content = Store(tmp_path), save(ARRAYS)
    (tmp_path / "ab").mkdir()
    (tmp_path / arrays_name_1(AB)).write_bytes(content)
    about = {"stage": "s", "sha256": hashlib.sha256(content).hexdigest()}
    (tmp_path / sidecar_name(AB)).write_text(json.dumps(about))
    assert store.read(AB)["x"].tolist() == ARRAYS["x"].tolist()
    assert store.kept(AB).size == len(content)
    store.drop(AB)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_disk_that_fills_up_in_the_midst_keeps_what_was_there(store):
    script = (
        "import resource, sys, numpy as np\n"
        "from auditkit.evidence.store import Store\n"
        "from auditkit.errors import AuditError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    Store(sys.argv[1]).write(sys.argv[2], {'x': np.zeros(10_000)}, {})\n"
        "except AuditError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", script, str(store.root), AB]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "evidence cannot be written to" in done.stdout, done.stderr
    assert store.read(AB)["x"].tolist() == ARRAYS["x"].tolist()
    assert len([path for path in store.root.rglob("*") if path.is_file()]) == 2
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


def test_a_sidecar_that_cannot_be_written_leaves_nothing(store, monkeypatch):
    from auditkit.errors import AuditError
    from auditkit.evidence import places

    whole, calls = places._write, []

    def second_fails(handle, content):
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        whole(handle, content)

    monkeypatch.setattr(places, "_write", second_fails)
    with pytest.raises(AuditError, match="No space left on device"):
        store.write("cd" * 32, ARRAYS, {})
    assert not list((store.root / "cd").iterdir())
