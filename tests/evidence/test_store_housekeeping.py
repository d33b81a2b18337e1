"""What a store holds, what of it is damaged, and what may go without harm to whoever uses it."""

import json
import os
import time

import numpy as np
import pytest

from auditkit.cli import main
from auditkit.errors import AuditError
from auditkit.evidence.housekeeping import GRACE, Wish, inventory, remove, to_go
from auditkit.evidence.identity import code_version
from auditkit.evidence.store import Store

DAY = 86_400.0


def address(number):
    return f"{number:02x}" * 32


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "store")
    for number in range(6):
        identity = {"stage": "scores" if number < 4 else "heatmaps"}
        about = {"stage": f"m: {identity['stage']}", "identity": identity, "images": 2}
        found.write(address(number), {"x": np.full(100, number)}, about)
        used(found, number, days=number)
    return found


def used(store, number, days):
    """Have a shard last used so many days ago."""
    then = time.time() - days * DAY
    os.utime(store.root / f"{number:02x}" / f"{address(number)}.json", (then, then))


def aged(path, seconds=2 * GRACE):
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def run(capsys, store, *words):
    status = main(["store", *words, "--store", store.place])
    return status, capsys.readouterr().out


def there(store):
    return [number for number in range(6) if store.kept(address(number)) is not None]


def test_status_tells_shards_by_kind_and_what_is_not_whole(store, capsys):
    other = {"code": "0" * 64, "identity": {"stage": "old"}}
    store.write(address(9), {"x": np.zeros(1)}, other)
    (store.root / store.sidecar(address(0)).arrays).unlink()
    (store.root / "notes").mkdir()
    (store.root / "notes" / "mine.txt").write_text("x")
    with store.lease(address(8)):
        status, out = run(capsys, store, "status")
    assert status == 0
    assert "6 shards" in out
    assert "1 shards are being computed" in out
    assert "1 shards are broken" in out
    assert "of other versions of the code: 1 shards" in out
    assert "1 other files, such as notes/mine.txt" in out
    assert {shard.stage for shard in inventory(store).shards.values()} == {
        "scores",
        "heatmaps",
        "old",
    }


def test_every_sidecar_says_which_code_computed_it(store):
    assert store.sidecar(address(0)).about["code"] == code_version()


@pytest.mark.parametrize("where", ["arrays", "sidecar", "gone"])
def test_verify_names_what_is_damaged_and_removes_it_when_asked(store, capsys, where):
    assert run(capsys, store, "verify")[0] == 0
    arrays = store.root / store.sidecar(address(2)).arrays
    if where == "arrays":
        arrays.write_bytes(arrays.read_bytes()[:-1] + b"!")
    elif where == "gone":
        arrays.unlink()
    else:
        (store.root / "02" / f"{address(2)}.json").write_text("{}")
    status, out = run(capsys, store, "verify")
    assert status == 1
    assert address(2) in out
    assert address(3) not in out
    assert run(capsys, store, "verify", "--delete")[0] == 0
    assert run(capsys, store, "verify")[0] == 0
    assert there(store) == [0, 1, 3, 4, 5]


def test_what_was_not_used_for_longest_goes_first(store, capsys):
    size = inventory(store).size // 6
    run(capsys, store, "prune", "--max-size", f"{(3 * size + 50) / 1000}kB")
    assert there(store) == [0, 1, 2]


def test_reading_a_shard_is_using_it(store, capsys):
    store.read(address(5))
    run(capsys, store, "prune", "--older-than", "36h")
    assert there(store) == [0, 1, 5]


def test_a_dry_run_removes_nothing_and_what_a_run_lists_stays(store, capsys, tmp_path):
    shard = {"stage": "s", "content": "c", "images": 1, "size": 1, "sha256": "0" * 64}
    listed = {"store": "s", "code": "c", "shards": [{"address": address(4), **shard}]}
    (tmp_path / "evidence.json").write_text(json.dumps(listed))
    words = ("prune", "--older-than", "36h", "--keep", str(tmp_path))
    assert "3 shards" in run(capsys, store, *words, "--dry-run")[1]
    assert there(store) == list(range(6))
    assert "heatmaps" in run(capsys, store, *words)[1]
    assert there(store) == [0, 1, 4]


def test_shards_of_other_code_go_when_asked(store, capsys):
    store.write(address(3), {"x": np.zeros(1)}, {"code": "0" * 64})
    run(capsys, store, "prune")
    assert there(store) == list(range(6))
    run(capsys, store, "prune", "--other-code")
    assert there(store) == [0, 1, 2, 4, 5]


def test_what_somebody_computes_stays(store, capsys):
    with store.lease(address(5)):
        run(capsys, store, "prune", "--max-size", "0")
        assert there(store) == [5]
    found = inventory(store)
    with store.lease(address(5)):  # taken after the store was looked through
        assert remove(store, found, to_go(found, Wish(largest=0))).held == 1
    assert there(store) == [5]


def test_litter_goes_when_it_is_old_and_foreign_files_never(store, capsys):
    first = store.sidecar(address(1)).arrays
    store.write(address(1), {"x": np.ones(3)}, {})
    old = [aged(store.root / first), store.root / "01" / f".half-{address(1)}.json-01"]
    old[1].write_text("{")
    aged(old[1])
    young = store.root / "01" / f".half-{address(1)}.json-02"
    young.write_text("{")
    foreign = store.root / "01" / "mine.safetensors"
    foreign.write_text("x")
    aged(foreign)
    about = {"holder": "x", "machine": "elsewhere", "pid": 1, "started": "7", "beat": 0}
    store.files.publish(f"leases/{address(7)}.json", json.dumps(about).encode())
    store.files.publish(f"leases/{address(8)}.json", json.dumps(about).encode())
    aged(store.root / "leases" / f"{address(8)}.json")
    out = run(capsys, store, "prune")[1]
    assert "2 files of litter and 1 dead leases removed" in out
    assert [path.exists() for path in (*old, young, foreign)] == [False, False, True, True]
    assert [path.stem for path in (store.root / "leases").iterdir()] == [address(7)]
    assert there(store) == list(range(6))


def test_old_arrays_whose_sidecar_came_meanwhile_stay(store):
    """Between looking through and removing, a shard was computed again."""
    arrays = {"x": np.full(100, 2)}
    (store.root / "02" / f"{address(2)}.json").unlink()
    aged(store.root / "02" / next(p.name for p in (store.root / "02").glob("*.safetensors")))
    found = inventory(store)
    assert len(found.orphans) == 1
    store.write(address(2), arrays, {})
    assert remove(store, found, []).files == 0
    assert there(store) == list(range(6))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["prune", "--max-size", "much"], "a size such as"),
        (["prune", "--older-than", "long"], "an age such as"),
        (["status", "--store", "nowhere"], "there is no store"),
    ],
)
def test_what_cannot_be_understood_is_said(words, told, capsys):
    assert main(["store", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_store_that_cannot_be_written_is_not_pruned_silently(store, monkeypatch):
    def refuse(*_arguments):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("auditkit.evidence.places._new", refuse)
    found = inventory(store)
    with pytest.raises(AuditError, match="Read-only file system"):
        remove(store, found, to_go(found, Wish(largest=0)))
