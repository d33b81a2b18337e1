"""What a run's verdicts rest on is listed whole, with the digests of the very files, cold or warm."""

import hashlib
import json
import threading

import numpy as np

from auditkit.evidence.engine import Engine, Stage
from auditkit.evidence.listing import listed_evidence
from auditkit.evidence.store import Store
from auditkit.results.evidence_list import evidence_list_json, read_evidence_list


def doubling():
    return lambda indices: {"x": np.array(indices) * 2.0}


def stage(n=10, shard=3, **more):
    return Stage("doubling", {"stage": "d", **more}, [f"image {i}" for i in range(n)], shard)


def listed(engine):
    return [shard.model_dump() for shard in sorted(engine.used.values(), key=lambda s: s.address)]


def test_every_shard_is_listed_with_the_digest_of_its_file(tmp_path):
    engine = Engine(Store(tmp_path), threads=3)
    engine.gather(stage(), doubling)
    files = {path.stem.partition("-")[0]: path for path in tmp_path.rglob("*.safetensors")}
    assert set(files) == set(engine.used)
    for address, shard in engine.used.items():
        content = files[address].read_bytes()
        assert (shard.sha256, shard.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert sorted(shard.images for shard in engine.used.values()) == [1, 3, 3, 3]


def test_found_shards_are_listed_as_computed_ones_are(tmp_path):
    cold, warm = Engine(Store(tmp_path)), Engine(Store(tmp_path))
    cold.gather(stage(), doubling)
    warm.gather(stage(), doubling)
    assert warm.counts.computed == 0
    assert listed(cold) == listed(warm)


def test_all_ways_in_are_noted(tmp_path):
    Engine(Store(tmp_path)).gather(stage(), doubling)
    ensured, read, asked = (Engine(Store(tmp_path)) for _ in range(3))
    ensured.ensure(stage(), doubling, [[0, 1, 2]])
    assert read.shard(stage(), [3, 4, 5]) is not None
    assert asked.missing(stage(12)) == [[9, 10, 11]]
    assert [len(engine.used) for engine in (ensured, read, asked)] == [1, 1, 3]


def test_what_a_found_shard_was_made_of_is_listed_though_it_is_not_read(tmp_path):
    pictures = stage(kind="picture")
    Engine(Store(tmp_path)).gather(pictures, doubling)
    cold = Engine(Store(tmp_path))
    cold.ensure(pictures, doubling, cold.missing(stage(), pictures))
    cold.gather(stage(), doubling)
    warm = Engine(Store(tmp_path))
    assert warm.missing(stage(), pictures) == []
    assert listed(cold) == listed(warm)
    assert len(warm.used) == 8


def test_a_shard_is_told_once_and_again_if_it_changed(tmp_path):
    engine = Engine(Store(tmp_path))
    engine.gather(stage(), doubling)
    assert len(engine.news()) == 4
    engine.gather(stage(), doubling)
    assert engine.news() == []
    where = stage().where([0, 1, 2])
    engine.store.drop(where)
    engine.store.write(where, {"x": np.zeros(3)}, {})
    engine.gather(stage(), doubling)
    assert [shard.address for shard in engine.news()] == [where]


def test_nothing_is_lost_or_told_twice_between_threads(tmp_path):
    engine, told, stop = Engine(Store(tmp_path), threads=4), [], threading.Event()

    def ask():
        while not stop.is_set():
            told.extend(engine.news())

    asking = threading.Thread(target=ask)
    asking.start()
    engine.gather(stage(100, 2), doubling)
    stop.set()
    asking.join()
    told += engine.news()
    assert len(told) == len({shard.address for shard in told}) == 50


def test_content_is_of_images_and_parameters_alone(tmp_path, monkeypatch):
    before = stage().where([0, 1]), stage().content([0, 1])
    monkeypatch.setattr("auditkit.evidence.stage.code_version", lambda: "another")
    assert stage().where([0, 1]) != before[0]
    assert stage().content([0, 1]) == before[1]
    assert stage(shard=5).content([0, 1]) == before[1]
    others = [stage(more="x").content([0, 1]), stage().content([0]), stage().content([1, 0])]
    assert len({before[1], *others}) == 4


def test_a_timed_machine_is_no_part_of_the_content():
    one, other = (stage(parameters={"rows": 3, "machine": name}) for name in ("a", "b"))
    assert one.where([0]) != other.where([0])
    assert one.content([0]) == other.content([0])


def test_the_list_is_canonical_and_is_read_back(tmp_path):
    engine = Engine(Store(tmp_path / "store"))
    engine.gather(stage(), doubling)
    folder = tmp_path / "reports" / "run"
    folder.mkdir(parents=True)
    shards = list(engine.used.values())
    found = [listed_evidence(order, engine.store, folder) for order in (shards, shards[::-1] * 2)]
    assert found[0] == found[1]
    assert found[0].store == "../../store"
    file = folder / "evidence.json"
    file.write_text(evidence_list_json(found[0]))
    assert read_evidence_list(file) == found[0]
    assert list(json.loads(file.read_text())) == ["code", "shards", "store"]
