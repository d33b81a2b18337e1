"""Rounding is the same; anything more is not, and is said in words."""

import numpy as np
import pytest

from auditkit.recomputing.tolerance import held, tolerance

ALLOWED = tolerance("float32", same_device=True)


def state(recorded, new, name="score"):
    return held({name: np.array(recorded)}, {name: np.array(new)}, ALLOWED)[0]


def test_equal_bits_are_equal_with_nan_and_infinity():
    odd = [0.1, np.nan, np.inf, -np.inf]
    assert state(odd, odd) == "bit-equal"


@pytest.mark.parametrize(("apart", "expected"), [(9e-6, "within tolerance"), (2e-5, "differs")])
def test_a_score_may_be_apart_by_1e_5_however_small_it_is(apart, expected):
    assert state([0.5, 1e-3], [0.5, 1e-3 + apart]) == expected
    assert state([1e-6], [1e-6 + apart]) == expected


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e6])
def test_heatmaps_are_held_to_their_largest_value_and_other_numbers_at_least_to_1(size):
    recorded = np.array([size, -size, size / 10])
    for name, scale in (("map", size), ("output", max(1.0, size))):
        assert state(recorded, recorded + 0.9e-4 * scale, name) == "within tolerance"
        assert state(recorded, recorded + 1.2e-4 * scale, name) == "differs"


def test_whole_numbers_are_equal():
    assert state([1, 0, 1], [1, 1, 1], "decision") == "differs"
    assert state([True, False], [True, True], "finite") == "differs"


def test_pictures_may_be_apart_by_a_grey_level_and_text_by_nothing():
    picture = np.full((1, 2, 2, 3), 100, np.uint8)
    assert state(picture, picture + 1, "image") == "within tolerance"
    assert state(picture, picture - 2, "image") == "differs"
    assert state(picture, picture + 2, "image") == "differs"
    text = np.frombuffer(b"fits", np.uint8)
    assert state(text, text + 1, "text") == "differs"


@pytest.mark.parametrize("other", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_in_one_of_the_two_differs(other):
    assert state([0.5, other], [0.5, 0.5]) == "differs"
    assert state([0.5, 0.5], [0.5, other]) == "differs"
    assert state([np.inf], [-np.inf]) == "differs"


def test_another_shape_kind_or_name_differs():
    assert state([0.5], [[0.5]]) == "differs"
    assert state(np.float32([0.5]), np.float64([0.5])) == "differs"
    assert held({"a": np.zeros(1)}, {"b": np.zeros(1)}, ALLOWED)[0] == "differs"


def test_the_words_name_array_count_and_size():
    recorded, new = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.25, 0.3])
    reason = held({"score": recorded}, {"score": new}, ALLOWED)[1]
    assert reason == "score: 1 of 3 values differ, by 0.05 at most (1e-05 is allowed)"


def test_reduced_precision_and_other_devices_are_allowed_more():
    order = [
        tolerance("float32", same_device=True),
        tolerance("float32", same_device=False),
        tolerance("float16", same_device=False),
        tolerance("bfloat16", same_device=False),
    ]
    shares = [one.share for one in order]
    assert shares == sorted(set(shares))
