import numpy as np
import pytest
from sklearn.metrics import auc

from auditkit.errors import AuditError
from auditkit.metrics import (
    aupc_estimate,
    delta_aupc,
    delta_aupc_estimate,
    perturbation_curve_area,
    removal_steps,
)

FRACTIONS = removal_steps(49)[1]


def _images(n, seed=0, repeats=4):
    generator = np.random.default_rng(seed)
    robustness = generator.random((n, 1))
    correct = robustness > FRACTIONS * 1.3
    random_correct = robustness[:, :, None] > FRACTIONS * generator.uniform(
        0.8, 1.1, (n, repeats, 1)
    )
    return correct, random_correct


def test_area_matches_sklearn_on_uneven_steps():
    curves = np.random.default_rng(0).random((3, 4, FRACTIONS.size))
    areas = perturbation_curve_area(FRACTIONS, curves)
    assert areas.shape == (3, 4)
    assert areas[1, 2] == pytest.approx(auc(FRACTIONS, curves[1, 2]))


def test_estimate_is_the_difference_of_the_mean_curves():
    correct, random_correct = _images(40)
    estimate = delta_aupc_estimate(correct, random_correct, FRACTIONS)
    expected = delta_aupc(FRACTIONS, correct.mean(axis=0), random_correct.mean(axis=0))
    assert estimate.value == pytest.approx(expected)
    area = perturbation_curve_area(FRACTIONS, correct.mean(axis=0))
    assert aupc_estimate(correct, FRACTIONS).value == pytest.approx(float(area))


def test_a_better_heatmap_than_random_is_found():
    correct, random_correct = _images(200)
    estimate = delta_aupc_estimate(correct, random_correct, FRACTIONS)
    assert estimate.low > 0.02
    assert estimate.p_above(0.0) < 0.01


def test_a_random_heatmap_is_not_better_than_random():
    held = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        level = generator.random((30, 1, 1))
        curves = level > generator.uniform(0, 1.5, (30, 5, 1)) * FRACTIONS
        estimate = delta_aupc_estimate(curves[:, 0], curves[:, 1:], FRACTIONS, seed=seed)
        held += estimate.low <= 0 <= estimate.high
    assert 88 <= held <= 100


def test_pairing_is_kept():
    # Images differ far more from one another than heatmap and baseline do on one image.
    correct, random_correct = _images(60)
    paired = delta_aupc_estimate(correct, random_correct, FRACTIONS)
    alone = aupc_estimate(correct, FRACTIONS)
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)


def test_images_of_one_patient_widen_the_interval():
    correct, random_correct = _images(30)
    clusters = np.repeat(np.arange(30), 5)
    many = np.repeat(correct, 5, axis=0), np.repeat(random_correct, 5, axis=0)
    aware = delta_aupc_estimate(*many, FRACTIONS, clusters)
    unaware = delta_aupc_estimate(*many, FRACTIONS)
    assert aware.high - aware.low > 1.8 * (unaware.high - unaware.low)
    assert aware.clusters == 30


def test_a_model_that_never_changes_is_no_certainty():
    correct = np.ones((25, FRACTIONS.size))
    estimate = delta_aupc_estimate(correct, correct[:, None], FRACTIONS)
    limit = 1 - 0.025 ** (1 / 25)
    assert (estimate.low, estimate.high) == pytest.approx((-limit, limit))


@pytest.mark.parametrize(
    "ask",
    [
        lambda c, r: delta_aupc_estimate(c, r[:-1], FRACTIONS),
        lambda c, r: delta_aupc_estimate(c, c, FRACTIONS),
        lambda c, r: delta_aupc_estimate(c[:, 1:], r, FRACTIONS),
        lambda c, r: delta_aupc_estimate(c * 2, r, FRACTIONS),
        lambda c, r: aupc_estimate(np.where(c, np.nan, 1), FRACTIONS),
        lambda c, r: aupc_estimate(c, FRACTIONS[::-1]),
        lambda c, r: aupc_estimate(c, FRACTIONS * 0.9),
        lambda c, r: aupc_estimate(c[:1], FRACTIONS),
        lambda c, r: perturbation_curve_area([0.0, 1.0], [1.0, np.nan]),
    ],
)
def test_what_is_not_a_curve_is_refused(ask):
    with pytest.raises(AuditError):
        ask(*_images(6))
