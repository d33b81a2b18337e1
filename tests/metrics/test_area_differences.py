"""ΔAUPC of weights: ones are the estimate, whole weights are repeated images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.metrics.area_differences import accuracy_area_difference, auroc_area_difference
from auditkit.metrics.auroc_curve import auroc_delta_aupc_estimate
from auditkit.metrics.perturbation_curve import delta_aupc_estimate

STEPS = np.linspace(0, 1, 6)


def curves(seed=0, n=12):
    rng = np.random.default_rng(seed)
    return np.arange(n) % 2, rng.random((n, 6)).round(1), rng.random((n, 3, 6)).round(1)


def of_accuracy(_labels, own, random):
    return accuracy_area_difference(own > 0.5, random > 0.5, STEPS, STEPS)


def of_auroc(labels, own, random):
    return auroc_area_difference(labels, own, random, STEPS, STEPS)


def test_weights_of_one_are_the_estimate():
    labels, own, random = curves()
    accuracy = of_accuracy(labels, own, random)(np.ones((1, 12)))[0]
    assert accuracy == pytest.approx(delta_aupc_estimate(own > 0.5, random > 0.5, STEPS).value)
    auroc = of_auroc(labels, own, random)(np.ones((1, 12)))[0]
    assert auroc == pytest.approx(auroc_delta_aupc_estimate(labels, own, random, STEPS).value)


@pytest.mark.parametrize("made", [of_accuracy, of_auroc])
@given(st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_whole_weights_are_repeated_images(made, weights):
    labels, own, random = curves()
    rows = np.repeat(np.arange(12), weights)
    if len(set(labels[rows].tolist())) == 2:
        again = made(labels[rows], own[rows], random[rows])(np.ones((1, len(rows))))[0]
        found = made(labels, own, random)(np.array([weights], dtype=float))[0]
        assert found == pytest.approx(again, abs=1e-12)


def test_a_resample_without_a_class_is_undefined():
    labels, own, random = curves()
    assert np.isnan(of_auroc(labels, own, random)((labels == 0)[None] * 1.0)).all()
    with pytest.raises(AuditError, match="both classes"):
        of_auroc(np.ones(12, int), own, random)


def test_each_image_may_have_shares_of_its_own():
    _, own, random = curves()
    shares = np.sort(np.random.default_rng(1).random((12, 6)), axis=1)
    shares[:, 0], shares[:, -1] = 0, 1
    of_random = np.repeat(shares[:, None], 3, axis=1)
    found = accuracy_area_difference(own > 0.5, random > 0.5, shares, of_random)(np.ones((1, 12)))
    oracle = delta_aupc_estimate(own > 0.5, random > 0.5, shares, random_fractions=of_random)
    assert found[0] == pytest.approx(oracle.value)
