import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_builders import measurement

from auditkit.report import words


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.063, 0.057, 0.069, "0.063 [0.057, 0.069]"),
        (0.8181, 0.791, 0.845, "0.818 [0.791, 0.845]"),
        (-0.0551, -0.0598, -0.0503, "−0.0551 [−0.0598, −0.0503]"),
        (1.0, 1.0, 1.0, "1.000 [1.000, 1.000]"),
        (-0.00001, -0.2, 0.2, "0.000 [−0.200, 0.200]"),
        (1234.5, 1200.0, 1270.0, "1234 [1200, 1270]"),
        (1.5, 0.0, None, "1.500 [0.000, ∞]"),
        (-1.5, None, 0.0, "−1.500 [−∞, 0.000]"),
    ],
)
def test_estimates_show_two_digits_of_their_interval(value, low, high, expected):
    found = measurement("m", 0.0).model_copy(update={"value": value, "low": low, "high": high})
    assert words.estimate(found) == expected


def test_missing_estimate_is_a_dash():
    assert words.estimate(measurement("m", None)) == "–"


@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-9, 1e3),
)
def test_rounding_keeps_the_order_of_the_interval(middle, half):
    places = words.decimals(middle, middle - half, middle + half)
    low, value, high = (
        float(words.fixed(v, places).replace("−", "-"))
        for v in (middle - half, middle, middle + half)
    )
    assert low <= value <= high
    assert 0 <= places <= 6


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "–"), (1e-9, "<\u00a00.0001"), (0.0012, "0.0012"), (0.14, "0.14"), (1.0, "1.00")],
)
def test_p_values(value, expected):
    assert words.p_value(value) == expected


def test_columns_of_numbers_are_recognised():
    assert words.numeric(["0.82 [0.78, 0.86]", "not evaluable", "+0.1", "< 0.0001", "60.0 %"])
    assert not words.numeric(["3 steps", "1"])
    assert not words.numeric(["", "–"])


def test_minus_signs_replace_hyphens_of_numbers_only():
    assert words.signed("between -0.05 and 1e-3, fake-5") == "between −0.05 and 1e-3, fake-5"


def test_long_lists_are_cut_and_counted():
    assert words.plain(list(range(50)), most=3) == "[0, 1, 2] and 47 more"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("intended_use", "Intended use"), ("iou", "IoU"), ("IoU", "IoU"), ("", "")],
)
def test_names_become_headings(name, expected):
    assert words.label(name) == expected
