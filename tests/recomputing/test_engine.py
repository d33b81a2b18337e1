"""A forged shard is named itself, and not what was computed from the genuine one."""

import numpy as np
import pytest
from safetensors.numpy import save

from auditkit.evidence.engine import Engine, Stage
from auditkit.evidence.listing import listed_evidence
from auditkit.evidence.store import Store
from auditkit.recomputing.engine import Recomputing
from auditkit.recomputing.record import Record
from auditkit.recomputing.tolerance import tolerance

N = 7


def stage(name, shard=3):
    return Stage(name, {"stage": name}, [f"image {i}" for i in range(N)], shard)


class World:
    """Scores of images, and heat that is computed from all scores, as counterfactuals are."""

    def __init__(self, engine, shard=3):
        self.engine, self.shard, self.made = engine, shard, []

    def scores(self):
        return self.engine.gather(stage("scores", self.shard), lambda: self._scores)["score"]

    def heat(self):
        own = self.scores()

        def compute(indices):
            self.made.append(("heat", list(indices)))
            return {"map": own[list(indices)] * 100 + own.sum()}

        return self.engine.gather(stage("heat", self.shard), lambda: compute)["map"]

    def _scores(self, indices):
        self.made.append(("scores", list(indices)))
        return {"score": np.array([(i + 1) / 10 for i in indices])}


@pytest.fixture
def recorded(tmp_path):
    engine = Engine(Store(tmp_path / "store"))
    World(engine).heat()
    return listed_evidence(engine.used.values(), engine.store, tmp_path)


def look(tmp_path, listed, sample=None, *, store=True, shard=3):
    where = Store(tmp_path / "store") if store else None
    record = Record(tmp_path, None, "", listed, where)
    addresses = [s.address for s in listed.shards if sample is None or s.address in sample]
    scratch = Store(tmp_path / f"scratch-{np.random.default_rng().integers(1 << 60)}")
    engine = Recomputing(
        scratch,
        record=record,
        sample=frozenset(addresses),
        allowed=tolerance("float32", same_device=True),
    )
    return World(engine, shard), engine, record


def forge(tmp_path, listed, address, change):
    """Replace a shard as somebody does who knows all hashes; returns the list made anew."""
    store = Store(tmp_path / "store")
    arrays = {name: change(array) for name, array in store.read(address).items()}
    kept = store.write(address, arrays, store.sidecar(address).about)
    update = {"sha256": kept.sha256, "size": kept.size}
    shards = [s.model_copy(update=update if s.address == address else {}) for s in listed.shards]
    return listed.model_copy(update={"shards": shards})


def states(engine):
    return {outcome.address: outcome.state for outcome in engine.outcomes.values()}


def test_an_untouched_record_is_confirmed_bit_for_bit(tmp_path, recorded):
    world, engine, record = look(tmp_path, recorded)
    world.heat()
    assert len(recorded.shards) == 6
    assert states(engine) == {shard.address: "bit-equal" for shard in recorded.shards}
    assert not engine.remarks
    assert not record.remarks
    assert not engine.substituted


def test_only_the_sample_is_computed(tmp_path, recorded):
    one = stage("heat").where([3, 4, 5])
    world, engine, _ = look(tmp_path, recorded, {one})
    genuine = World(Engine(Store(tmp_path / "store"))).heat()
    assert world.heat().tolist() == genuine.tolist()
    world.heat()
    assert world.made == [("heat", [3, 4, 5])]
    assert states(engine) == {one: "bit-equal"}


@pytest.mark.parametrize("name", ["scores", "heat"])
def test_a_forged_shard_alone_is_named(tmp_path, recorded, name):
    address = stage(name).where([3, 4, 5])
    listed = forge(tmp_path, recorded, address, lambda array: array + 0.01)
    world, engine, _ = look(tmp_path, listed)
    world.heat()
    assert [a for a, state in states(engine).items() if state != "bit-equal"] == [address]
    assert states(engine)[address] == "differs"
    assert engine.substituted


def test_what_was_made_from_a_forged_shard_is_named_with_it(tmp_path, recorded):
    source = stage("scores").where([3, 4, 5])
    listed = forge(tmp_path, recorded, source, lambda array: array + 0.01)
    for indices in ([0, 1, 2], [3, 4, 5], [6]):
        moved = 0.03 + (1.0 if indices == [3, 4, 5] else 0.0)
        address = stage("heat").where(indices)
        listed = forge(tmp_path, listed, address, lambda array, moved=moved: array + moved)
    world, engine, _ = look(tmp_path, listed)
    world.heat()
    assert sorted(states(engine).values()).count("differs") == 4


def test_rounding_is_passed_on_as_it_was_recorded(tmp_path, recorded):
    address = stage("scores").where([0, 1, 2])
    listed = forge(tmp_path, recorded, address, lambda array: array + 1e-7)
    world, engine, _ = look(tmp_path, listed)
    assert world.scores()[0] == 0.1 + 1e-7
    assert states(engine)[address] == "within tolerance"


def test_a_file_that_is_not_the_listed_one_is_named_though_its_sidecar_fits(tmp_path, recorded):
    address = stage("scores").where([0, 1, 2])
    forge(tmp_path, recorded, address, lambda array: array + 0.2)
    world, _, record = look(tmp_path, recorded, set())
    assert world.scores()[0] == 0.1
    assert [remark.where.partition(" ")[0] for remark in record.remarks] == [address]
    assert "not the file that evidence.json lists" in record.remarks[0].text


def test_a_damaged_file_is_named(tmp_path, recorded):
    address = stage("scores").where([0, 1, 2])
    store = Store(tmp_path / "store")
    (store.root / store.sidecar(address).arrays).write_bytes(save({"score": np.zeros(3)}))
    world, _, record = look(tmp_path, recorded, set())
    world.scores()
    assert "does not match the sha256 beside it" in record.remarks[0].text
    assert record.remarks[0].kind == "differs"


def test_without_the_arrays_everything_is_computed_and_held_to_the_digests(tmp_path, recorded):
    world, engine, record = look(tmp_path, recorded, set(), store=False)
    world.heat()
    assert set(states(engine).values()) == {"bit-equal"}
    assert len(engine.outcomes) == 6
    assert not any(outcome.sampled for outcome in engine.outcomes.values())
    assert record.remarks == []


def test_without_the_arrays_other_bits_are_open_and_not_called_a_difference(tmp_path, recorded):
    address = stage("scores").where([0, 1, 2])
    listed = forge(tmp_path, recorded, address, lambda array: array + 0.2)
    world, engine, _ = look(tmp_path, listed, store=False)
    world.scores()
    assert states(engine)[address] == "not recomputed"
    assert "other bits" in engine.outcomes[address].reason


@pytest.mark.parametrize("shard", [1, 2, 5, 100])
def test_another_size_of_shards_does_not_matter(tmp_path, recorded, shard):
    world, engine, _ = look(tmp_path, recorded, shard=shard)
    world.heat()
    assert list(states(engine).values()) == ["bit-equal"] * 6


def test_another_version_of_the_code_does_not_matter(tmp_path, recorded, monkeypatch):
    monkeypatch.setattr("auditkit.evidence.stage.code_version", lambda: "another")
    world, engine, _ = look(tmp_path, recorded)
    world.heat()
    assert states(engine) == {shard.address: "bit-equal" for shard in recorded.shards}


def test_evidence_that_is_not_listed_is_computed_and_named(tmp_path, recorded):
    address = stage("heat").where([6])
    shards = [shard for shard in recorded.shards if shard.address != address]
    listed = recorded.model_copy(update={"shards": shards})
    world, engine, _ = look(tmp_path, listed, set())
    world.heat()
    assert [remark.where for remark in engine.remarks] == ["heat, images 7 to 7"]
    assert world.made == [("heat", [6])]


def test_what_cannot_be_computed_here_is_named_and_read_from_the_record(tmp_path, recorded):
    _, engine, _ = look(tmp_path, recorded)

    def failing():
        raise ImportError("no such runtime here")

    found = engine.gather(stage("scores"), failing)["score"]
    assert found.tolist() == [(i + 1) / 10 for i in range(N)]
    assert {outcome.state for outcome in engine.outcomes.values()} == {"not recomputed"}
    assert {outcome.reason for outcome in engine.outcomes.values()} == {"no such runtime here"}
    with pytest.raises(ImportError):
        engine.gather(stage("never recorded"), failing)


def test_timings_are_read_and_not_computed(tmp_path):
    timed = Stage("costs", {"stage": "costs", "parameters": {"machine": "theirs"}}, ["all"], 1)
    engine = Engine(Store(tmp_path / "store"))
    engine.gather(timed, lambda: lambda _: {"seconds": np.array([2.0])})
    listed = listed_evidence(engine.used.values(), engine.store, tmp_path)
    _, again, _ = look(tmp_path, listed)
    here = Stage("costs", {"stage": "costs", "parameters": {"machine": "ours"}}, ["all"], 1)
    found = again.gather(here, lambda: lambda _: {"seconds": np.array([5.0])})
    assert found["seconds"].tolist() == [2.0]
    (outcome,) = again.outcomes.values()
    assert outcome.state == "measured"


def test_what_a_sampled_shard_is_made_of_is_ensured_in_the_sample(tmp_path):
    pictures, answers = stage("pictures"), stage("answers")

    def draw():
        return lambda indices: {"image": np.array(indices) * 1.0}

    def ask(engine):
        engine.ensure(pictures, draw, engine.missing(answers, pictures))
        return engine.gather(
            answers, lambda: lambda indices: {"answer": engine.shard(pictures, indices)["image"]}
        )

    first = Engine(Store(tmp_path / "store"))
    ask(first)
    listed = listed_evidence(first.used.values(), first.store, tmp_path)
    assert len(listed.shards) == 6
    sampled = pictures.where([3, 4, 5])
    _, engine, _ = look(tmp_path, listed, {sampled})
    ask(engine)
    assert states(engine) == {sampled: "bit-equal"}
