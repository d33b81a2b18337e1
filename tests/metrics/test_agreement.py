"""Oracles of concept-bottleneck models, and how far a method agrees with them."""

import itertools

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import roc_auc_score

from auditkit.errors import AuditError
from auditkit.metrics import (
    NotEvaluable,
    bottleneck_importance,
    expected_auroc,
    importance_auroc,
    importance_correlation,
    standardised_weights,
    top_k_agreement,
)
from auditkit.metrics import bottleneck as bottleneck_module
from auditkit.stats import auroc_point


@pytest.mark.parametrize("digits", [0, 1, 8])
def test_bottleneck_importance_is_the_mean_over_all_720_permutations(digits):
    rng = np.random.default_rng(digits)
    labels, weights = np.array([0, 1, 1, 0, 1, 0]), np.array([0.5, 2.0, 0.0])
    predictions = rng.random((6, 3)).round(digits)
    lost = np.zeros((720, 3))
    for row, order in enumerate(itertools.permutations(range(6))):
        for d in range(3):
            permuted = predictions.copy()
            permuted[:, d] = predictions[list(order), d]
            lost[row, d] = auroc_point(labels, (permuted @ weights).round(9))
    plain = auroc_point(labels, (predictions @ weights).round(9))
    found = bottleneck_importance(labels, predictions, weights)
    assert found == pytest.approx(plain - lost.mean(axis=0), abs=1e-12)
    assert found[2] == 0


def test_bottleneck_importance_of_a_binary_concept_is_the_expected_auroc():
    rng = np.random.default_rng(0)
    labels, binary = rng.integers(0, 2, 80), rng.integers(0, 2, 80)
    rest = rng.normal(size=80)
    found = bottleneck_importance(labels, np.stack([binary, rest], axis=1), [0.7, 1.0])
    answers = rest[:, None] + 0.7 * np.arange(2)
    plain = auroc_point(labels, rest + 0.7 * binary)
    assert found[0] == pytest.approx(plain - expected_auroc(labels, answers, binary), abs=1e-12)


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    given = rng.integers(0, 2, 50), rng.random((50, 2)).round(1), [1.0, -0.5]
    whole = bottleneck_importance(*given)
    monkeypatch.setattr(bottleneck_module, "_CELLS_PER_CHUNK", 150)
    assert (bottleneck_importance(*given) == whole).all()


def test_the_scale_of_the_weights_does_not_count():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 2, 40), rng.random((40, 3))
    small = bottleneck_importance(labels, predictions, [1e-9, 2e-9, 3e-9])
    assert small == pytest.approx(bottleneck_importance(labels, predictions, [1, 2, 3]))


def test_standardised_weights_are_regression_coefficients_of_standardised_concepts():
    rng = np.random.default_rng(0)
    predictions, weights = rng.random((60, 3)) * [1, 5, 0.1], np.array([2.0, -1.0, 3.0])
    scaled = (predictions - predictions.mean(axis=0)) / predictions.std(axis=0, ddof=1)
    fitted, *_ = np.linalg.lstsq(
        np.column_stack([np.ones(60), scaled]), predictions @ weights, rcond=None
    )
    assert standardised_weights(weights, predictions) == pytest.approx(fitted[1:])


def models(count=40, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    oracle = rng.random((count, 6))
    return oracle, oracle + noise * rng.normal(size=oracle.shape)


def test_the_correlation_is_pearsons_with_models_drawn_whole():
    oracle, method = models()
    found = importance_correlation(oracle, method)
    assert found.value == pytest.approx(scipy.stats.pearsonr(oracle.ravel(), method.ravel())[0])
    assert (found.n, found.clusters) == (240, 40)
    # What a model's concepts have in common is not averaged away by their number.
    shift = 2 * np.random.default_rng(1).normal(size=(40, 1))
    together = importance_correlation(oracle, method + shift)
    apart = scipy.stats.pearsonr(oracle.ravel(), (method + shift).ravel()).confidence_interval()
    assert together.low <= together.value <= together.high
    assert found.low < found.value < found.high
    assert together.high - together.low != pytest.approx(apart.high - apart.low, rel=1e-3)


def test_the_auroc_is_that_of_the_oracle_cut_at_each_threshold():
    oracle, method = models()
    half, none, every = importance_auroc(oracle, method, [0.5, 2.0, -1.0])
    assert half.value == pytest.approx(roc_auc_score(oracle.ravel() > 0.5, method.ravel()))
    assert half.low < half.value < half.high < 1
    assert half.clusters == 40
    assert isinstance(none, NotEvaluable)
    assert none.reason == "no importance exceeds 2"
    assert every.reason == "every importance exceeds -1"


def test_top_k_agreement_counts_shared_concepts():
    oracle, method = models()
    found = top_k_agreement(oracle, method)
    for k in range(1, 7):
        shared = [
            len({*np.argsort(-o)[:k]} & {*np.argsort(-m)[:k]}) / k
            for o, m in zip(oracle, method, strict=True)
        ]
        assert found[k - 1].value == pytest.approx(np.mean(shared))
    assert (found[5].low, found[5].high) == (1.0, 1.0)


def test_ties_at_the_kth_place_share_it():
    # Every order of ties, on both sides, in equal parts.
    oracle, method = [[3.0, 2.0, 1.0, 0.0]] * 2, [[1.0, 1.0, 1.0, 0.0]] * 2
    values = [estimate.value for estimate in top_k_agreement(oracle, method)]
    assert values == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert [e.value for e in top_k_agreement(method, [[0.0] * 4] * 2)] == pytest.approx(
        [1 / 4, 1 / 2, 3 / 4, 1]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: importance_correlation([[1, 2]], [[1, 2, 3]]), "for both"),
        (lambda: top_k_agreement([[1, np.nan]] * 2, [[1, 2]] * 2), "NaN"),
        (lambda: importance_auroc([[1, 2]], [[1, 2]], [1.5]), "at least two patients"),
        (lambda: bottleneck_importance([1, 1], [[0.1], [0.2]], [1]), "both classes"),
        (lambda: bottleneck_importance([0, 1], [[0.1, 1], [0.2, 1]], [1]), "expected"),
        (lambda: bottleneck_importance([0, 1], [[np.inf], [0.2]], [1]), "infinite"),
        (lambda: standardised_weights([1], [[0.1]]), "at least two images"),
    ],
)
def test_what_cannot_be_asked_is_an_error(call, message):
    with pytest.raises(AuditError, match=message):
        call()
