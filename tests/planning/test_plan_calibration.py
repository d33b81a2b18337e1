"""A few images of a stage: which, how many, and what drawn pictures cost."""

import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
import torch

from auditkit.evidence.kinds import Settings
from auditkit.evidence.stage import Stage
from auditkit.evidence.store import Store
from auditkit.models import watching
from auditkit.planning.engine import Planning
from auditkit.planning.watching import Counting

DIGESTS = [f"image {n}" for n in range(40)]


def drawing(settings: Settings, seen: list[int]):
    """Draws pictures in batches, filled up as batches are."""

    def compute(indices):
        for _ in range(0, len(indices), settings.batch):
            watching.drawing(settings.batch)
            seen.append(settings.batch)
        return {"picture": np.array(indices)[:, None] + np.zeros((1, 3))}

    return compute


@pytest.fixture
def planning(tmp_path: Path) -> Planning:
    return Planning(Store(tmp_path / "store"), listing=False)


def test_pictures_are_tried_in_small_batches_and_counted_in_whole_ones(planning, monkeypatch):
    monkeypatch.setattr("auditkit.planning.calibrating._CHEAP", 0.0)
    monkeypatch.setattr("auditkit.planning.calibrating._SHARE", 0.0)
    seen: list[int] = []
    stage = Stage("drawn", {"stage": "concept images"}, DIGESTS, 16)
    shards = [stage.indices(number) for number in range(stage.count)]
    planning.ensure(stage, partial(drawing, Settings(), seen), shards)
    assert seen == [1, 4], "never a batch of 16"
    (cost,) = planning.stages
    assert (cost.shards, cost.images, cost.usage.drawn) == (3, 40, 48)


def test_a_drawn_shard_can_be_read_and_is_not_kept(planning, tmp_path):
    stage = Stage("drawn", {"stage": "concept images"}, DIGESTS, 16)
    assert planning.shard(stage, [3]) is None
    planning.ensure(stage, partial(drawing, Settings(), []), [stage.indices(0)])
    found = planning.shard(stage, [3, 4, 5])
    assert found is not None
    assert found["picture"].shape == (3, 3)
    assert not (tmp_path / "store").exists()


def test_another_list_of_the_same_pictures_is_not_tried_again(planning):
    seen: list[int] = []
    for digests in (DIGESTS, DIGESTS[::-1]):
        stage = Stage("drawn", {"stage": "concept images"}, digests, 16)
        planning.ensure(stage, partial(drawing, Settings(), seen), [stage.indices(0)])
        once = len(seen)
    assert len(seen) == once
    assert [stage.shards for stage in planning.stages] == [1, 1]
    planning.ensure(stage, partial(drawing, Settings(), seen), [stage.indices(0)])
    assert (planning.stages[-1].shards, planning.stages[-1].shared) == (0, 1)


def test_each_trial_takes_other_images(planning):
    """Data sets keep the last images that were read, which a real run seldom meets again."""
    taken: list[list[int]] = []

    def worker():
        def compute(indices):
            taken.append(list(indices))
            return {"score": np.zeros(len(indices))}

        return compute

    digests = [f"image {n}" for n in range(320)]
    for name in ("one", "two"):
        planning.gather(Stage(name, {"stage": name}, digests, 16), worker)
    shards = [indices[0] // 16 for indices in taken]
    assert len(set(shards)) == len(shards) >= 6


def test_a_stage_of_all_images_together_is_passed_on_whole(planning):
    text = np.frombuffer(b'{"reason": ""}', dtype=np.uint8)
    stage = Stage("fitness", {"stage": "fitness"}, ["the model alone"], 16)
    found = planning.gather(stage, lambda: lambda _indices: {"text": text})
    assert found["text"].tobytes() == text.tobytes()


def test_an_error_of_the_computation_is_its_own(planning):
    def broken():
        def compute(indices):
            raise ValueError("no such image")

        return compute

    stage = Stage("scores", {"stage": "scores"}, DIGESTS, 16)
    with pytest.raises(ValueError, match="no such image"):
        planning.gather(stage, broken)
    assert planning.stages == []


def test_rows_that_fill_a_batch_up_are_told_from_the_others():
    counting = Counting()
    images = torch.arange(4.0)[:, None] * torch.ones(1, 5)
    counting.asked(torch.cat([images, images[-1:].expand(12, 5)]), None)
    counting.asked(images, None)
    assert counting.passes == {(16, 4): 1, (4, 4): 1}
    assert counting.forwards == 20


@pytest.mark.parametrize(("images", "calls"), [(40, 2), (10, 1)])
def test_a_first_call_that_is_slow_is_made_again_where_the_stage_is_long(
    planning, monkeypatch, images, calls
):
    """Memory that is asked for first takes longer; an image of ten is too much to be tried twice."""
    monkeypatch.setattr("auditkit.planning.calibrating._BRIEF", 0.0)
    monkeypatch.setattr("auditkit.planning.calibrating._CHEAP", 0.0)
    monkeypatch.setattr("auditkit.planning.calibrating._SHARE", 0.0)
    taken: list[int] = []

    def worker():
        def compute(indices):
            taken.append(len(indices))
            until = time.process_time() + (0.2 if len(taken) == 1 else 0.02)
            while time.process_time() < until:
                pass
            return {"score": np.zeros(len(indices))}

        return compute

    stage = Stage("slow at first", {"stage": "slow at first"}, DIGESTS[:images], 16)
    planning.gather(stage, worker)
    assert taken == [1] * calls
    (cost,) = planning.stages
    each = cost.usage.cpu / images
    assert (each < 0.1) if calls == 2 else (each > 0.15)


def test_threads_that_take_turns_are_told_from_threads_that_do_not(planning, monkeypatch):
    monkeypatch.setattr("auditkit.planning.calibrating._WORTH", 0.0)
    planning.sharing = 2
    turns = Lock()

    def worker(alone):
        def compute(indices):
            until = time.process_time() + 0.002
            while time.process_time() < until:
                pass
            with turns if alone else nullcontext():
                time.sleep(0.02)
            return {"score": np.zeros(len(indices))}

        return compute

    for name, alone in (("turns", True), ("side by side", False)):
        planning.gather(Stage(name, {"stage": name}, DIGESTS, 16), partial(worker, alone))
    turned, beside = planning.stages
    assert 1.5 < turned.crowding <= 2
    assert 1 <= beside.crowding < 1.5
    total = turned.usage.cpu
    assert turned.seconds(1, accelerated=False) == pytest.approx(turned.setup + total)
    shared = max(turned.longest, total / 2) * turned.crowding
    assert turned.seconds(2, accelerated=False) == pytest.approx(turned.setup + shared)


def test_an_error_that_comes_later_is_told_and_no_thread_waits(planning, monkeypatch):
    monkeypatch.setattr("auditkit.planning.calibrating._WORTH", 0.0)
    planning.sharing = 2
    computed: list[int] = []

    def worker():
        def compute(indices):
            computed.append(len(computed))
            if len(computed) > 6:
                raise ValueError("no such image")
            until = time.process_time() + 0.01
            while time.process_time() < until:
                pass
            return {"score": np.zeros(len(indices))}

        return compute

    with pytest.raises(ValueError, match="no such image"):
        planning.gather(Stage("later", {"stage": "later"}, DIGESTS, 16), worker)
