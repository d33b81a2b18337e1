"""`auditkit store`: status, verify, prune."""

import json
import os
import time

import numpy as np
import pytest

from auditkit.cli import main
from auditkit.evidence.store import Store

A, B, C = (letter * 64 for letter in "abc")


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    for age, (address, code) in enumerate(((A, "other"), (B, None), (C, None))):
        about = {"identity": {"stage": "scores"}, "code": code or current()}
        made.write(address, {"x": np.zeros(1000)}, about)
        then = time.time() - 86400 * (10 - age)
        os.utime(made.root / address[:2] / f"{address}.safetensors", (then, then))
    return made


def current():
    from auditkit.evidence.identity import code_version

    return code_version()


def run(store, *words):
    return main(["store", *words, "--store", str(store.root)])


def there(store):
    return [address[0] for address in (A, B, C) if store.read(address) is not None]


def test_status_says_what_is_kept(store, capsys):
    with store.lease("d" * 64):
        assert run(store, "status") == 0
    told = capsys.readouterr().out
    assert "3 shards, 24." in told
    assert "scores                              3 shards" in told
    assert "of other versions of the code: 1 shards" in told
    assert "1 shards are being computed; 0 files are litter" in told


def test_verify_reads_everything(store, capsys):
    assert run(store, "verify") == 0
    assert "3 shards, 24." in capsys.readouterr().out
    file = store.root / "bb" / f"{B}.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert run(store, "verify") == 1
    assert f"{B}  scores: damaged" in capsys.readouterr().out
    assert run(store, "verify", "--delete") == 0
    assert not file.exists()
    assert there(store) == ["a", "c"]


@pytest.mark.parametrize(
    ("words", "stay"),
    [
        ([], ["a", "b", "c"]),
        (["--other-code"], ["b", "c"]),
        (["--older-than", "9.5d"], ["b", "c"]),
        (["--older-than", "8w"], ["a", "b", "c"]),
        (["--max-size", "20kB"], ["b", "c"]),
        (["--max-size", "9 kB"], ["c"]),
        (["--max-size", "0"], []),
        (["--max-size", "0", "--dry-run"], ["a", "b", "c"]),
    ],
)
def test_prune_removes_what_is_wished(store, capsys, words, stay):
    assert run(store, "prune", *words) == 0
    assert there(store) == stay
    expected = len(stay) if "--dry-run" not in words else 0
    assert f"{expected} shards stay" in capsys.readouterr().out


def test_what_is_held_or_listed_stays(store, tmp_path):
    (tmp_path / "run").mkdir()
    shard = {"address": C, "sha256": "0" * 64, "stage": "s", "content": "0", "images": 1, "size": 1}
    listed = {"store": "x", "code": "y", "shards": [shard]}
    (tmp_path / "run" / "evidence.json").write_text(json.dumps(listed))
    with store.lease(B) as held:
        assert held
        assert run(store, "prune", "--max-size", "0", "--keep", str(tmp_path / "run")) == 0
    assert there(store) == ["b", "c"]


def test_litter_goes_when_it_is_old(store):
    old, young = store.root / "aa" / ".half-old.json", store.root / "aa" / ".half-young.json"
    for file in (old, young):
        file.write_text("{")
    os.utime(old, (0, 0))
    orphan = store.root / "dd" / f"{'d' * 64}.safetensors"
    orphan.parent.mkdir()
    orphan.write_bytes(b"x")
    os.utime(orphan, (0, 0))
    own = store.root / "notes.txt"
    own.write_text("mine")
    assert run(store, "prune") == 0
    assert (old.exists(), young.exists(), orphan.exists(), own.exists()) == (
        False,
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prune", "--max-size", "lots"], "--max-size lots: a size such as"),
        (["prune", "--older-than", "5"], "--older-than 5: an age such as"),
        (["prune", "--keep", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_status_2(store, capsys, words, message):
    assert run(store, *words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_store_that_is_not_there_is_not_made(tmp_path, capsys):
    assert main(["store", "status", "--store", str(tmp_path / "none")]) == 2
    assert "there is no store" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
