"""Pictures prepared by threads, and averaged weights."""

import threading

import numpy as np
import pytest
import torch

from auditkit.training.ema import Average
from auditkit.training.images import Images, ahead, fitted


def test_pictures_cover_the_size_and_are_cut_about_the_centre():
    picture = np.zeros((20, 60, 3), dtype=np.uint8)
    picture[:, 14:46] = 200
    assert (fitted(picture, (10, 10)) == 200).all()
    assert fitted(picture, (20, 60)) is picture


class Pictures:
    def __init__(self):
        self.records, self.asked = range(5), []

    def image(self, index):
        self.asked.append(index)
        return np.full((8, 8, 3), 40 * index, dtype=np.uint8)


@pytest.mark.parametrize(("room", "asked"), [(5 * 4 * 4 * 3, 3), (5 * 4 * 4 * 3 - 1, 6)])
def test_a_data_set_that_fits_is_read_once(room, asked):
    pictures = Pictures()
    images = Images(pictures, (4, 4), kept_bytes=room)
    for _ in range(2):
        rows = images.rows(np.array([3, 1, 4]))
        assert rows.shape == (3, 4, 4, 3)
        assert rows[:, 0, 0, 0].tolist() == [120, 40, 160]
    assert len(pictures.asked) == asked


def test_results_come_in_order_and_only_so_many_wait():
    begun, lock = [0], threading.Lock()

    def note(key):
        with lock:
            begun[0] += 1
        return key * key

    for taken, result in enumerate(ahead(note, range(30), workers=3), start=1):
        assert result == (taken - 1) ** 2
        assert begun[0] <= taken + 3


def test_what_fails_in_a_thread_fails_in_the_loop():
    def fail(key):
        if key == 4:
            raise OSError("picture 4")
        return key

    results = ahead(fail, range(9), workers=2)
    with pytest.raises(OSError, match="picture 4"):
        list(results)


def test_the_average_is_the_recursion_by_hand():
    weight = torch.nn.Parameter(torch.tensor([0.0]))
    average = Average({"w": weight}, 0.5)
    expected = 0.0
    for step, value in enumerate([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0], start=1):
        weight.data.fill_(value)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert average.values["w"].item() == pytest.approx(expected)
    assert decay == 0.5


def test_weights_are_put_back_whatever_happens():
    weight = torch.nn.Parameter(torch.tensor([3.0]))
    average = Average({"w": weight}, 0.9)
    weight.data.fill_(5.0)

    def use():
        with average.in_place():
            assert weight.item() == 3.0
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        use()
    assert weight.item() == 5.0


def test_without_averaging_the_weights_stay():
    weight = torch.nn.Parameter(torch.tensor([3.0]))
    average = Average({"w": weight}, 0.0)
    average.update(1)
    average.load_into()
    assert (weight.item(), average.values) == (3.0, {})
