"""Shards are made without being held: drawn images are larger than memory."""

import weakref

import numpy as np
import pytest

from auditkit.evidence.engine import Engine, Stage
from auditkit.evidence.store import Store


class Made:
    """Arrays made so far, and how many of them were alive at once."""

    def __init__(self):
        self.made, self.most = [], 0

    def worker(self):
        def compute(indices):
            array = np.array(indices) * 2.0
            self.made.append(weakref.ref(array))
            self.most = max(self.most, sum(found() is not None for found in self.made))
            return {"x": array}

        return compute


def stage(n=40):
    return Stage("doubling", {"stage": "d"}, [f"image {i}" for i in range(n)], 2)


def test_no_more_than_a_shard_is_held(tmp_path):
    engine, made = Engine(Store(tmp_path)), Made()
    shards = engine.missing(stage())
    assert len(shards) == 20
    engine.ensure(stage(), made.worker, shards)
    assert len(made.made) == 20
    assert made.most <= 2
    assert engine.missing(stage()) == []
    assert engine.shard(stage(), [4, 5])["x"].tolist() == [8.0, 10.0]


def test_only_wanted_shards_are_made_and_found_ones_are_not_made_again(tmp_path):
    engine, made = Engine(Store(tmp_path)), Made()
    engine.ensure(stage(), made.worker, [[0, 1], [6, 7]])
    engine.ensure(stage(), made.worker, [[0, 1], [8, 9]])
    assert len(made.made) == 3
    assert (engine.counts.computed, engine.counts.found) == (3, 1)
    assert engine.shard(stage(), [2, 3]) is None
    everything = engine.gather(stage(), made.worker)["x"]
    assert everything.tolist() == [2.0 * i for i in range(40)]
    assert len(made.made) == 20


def test_an_identity_does_not_hide_the_images(tmp_path):
    hiding = Stage("hiding", {"images": "mine"}, ["a"], 1)
    with pytest.raises(AssertionError, match="shard's own"):
        Engine(Store(tmp_path)).missing(hiding)
