"""Fixed point against exact fractions, and the straight-through estimators."""

import math
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auditkit.models.tflite.arithmetic import FakeStage, Grid, OutputStage, through
from auditkit.models.tflite.elementwise import Product
from auditkit.models.tflite.fixed_point import (
    divide_by_power_of_two,
    exponential_of_negative,
    quantise_multiplier,
    reciprocal,
    rescale,
)
from auditkit.models.tflite.tables import hard_swish_table, rounded_table
from auditkit.models.tflite.window import same_padding


def rounded(value, *, ties_away):
    """Nearest integer; a tie goes away from zero, or for negatives towards it."""
    up = value >= 0 or ties_away
    size = abs(value) + Fraction(1, 2)
    whole = math.floor(size) if up else math.ceil(size) - 1
    return whole if value >= 0 else -whole


@given(st.floats(1e-8, 1e4))
def test_multiplier_is_the_nearest_of_31_bits(real):
    significand, shift = quantise_multiplier(np.array(real))
    value = Fraction(int(significand)) * Fraction(2) ** (int(shift) - 31)
    assert 1 << 30 <= int(significand) < 1 << 31
    assert abs(value - Fraction(real)) <= Fraction(2) ** (int(shift) - 32)


def test_multiplier_of_zero_is_zero():
    assert [int(part) for part in quantise_multiplier(np.array(0.0))] == [0, 0]


@given(st.integers(-(1 << 24), 1 << 24), st.floats(1e-6, 1.0))
def test_rescale_rounds_twice(value, real):
    significand, shift = (int(part) for part in quantise_multiplier(np.array(real)))
    left, right = max(shift, 0), max(-shift, 0)
    product = Fraction((value << left) * significand, 1 << 31)
    expected = rounded(Fraction(rounded(product, ties_away=False), 1 << right), ties_away=True)
    found = rescale(torch.tensor([value]), torch.tensor(significand), torch.tensor(shift))
    assert int(found) == expected


@given(st.integers(-(1 << 31), (1 << 31) - 1), st.integers(0, 31))
def test_division_by_a_power_of_two_rounds_ties_away(value, exponent):
    expected = rounded(Fraction(value, 1 << exponent), ties_away=True)
    assert int(divide_by_power_of_two(torch.tensor(value), exponent)) == expected


def test_fixed_point_exponential_is_near_the_real_one():
    values = torch.linspace(-31, 0, 4001, dtype=torch.float64)
    found = exponential_of_negative((values * (1 << 26)).round().long()).double() / 2**31
    np.testing.assert_allclose(found, np.exp(values.numpy()), atol=2e-7)


@given(st.integers(1 << 19, (1 << 31) - 1))
def test_fixed_point_reciprocal_is_near_the_real_one(value):
    scale, bits = reciprocal(torch.tensor([value]), 12)
    found = int(scale) / 2**31 * 2.0 ** -int(bits)
    assert found == pytest.approx(2**19 / value, rel=1e-6)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        ("even", [-2, -2, 0, 0, 2, 2]),
        ("up", [-2, -1, 0, 1, 2, 3]),
        ("away", [-3, -2, -1, 1, 2, 3]),
        ("none", [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
    ],
)
def test_ties_are_rounded_as_asked(rounding, expected):
    stage = FakeStage((-9, 9), np.array(0.5, np.float32), rounding, masked=True)
    halves = torch.tensor([-5.0, -3, -1, 1, 3, 5])
    assert stage(halves.clone()).tolist() == expected
    assert stage(halves.clone().requires_grad_() * 1).tolist() == expected


@pytest.mark.parametrize(("masked", "expected"), [(True, [0, 2, 2, 0]), (False, [2, 2, 2, 2])])
def test_mask_stops_the_gradient_of_saturated_codes(masked, expected):
    stage = FakeStage((-3, 4), np.array(2.0, np.float32), "even", masked=masked)
    x = torch.tensor([-5.0, -1.0, 2.2, 2.3], requires_grad=True)
    stage(x * 1).sum().backward()
    assert x.grad.tolist() == expected


def test_a_vector_per_image_scales_its_own_image():
    images, gates = torch.rand(3, 4, 2, 5), torch.rand(3, 4)
    product = Product(None, 1, OutputStage((-np.inf, np.inf)))
    assert torch.equal(product(images, gates), images * gates[:, :, None, None])
    assert torch.equal(product(gates, images), images * gates[:, :, None, None])


def test_through_gives_the_rounded_value_to_the_bit():
    exact = torch.tensor([1e8 + 0.3, 0.1], requires_grad=True)
    value = torch.tensor([7.0, 0.3])
    assert torch.equal(through(exact, value), value)


def test_activation_limits_are_codes_of_the_grid():
    grid = Grid(np.float32(0.05), -128, "INT8")
    assert grid.activation_limits("NONE") == (0, 255)
    assert grid.activation_limits("RELU6") == (0, 120)
    assert Grid(np.float32(0.05), 10, "UINT8").activation_limits("RELU_N1_TO_1") == (-10, 20)


@pytest.mark.parametrize(
    ("table", "function"),
    [
        (partial(rounded_table, torch.sigmoid), torch.sigmoid),
        (hard_swish_table, torch.nn.functional.hardswish),
    ],
)
def test_tables_are_the_function_to_about_one_code(table, function):
    source = Grid(np.float32(0.06), 3, "INT8")
    target = Grid(np.float32(1 / 256 if function is torch.sigmoid else 0.04), -128 + 10, "INT8")
    inputs = torch.arange(source.limits[0], source.limits[1] + 1) * 0.06
    expected = (function(inputs) / float(target.scale)).clamp(*target.limits)
    assert (torch.from_numpy(table(source, target)) - expected).abs().max() < 1.01


@given(st.integers(1, 64), st.integers(1, 7), st.integers(1, 4))
def test_same_padding_covers_every_output(size, window, stride):
    before, after = same_padding(size, window, stride, 1)
    assert 0 <= after - before <= 1
    assert (size + before + after - window) // stride + 1 == -(-size // stride)
