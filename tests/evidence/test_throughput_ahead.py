"""Images made ready ahead: in order, bounded, with errors where they belong, and never another number."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import auditkit
from auditkit.evidence import Settings, Store
from auditkit.evidence.ahead import Ahead, threads_ahead
from auditkit.evidence.engine import Engine
from auditkit.evidence.execution.contract import Job
from auditkit.evidence.execution.inline import Inline
from auditkit.evidence.stage import Stage
from auditkit.evidence.workroom import Workroom
from auditkit.spec.catalogue import catalogue
from auditkit.spec.methods import parse_method

ROOT = Path(__file__).parents[2]
HANG = 20.0


class Reader:
    """Makes images of their index; waits where it is told to."""

    def __init__(self, held=()):
        self.lock, self.made, self.threads = threading.Lock(), [], []
        self.gates = {index: threading.Event() for index in held}
        self.seen = threading.Condition(self.lock)

    def __call__(self, index):
        with self.lock:
            self.made.append(index)
            self.threads.append(threading.current_thread().name)
            self.seen.notify_all()
        if index in self.gates:
            assert self.gates[index].wait(HANG)
        if index == 113:
            raise ValueError("image 113 is damaged")
        return torch.full((2, 2), float(index))

    def until(self, count):
        """Wait until so many images were begun."""
        with self.lock:
            assert self.seen.wait_for(lambda: len(self.made) >= count, HANG)


def ahead_of(reader, threads=1, most=4):
    return Ahead(reader, lambda: threads, most)


def test_the_next_image_is_made_while_the_first_is_computed():
    reader = Reader()
    ahead = ahead_of(reader)
    ahead.announce("stage", range(3))
    assert float(ahead.take(0)[0, 0]) == 0
    # The computation of image 0 sees image 1 and 2 being made, without asking for them.
    reader.until(3)
    assert [float(ahead.take(index)[0, 0]) for index in (1, 2)] == [1, 2]
    assert sorted(reader.made) == [0, 1, 2]
    by = dict(zip(reader.made, reader.threads, strict=True))
    assert by[0] == threading.current_thread().name
    assert all(by[index].startswith("auditkit-ahead") for index in (1, 2))


def test_nothing_is_made_before_a_first_image_is_taken():
    reader = Reader()
    ahead = ahead_of(reader)
    ahead.announce("stage", range(100))
    assert reader.made == []


def test_no_more_images_are_held_than_the_bound():
    reader = Reader()
    ahead = ahead_of(reader, threads=2, most=3)
    ahead.announce("stage", range(50))
    for index in range(50):
        ahead.take(index)
        with reader.lock:
            assert len(reader.made) <= index + 1 + 3
    assert sorted(reader.made) == list(range(50))


def test_large_images_lower_the_bound(monkeypatch):
    monkeypatch.setattr("auditkit.evidence.ahead._BYTES", 40)  # two images of 16 bytes
    ahead = ahead_of(Reader(), most=64)
    ahead.announce("stage", range(9))
    ahead.take(0)
    assert ahead.most == 2


def test_an_error_is_raised_where_its_image_is_taken_and_nowhere_else():
    reader = Reader()
    ahead = ahead_of(reader)
    ahead.announce("stage", [111, 112, 113, 114])
    assert float(ahead.take(111)[0, 0]) == 111
    reader.until(4)
    assert float(ahead.take(112)[0, 0]) == 112
    with pytest.raises(ValueError, match="image 113"):
        ahead.take(113)
    assert float(ahead.take(114)[0, 0]) == 114


def test_who_would_wait_for_a_turn_makes_the_image_itself():
    reader = Reader(held=[1])
    ahead = ahead_of(reader)
    ahead.announce("stage", range(4))
    ahead.take(0)
    reader.until(2)  # the one thread is busy with image 1
    assert float(ahead.take(2)[0, 0]) == 2
    assert reader.threads[reader.made.index(2)] == threading.current_thread().name
    reader.gates[1].set()
    assert float(ahead.take(1)[0, 0]) == 1


def test_images_that_nobody_takes_do_not_stop_it():
    reader = Reader()
    ahead = ahead_of(reader, most=2)
    ahead.announce("stage", [0, 90, 91])
    ahead.take(0)
    reader.until(3)  # 90 and 91 are ready, and belong to a shard that another worker had
    for index in range(1, 9):
        ahead.announce("stage", [index], now=True)
        assert float(ahead.take(index)[0, 0]) == index
    assert len(ahead._ready) <= 2


def test_what_an_earlier_stage_announced_is_forgotten():
    reader = Reader()
    ahead = ahead_of(reader)
    ahead.announce("first", range(3))
    ahead.announce("second", [7, 8])
    ahead.take(7)
    reader.until(2)
    assert sorted(reader.made) == [7, 8]


def test_a_stage_that_takes_nothing_leaves_no_growing_list(monkeypatch):
    monkeypatch.setattr("auditkit.evidence.ahead._MOST_COMING", 100)
    ahead = ahead_of(Reader())
    for start in range(0, 10_000, 10):
        ahead.announce("stage", range(start, start + 10))
    assert len(ahead._coming) == 100


class Announced:
    """A job's function that remembers what was announced when a shard began."""

    def __init__(self):
        self.coming, self.at_begin = [], {}

    def announce(self, indices):
        self.coming += list(indices)

    def __call__(self):
        return self.compute

    def compute(self, indices):
        self.at_begin[indices[0]] = list(self.coming)
        return {"index": np.array(indices)}


def test_the_inline_engine_says_which_shard_comes_next(tmp_path):
    make = Announced()
    stage = Stage("s", {"stage": "s"}, [str(i) for i in range(12)], 2)
    done = list(Inline(Store(tmp_path), 1).run(Job(stage, make), range(6)))
    assert sorted(one.shard for one in done) == list(range(6))
    assert make.coming == list(range(12))
    # While a shard is computed the one after it was announced, and never all of them.
    assert make.at_begin[0] in ([0, 1], [0, 1, 2, 3])  # the first may begin before it is announced
    assert all(set(range(first, first + 2)) <= set(seen) for first, seen in make.at_begin.items())


@pytest.fixture(scope="module")
def cards():
    found = catalogue([ROOT / "fixtures"])
    return found.model("scanoma"), found.data("dermoscopy")


def gathered(cards, folder, threads_of_ahead, monkeypatch, **settings):
    monkeypatch.setattr("auditkit.evidence.ahead.threads_ahead", lambda _device: threads_of_ahead)
    room = Workroom(Engine(Store(folder), 1), Settings(device="cpu", batch_size=2, **settings))
    evidence = room.evidence(*cards, 6)
    method = parse_method("gradient")
    return evidence.scores().score, evidence.heatmaps(method).maps


def test_evidence_has_equal_bits_however_images_are_made_ready(cards, tmp_path, monkeypatch):
    one = gathered(cards, tmp_path / "1", 1, monkeypatch)
    many = gathered(cards, tmp_path / "4", 4, monkeypatch, batches=2)
    model = auditkit.load_model(cards[0], device="cpu")
    data = auditkit.load_data(cards[1])
    with torch.no_grad():
        pictures = [data.image(index) for index in range(2)]
        plain = model.probabilities(model.prepare(pictures))[:, 1].double().numpy()
    for first, second in zip(one, many, strict=True):
        assert np.array_equal(first, second)
    assert np.array_equal(one[0][:2], plain)


def test_a_damaged_picture_is_an_error_of_its_own_shard(cards, tmp_path, monkeypatch):
    room = Workroom(Engine(Store(tmp_path), 1), Settings(device="cpu", batch_size=2))
    evidence = room.evidence(*cards, 8)
    image, store = evidence.data.image, Store(tmp_path)

    def damaged(index):
        if index == 5:
            raise auditkit.AuditError("picture 5 cannot be read")
        return image(index)

    monkeypatch.setattr(evidence.data, "image", damaged)
    with pytest.raises(auditkit.AuditError, match="picture 5"):
        evidence.scores()
    # Picture 5 was read while the shards before its own were computed, and they were kept; the one after
    # it may have been in hand.
    assert sum(one.kind == "arrays" for one in store.stored()) in {2, 3}
    monkeypatch.undo()
    assert len(evidence.scores().score) == 8


def test_as_many_threads_as_cores_wait_for_a_gpu_and_one_for_a_processor():
    assert threads_ahead("cpu") == 1
