"""The store: whole or not at all, found by content, safe between processes."""

import json
import resource
import subprocess
import sys
import threading

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.evidence.engine import Engine, Stage
from auditkit.evidence.identity import address, seed_of
from auditkit.evidence.store import Store

ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "n": np.array([1, 2])}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_what_was_written_is_read(store):
    store.write("ab12", ARRAYS, {"stage": "s"})
    found = store.read("ab12")
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }
    assert store.read("ab13") is None


def files_of(store, address):
    """A shard's arrays and its sidecar."""
    arrays = store.sidecar(address).arrays
    return store.root / arrays, store.root / address[:2] / f"{address}.json"


@pytest.mark.parametrize("damage", ["flip", "cut", "no sidecar", "bad sidecar", "empty"])
def test_damage_is_detected(store, damage):
    store.write("ab12", ARRAYS, {})
    data, sidecar = files_of(store, "ab12")
    if damage == "flip":
        content = bytearray(data.read_bytes())
        content[-1] ^= 1
        data.write_bytes(content)
    elif damage == "cut":
        data.write_bytes(data.read_bytes()[:-3])
    elif damage == "empty":
        data.write_bytes(b"")
    elif damage == "no sidecar":
        sidecar.unlink()
    else:
        sidecar.write_text("[1]")
    assert store.read("ab12") is None
    store.write("ab12", ARRAYS, {})
    assert store.read("ab12") is not None


def test_a_full_disk_leaves_nothing_half_written(store):
    script = (
        "import resource, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from auditkit.evidence.store import Store\n"
        "from auditkit.errors import AuditError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    Store(Path(sys.argv[1])).write('ab12', {'x': np.zeros(10_000)}, {})\n"
        "except AuditError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(store.root)], capture_output=True, text=True
    )
    assert "evidence cannot be written to" in done.stdout, done.stderr
    assert "--audit-store" in done.stdout
    assert store.read("ab12") is None
    assert [path for path in store.root.rglob("*") if path.is_file()] == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store")
    with pytest.raises(AuditError, match="evidence"), store.lease("ab"):
        pass


class Counting:
    """Doubles indices, and counts which it was asked for."""

    def __init__(self):
        self.asked = []

    def worker(self):
        def compute(indices):
            self.asked += list(indices)
            return {"x": np.array(indices) * 2.0}

        return compute


def stage(n=10, shard=4, **identity):
    return Stage("doubling", {"stage": "d", **identity}, [f"image {i}" for i in range(n)], shard)


def test_evidence_is_joined_in_order_and_found_again(store):
    first = Counting()
    engine = Engine(store, threads=3)
    assert engine.gather(stage(), first.worker)["x"].tolist() == [2.0 * i for i in range(10)]
    assert sorted(first.asked) == list(range(10))
    second = Counting()
    engine = Engine(store)
    assert engine.gather(stage(), second.worker)["x"].tolist() == [2.0 * i for i in range(10)]
    assert second.asked == []
    assert (engine.counts.found, engine.counts.computed) == (3, 0)


def test_only_the_lost_shard_is_computed_again(store):
    Engine(store).gather(stage(), Counting().worker)
    where, indices = list(stage().shards())[1]
    files_of(store, where)[0].write_bytes(b"damaged")
    again = Counting()
    assert Engine(store).gather(stage(), again.worker)["x"].tolist() == [2.0 * i for i in range(10)]
    assert again.asked == indices


def test_another_parameter_is_other_evidence(store):
    Engine(store).gather(stage(radius=5), Counting().worker)
    other = Counting()
    Engine(store).gather(stage(radius=6), other.worker)
    assert len(other.asked) == 10


def test_two_engines_share_the_work(store):
    first, second = Counting(), Counting()
    found = []

    def gather(counting):
        found.append(Engine(store).gather(stage(n=40, shard=2), counting.worker)["x"].tolist())

    threads = [threading.Thread(target=gather, args=(c,)) for c in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] == [2.0 * i for i in range(40)]
    assert sorted(first.asked + second.asked) == list(range(40))


def test_an_error_in_one_shard_ends_the_stage_and_keeps_the_others(store):
    def worker():
        def compute(indices):
            if 5 in indices:
                raise AuditError("image 5 is broken")
            return {"x": np.array(indices)}

        return compute

    with pytest.raises(AuditError, match="image 5"):
        Engine(store).gather(stage(), worker)
    kept = list(store.root.rglob("*.json"))
    assert len(kept) >= 1
    assert all(json.loads(path.read_text())["stage"] == "doubling" for path in kept)


def test_addresses_and_seeds_depend_on_content_only():
    assert address({"a": 1, "b": [2]}) == address({"b": [2], "a": 1})
    assert address({"a": 1}) != address({"a": 2})
    assert seed_of("m", {"k": 1}, "digest", 0) == seed_of("m", {"k": 1}, "digest", 0)
    assert len({seed_of("m", "digest", repeat) for repeat in range(100)}) == 100
