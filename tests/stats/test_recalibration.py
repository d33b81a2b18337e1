"""Platt scaling against a reference, and that nobody is calibrated on himself."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from auditkit.errors import AuditError
from auditkit.stats.inputs import cluster_images
from auditkit.stats.recalibration import patient_folds, platt, recalibrated

RNG = np.random.default_rng(4)
LOGITS = 3 * RNG.normal(size=300)
OUTCOMES = (RNG.random(300) < expit(0.5 * LOGITS - 0.4)).astype(float)


def test_fit_is_the_maximum_of_platts_likelihood():
    ones = OUTCOMES.sum()
    target = np.where(OUTCOMES == 1, (ones + 1) / (ones + 2), 1 / (300 - ones + 2))

    def loss(beta):
        z = beta[0] + beta[1] * LOGITS
        return (np.logaddexp(0, z) - target * z).sum()

    given = minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-8}).x
    assert platt(OUTCOMES, LOGITS) == pytest.approx(given, abs=1e-5)


def test_overconfident_probabilities_are_pulled_in():
    found = recalibrated(OUTCOMES, expit(LOGITS))
    slope = np.polyfit(LOGITS, logit(found), 1)[0]
    assert slope == pytest.approx(0.5, abs=0.15)


def test_separated_outcomes_and_a_missing_class_stay_finite():
    for outcomes in (np.repeat([0, 1], 10), np.ones(20)):
        found = recalibrated(outcomes, np.linspace(0, 1, 20), folds=4)
        assert ((found > 0) & (found < 1)).all()


def test_own_outcome_does_not_change_the_own_probability():
    patients = np.repeat(np.arange(60), 5)
    before = recalibrated(OUTCOMES, expit(LOGITS), patients, seed=3)
    fold = patient_folds(cluster_images(patients, 300), 5, 3)
    mine = fold == fold[0]
    changed = np.where(mine, 1 - OUTCOMES, OUTCOMES)
    after = recalibrated(changed, expit(LOGITS), patients, seed=3)
    assert (after[mine] == before[mine]).all()
    assert (after[~mine] != before[~mine]).all()


def test_patients_are_never_divided_and_folds_are_level():
    patients = np.repeat(np.arange(23), 3)
    fold = patient_folds(cluster_images(patients, 69), 5, 0)
    assert all(np.ptp(fold[patients == patient]) == 0 for patient in range(23))
    assert np.ptp(np.bincount(fold[::3])) <= 1


def test_one_patient_cannot_be_calibrated_on_others():
    with pytest.raises(AuditError, match="one patient"):
        recalibrated([0, 1], [0.2, 0.7], ["a", "a"])
