"""Intervals and rankings of Shapley values against brute force on planted answers."""

import numpy as np
import pytest

from auditkit import stats
from auditkit.errors import AuditError
from auditkit.metrics.answered import Answered, unseen_cases
from auditkit.metrics.modalities import modality_shapley
from auditkit.metrics.modality_importance import modality_importances, pair_orders

NAMES = ["t1c", "flair", "t1"]


def answers(n=60, performance="accuracy", cues=(2.0, 1.0, 0.0), seed=0, per_patient=1):
    """A score that is the sum of the cues that are there, plus noise of the case."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    cue = (2 * labels[:, None] - 1) * np.array(cues) + rng.normal(size=(n, 3)) * (
        np.array(cues) > 0
    )
    members = np.array([[subset >> m & 1 for m in range(3)] for subset in range(8)])
    score = 1 / (1 + np.exp(-(cue @ members.T + 0.1)))
    patients = np.array([f"p{i // per_patient}" for i in range(n)])
    return Answered(performance, labels, score, (score >= 0.5).astype(int), patients)


def performance_of(given, rows):
    if given.performance == "accuracy":
        return (given.decisions[rows] == given.labels[rows, None]).mean(axis=0)
    high, low = (given.scores[rows][given.labels[rows] == label] for label in (1, 0))
    return ((high[:, None] > low) + (high[:, None] == low) / 2).mean(axis=(0, 1))


@pytest.mark.parametrize("performance", ["accuracy", "auc"])
def test_values_are_eq_1_of_the_performance_of_each_subset(performance):
    given = answers(performance=performance)
    found = modality_importances(given, NAMES)
    values = performance_of(given, np.arange(60))
    np.testing.assert_allclose([one.value for one in found.subsets], values)
    np.testing.assert_allclose(found.values, modality_shapley(values), atol=1e-12)
    residual = found.values.sum() - (found.subsets[-1].value - found.subsets[0].value)
    assert abs(residual) < 1e-12
    np.testing.assert_allclose(found.per_patient.mean(axis=0), found.values, atol=1e-12)


@pytest.mark.parametrize("performance", ["accuracy", "auc"])
def test_one_draw_of_patients_serves_all_subsets(performance):
    """Percentiles of Shapley values of whole patients, drawn here by hand."""
    given = answers(performance=performance, per_patient=2)
    rng, phi = np.random.default_rng(5), []
    for _ in range(400):
        drawn = rng.integers(30, size=30)
        rows = np.concatenate([2 * drawn, 2 * drawn + 1])
        phi.append(modality_shapley(performance_of(given, rows)))
    found = modality_importances(given, NAMES)
    low, high = np.percentile(phi, [2.5, 97.5], axis=0)
    for m, name in enumerate(NAMES[:2]):
        one = found.estimates[name]
        assert (one.low, one.high) == pytest.approx((low[m], high[m]), abs=0.03)
        assert one.clusters == 30
    first = (np.argmax(phi, axis=1) == 0).mean()
    assert found.top_probabilities["t1c"] == pytest.approx(first, abs=0.03)
    own = pair_orders(found.values)
    same = np.mean([(pair_orders(p) == own).all() for p in np.array(phi)])
    assert found.ranking_probability == pytest.approx(same, abs=0.05)


def test_per_patient_rows_have_the_spread_of_the_auroc():
    """Pseudo-values stand for an AUROC where means are compared: their error is DeLong's."""
    given = answers(performance="auc")
    found = modality_importances(given, NAMES)
    error = found.per_patient.std(axis=0, ddof=1) / np.sqrt(60)
    for m, name in enumerate(NAMES[:2]):
        one = found.estimates[name]
        assert error[m] == pytest.approx((one.high - one.low) / 4, rel=0.15)


def test_the_planted_modality_is_first_and_the_others_are_excluded():
    found = modality_importances(answers(200), NAMES)
    assert found.top.value == "t1c"
    assert found.top.candidates == ("t1c",)
    assert found.top_probabilities["t1c"] > 0.95
    assert sum(found.top_probabilities.values()) == pytest.approx(1.0)
    assert found.ranking_probability > 0.95


def test_modalities_alike_are_not_told_apart():
    found = modality_importances(answers(60, cues=(1.0, 1.0, 1.0)), NAMES)
    assert set(found.top.candidates) == set(NAMES)
    assert found.ranking_probability < 0.6


def test_a_modality_that_never_changes_a_decision_has_an_interval_all_the_same():
    found = modality_importances(answers(60, cues=(9.0, 0.0, 0.0)), NAMES)
    one = found.estimates["t1"]
    # Nobody of 60 patients: the exact bound.
    assert (one.value, one.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 60)))
    assert one.low == -one.high
    assert found.estimates["t1c"].low < 0.5 < found.estimates["t1c"].high


def test_cases_that_are_missing_keep_a_modality_possible():
    given = answers(40, cues=(2.0, 1.0, 0.0))
    few, many = (modality_importances(given, NAMES, missing=m).top for m in (0, 40))
    assert few.candidates == ("t1c",)
    assert set(many.candidates) == set(NAMES)


def test_unseen_cases_of_an_auroc_are_of_the_worst_class():
    labels = np.array([0, 0, 0, 1])
    given = Answered("auc", labels, labels * 1.0, labels, labels.astype(str))
    # Two more positives: 9 pairs in place of 3.
    assert unseen_cases(given, 2) == pytest.approx(1 - 3 / 9)
    assert unseen_cases(given, 0) == 0


def test_what_cannot_be_estimated_is_said():
    given = answers(20)
    with pytest.raises(AuditError, match="4 of 2 modalities"):
        modality_importances(given, NAMES[:2])
    alone = Answered("accuracy", given.labels, given.scores, given.decisions, np.full(20, "p"))
    with pytest.raises(AuditError, match="one patient"):
        modality_importances(alone, NAMES)
    one_class = Answered("auc", np.ones(20, int), given.scores, given.decisions, given.patients)
    with pytest.raises(AuditError, match="both classes"):
        modality_importances(one_class, NAMES)


@pytest.mark.parametrize("performance", ["accuracy", "auc"])
def test_subsets_have_the_intervals_of_the_performance_check(performance):
    given = answers(performance=performance)
    found = modality_importances(given, NAMES).subsets[-1]
    if performance == "accuracy":
        own = stats.proportion(given.decisions[:, -1] == given.labels, given.patients)
    else:
        own = stats.auroc(given.labels, given.scores[:, -1], given.patients)
    assert found == own


@pytest.mark.parametrize("performance", ["accuracy", "auc"])
def test_a_ranking_is_settled_where_no_missing_case_can_turn_it(performance):
    given = answers(200, performance)
    whole = modality_importances(given, NAMES)
    assert whole.settled_probability == whole.ranking_probability
    shares = [modality_importances(given, NAMES, missing=m).settled_probability for m in (1, 5, 60)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.9
    assert shares[-1] < 0.1


def test_cases_that_would_turn_a_ranking_leave_it_unsettled():
    """Brute force: three cases more, which only the second modality decides rightly."""
    given = answers(40, cues=(2.0, 1.6, 0.0))
    found = modality_importances(given, NAMES)
    for more in range(1, 40):
        right = np.zeros(8) + [subset >> 1 & 1 and not subset & 1 for subset in range(8)]
        values = (40 * performance_of(given, np.arange(40)) + more * right) / (40 + more)
        if (pair_orders(modality_shapley(values)) != pair_orders(found.values)).any():
            break
    turned = modality_importances(given, NAMES, missing=more)
    beyond = more / (40 + more) / (1 - more / (40 + more))
    assert abs(found.values[0] - found.values[1]) <= beyond
    assert turned.settled_probability < 0.6


def test_tied_modalities_are_no_ranking_if_cases_are_missing():
    found = modality_importances(answers(60, cues=(9.0, 0.0, 0.0)), NAMES)
    assert found.settled_probability == found.ranking_probability > 0.9
    missing = modality_importances(answers(60, cues=(9.0, 0.0, 0.0)), NAMES, missing=1)
    assert missing.ranking_probability == found.ranking_probability
    assert missing.settled_probability == 0
