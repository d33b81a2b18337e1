"""A real network in worker processes: all arrays are the same to the last bit, whatever the shards."""

import pickle
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.execution.inline import Inline
from auditkit.evidence.execution.processes import Processes
from auditkit.evidence.execution.worker import packed
from auditkit.evidence.removal import RemovalPlan
from auditkit.evidence.settling import settle
from auditkit.evidence.workroom import Workroom
from auditkit.spec.catalogue import catalogue
from auditkit.spec.methods import parse_method
from tests.conftest import LESIONS, STEADY

ONE_BY_ONE = Settings.asked("cpu", batch_size=1)
IMAGES = 9


@pytest.fixture(scope="module")
def cards(tmp_path_factory, networks):
    folder = tmp_path_factory.mktemp("cards")
    (folder / "random.safetensors").symlink_to(networks["random"])
    (folder / "random.model.yaml").write_text(STEADY.format(name="random"))
    (folder / "lesions.data.yaml").write_text(LESIONS.replace("n: 24", f"n: {IMAGES}"))
    return catalogue([folder])


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Workers compute the shards that they are asked for; how large these are, the driver says."""
    with closing(Processes(Store(tmp_path_factory.mktemp("store")), ONE_BY_ONE, 2)) as engine:
        yield engine


def arrays_of(cards, engine, settings, images=None):
    """Everything that a truthfulness audit gathers."""
    model, data = cards.model("random"), cards.data("lesions")
    evidence = Workroom(engine, settings).evidence(model, data, images)
    found = {"score": evidence.scores().score, "decision": evidence.scores().decision}
    method, plan = parse_method("gradient"), RemovalPlan("mean", steps=2, repeats=1)
    found["maps"] = evidence.heatmaps(method).maps
    found["removal"] = evidence.removal(method, plan).score
    found["random"] = evidence.random_removal(method, plan).score
    return found


@pytest.fixture(scope="module")
def inline(cards, tmp_path_factory):
    return arrays_of(cards, Engine(Store(tmp_path_factory.mktemp("inline"))), ONE_BY_ONE)


@pytest.mark.parametrize("shard", [1, 7, 64])
def test_arrays_are_those_of_inline(cards, processes, inline, shard):
    engine = Engine(processes.store, executor=processes)
    found = arrays_of(cards, engine, Settings.asked("cpu", batch_size=1, shard=shard))
    assert engine.counts.computed > 4 * -(-IMAGES // shard)
    assert found.keys() == inline.keys()
    for name, array in inline.items():
        np.testing.assert_array_equal(found[name], array, strict=True, err_msg=name)
    assert len(np.unique(inline["score"])) > 5


class Sending(Inline):
    """Notes how much workers elsewhere would be sent."""

    def run(self, job, shards):
        self.sent = {**getattr(self, "sent", {}), job.stage.name: len(packed(job))}
        return super().run(job, shards)


def test_what_workers_are_sent_hardly_grows_with_the_images(cards, tmp_path):
    sent = []
    for images in (2, IMAGES):
        sending = Sending(Store(tmp_path / str(images)))
        arrays_of(cards, Engine(sending.store, executor=sending), ONE_BY_ONE, images)
        sent.append(sending.sent)
    assert len(sent[0]) == 6
    for name, size in sent[1].items():
        # A decision is 8 bytes; an identity would be 66, and a map 50 kB.
        assert size - sent[0][name] <= 8 * (IMAGES - 2) + 8, name


def test_heatmaps_are_read_where_they_are_and_missed_by_name(cards, tmp_path):
    room = Workroom(Engine(Store(tmp_path)), replace(ONE_BY_ONE, batches=2))
    settle(lambda: room)
    heat = room.evidence(cards.model("random"), cards.data("lesions")).heatmaps(
        parse_method("gradient")
    )
    for sent in (
        pickle.loads(pickle.dumps(heat)),
        pickle.loads(pickle.dumps(replace(heat, kept=None))),
    ):
        assert sent.cell == heat.cell
        for index in (0, 3, IMAGES - 1, 1):
            np.testing.assert_array_equal(sent.full(index, (8, 8)), heat.full(index, (8, 8)))
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(heat))))
    np.testing.assert_array_equal(again.maps[4], heat.maps[4])
    room.engine.store.drop(heat.kept.where(heat.kept.indices(2)))
    with pytest.raises(AuditError, match=r"gradient.*was damaged, while.*run again"):
        pickle.loads(pickle.dumps(heat)).full(4, (8, 8))


def test_a_worker_that_sees_other_images_is_told_so(cards, tmp_path):
    engine, model = Engine(Store(tmp_path)), cards.model("random")
    sent = pickle.dumps(Workroom(engine).evidence(model, cards.data("lesions")).identities)
    settle(lambda: Workroom(engine))
    assert len(pickle.loads(sent)) == IMAGES

    (tmp_path / "changed").mkdir()
    card = LESIONS.replace("n: 24", f"n: {IMAGES}").replace("seed: 5", "seed: 6")
    (tmp_path / "changed" / "lesions.data.yaml").write_text(card)
    changed = catalogue([tmp_path / "changed"]).data("lesions")

    class Elsewhere(Workroom):
        def dataset(self, _data, owner):
            return super().dataset(changed, owner)

    settle(lambda: Elsewhere(engine))
    with pytest.raises(AuditError, match=r"other images.*data set 'lesions'.*run again"):
        pickle.loads(sent)
