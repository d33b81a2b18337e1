"""The same store in a folder, in memory and behind the protocol of S3."""

import hashlib
import json
import os
import pickle
import uuid

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.evidence.engine import Engine
from auditkit.evidence.leases import machine
from auditkit.evidence.stage import Stage
from auditkit.evidence.store import Store

AB = "ab" * 32


@pytest.fixture(scope="module")
def bucket(monkeypatch_module):
    pytest.importorskip("s3fs", reason='pip install "pytest-auditkit[remote]"')
    server = pytest.importorskip("moto.server", reason="pip install moto[server]")
    running = server.ThreadedMotoServer("127.0.0.1", 0)
    running.start()
    host, port = running.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch_module.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("evidence")
    yield "s3://evidence"
    running.stop()


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(params=["folder", "file", "memory", "s3"])
def store(request, tmp_path):
    name = uuid.uuid4().hex
    if request.param == "folder":
        return Store(tmp_path / name)
    if request.param == "file":
        return Store(f"file://{tmp_path / name}")
    pytest.importorskip("fsspec", reason='pip install "pytest-auditkit[remote]"')
    if request.param == "memory":
        return Store(f"memory://{name}")
    return Store(f"{request.getfixturevalue('bucket')}/{name}")


def doubling():
    return lambda indices: {"x": np.array(indices) * 2}


def test_evidence_is_gathered_and_found_again(store):
    stage = Stage("doubling", {"stage": "d"}, [f"image {i}" for i in range(10)], 4)
    cold, warm = Engine(store), Engine(pickle.loads(pickle.dumps(store)))
    assert cold.gather(stage, doubling)["x"].tolist() == list(range(0, 20, 2))
    assert warm.gather(stage, doubling)["x"].tolist() == list(range(0, 20, 2))
    assert (cold.counts.computed, warm.counts.computed, warm.counts.found) == (3, 0, 3)
    assert {file.kind for file in store.stored()} == {"arrays", "sidecar"}


def test_one_of_two_has_the_lease(store):
    with store.lease(AB) as first, Store(store.place).lease(AB) as second:
        assert (first, second) == (True, False)
    with store.lease(AB) as again:
        assert again


def test_damage_is_as_good_as_nothing(store):
    store.write(AB, {"x": np.arange(3)}, {})
    arrays = store.sidecar(AB).arrays
    store.files.publish(arrays, store.files.read(arrays)[:-1])
    assert store.read(AB) is None
    store.write(AB, {"x": np.arange(3)}, {})
    assert store.read(AB)["x"].tolist() == [0, 1, 2]
    store.drop(AB)
    assert list(store.stored()) == []


def test_the_last_of_two_writers_wins_whole_and_leaves_the_others_arrays(store):
    """Who read the first sidecar a moment ago still finds what it names."""
    store.write(AB, {"x": np.arange(3)}, {"by": "first"})
    first = store.sidecar(AB)
    second = store.write(AB, {"x": np.arange(4)}, {"by": "second"})
    assert store.kept(AB) == second
    assert store.sidecar(AB).about["by"] == "second"
    assert store.read(AB)["x"].tolist() == [0, 1, 2, 3]
    assert hashlib.sha256(store.files.read(first.arrays)).hexdigest() == first.sha256


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"x" * 2_000_000])
def test_a_foreign_sidecar_is_as_good_as_nothing(store, content):
    store.write(AB, {"x": np.arange(3)}, {})
    store.files.publish(f"ab/{AB}.json", content)
    assert store.read(AB) is None
    assert store.kept(AB) is None


def test_the_lease_of_a_dead_process_is_taken_over(store, monkeypatch):
    monkeypatch.setattr("auditkit.evidence.remote_place.Remote.settling", 0.0)
    about = {"holder": "x", "machine": machine(), "pid": os.getpid(), "started": "1", "beat": 0}
    store.files.publish(f"leases/{AB}.json", json.dumps(about).encode())
    with store.lease(AB) as first, Store(store.place).lease(AB) as second:
        assert (first, second) == (True, False)


def test_a_place_that_does_not_answer_is_an_error_and_nothing_is_computed_again(monkeypatch):
    pytest.importorskip("s3fs", reason='pip install "pytest-auditkit[remote]"')
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(AuditError, match="s3://nowhere cannot be read"):
        Store("s3://nowhere").read(AB)
    s3fs.S3FileSystem.clear_instance_cache()


def test_an_unknown_protocol_is_one_clear_error():
    pytest.importorskip("fsspec", reason='pip install "pytest-auditkit[remote]"')
    with pytest.raises(AuditError, match="the store nowhere://x cannot be opened"):
        Store("nowhere://x").write(AB, {}, {})
