"""ΔAUPC of the AUROC against scikit-learn, with weights and without."""

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score

from auditkit.errors import AuditError
from auditkit.metrics import auroc_curve
from auditkit.metrics.auroc_curve import (
    auroc_aupc_estimate,
    auroc_delta_aupc_estimate,
    auroc_steps,
)
from auditkit.stats.resampling import patient_weights

X = np.array([0.0, 0.1, 0.35, 0.7, 1.0])


def _images(n=40, repeats=3, seed=0, step=0.25):
    """Scores rounded, so that there are ties."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n)
    signal = labels[:, None] * (1 - X) + generator.normal(size=(n, X.size))
    random = labels[:, None, None] * (1 - X**3) + generator.normal(size=(n, repeats, X.size))
    return labels, *(np.round(scores / step) * step for scores in (signal, random))


def _area(labels, scores, weights=None):
    return auc(X, [roc_auc_score(labels, one, sample_weight=weights) for one in scores.T])


def test_areas_are_those_of_scikit_learn():
    labels, scores, random = _images()
    area = _area(labels, scores)
    assert auroc_aupc_estimate(labels, scores, X).value == pytest.approx(area)
    others = np.mean([_area(labels, random[:, r]) for r in range(3)])
    found = auroc_delta_aupc_estimate(labels, scores, random, X)
    assert found.value == pytest.approx(others - area)
    steps = [estimate.value for estimate in auroc_steps(labels, random)]
    assert auc(X, steps) == pytest.approx(others)


def test_a_resample_is_scikit_learns_with_sample_weight(monkeypatch):
    labels, scores, random = _images(n=24, repeats=2)
    patients = np.repeat(np.arange(12), 2)
    kept = []

    def keep(statistics, *_given, **_named):
        kept.extend(statistics)
        return [(0.0, np.array([0.0, 0.1]))]

    monkeypatch.setattr(auroc_curve, "resampled", keep)
    auroc_delta_aupc_estimate(labels, scores, random, X, patients)
    weights = patient_weights(np.random.default_rng(3), 4, 12)[:, patients]
    expected = [
        np.mean([_area(labels, random[:, r], w) for r in range(2)]) - _area(labels, scores, w)
        for w in weights
    ]
    assert kept[0](weights) == pytest.approx(np.array(expected))
    one_class = np.where(labels == 1, 0.0, 1.0)[np.newaxis]
    assert np.isnan(kept[0](one_class)).all()


def test_repeats_with_shares_of_their_own_are_areas_of_their_own():
    labels, scores, random = _images(repeats=2)
    others = np.stack([X, X**2])
    found = auroc_delta_aupc_estimate(labels, scores, random, X, random_fractions=others)
    expected = np.mean(
        [
            auc(x, [roc_auc_score(labels, one) for one in random[:, r].T])
            for r, x in enumerate(others)
        ]
    )
    assert found.value == pytest.approx(expected - _area(labels, scores))


def test_equal_orders_have_no_difference_and_no_certainty():
    labels, scores, _ = _images()
    found = auroc_delta_aupc_estimate(labels, scores, scores[:, None], X)
    assert found.value == 0
    assert found.low < 0 < found.high


def test_images_of_one_patient_widen_the_interval():
    labels, scores, random = _images(n=30)
    patients = np.repeat(np.arange(30), 4)
    many = (np.repeat(one, 4, axis=0) for one in (labels, scores, random))
    labels, scores, random = many
    aware = auroc_delta_aupc_estimate(labels, scores, random, X, patients)
    unaware = auroc_delta_aupc_estimate(labels, scores, random, X)
    assert aware.high - aware.low > 1.6 * (unaware.high - unaware.low)


@pytest.mark.parametrize(
    "ask",
    [
        lambda y, s, r: auroc_aupc_estimate(y * 0, s, X),
        lambda y, s, r: auroc_aupc_estimate(y, s[:, 1:], X),
        lambda y, s, r: auroc_aupc_estimate(y, s * np.nan, X),
        lambda y, s, r: auroc_aupc_estimate(np.eye(1, y.size)[0], s, X),  # one of a class
        lambda y, s, r: auroc_delta_aupc_estimate(y, s, s, X),
        lambda y, s, r: auroc_delta_aupc_estimate(y, s, r[1:], X),
        lambda y, s, r: auroc_aupc_estimate(y, s, X, np.zeros(y.size, int)),
    ],
)
def test_what_has_no_auroc_is_refused(ask):
    with pytest.raises(AuditError):
        ask(*_images())
