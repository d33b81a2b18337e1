"""Cohen's kappa: reference libraries, and intervals where a bootstrap sees nothing."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from auditkit.errors import AuditError
from auditkit.metrics import cohen_kappa, cohen_kappa_estimate, pooled_kappa
from auditkit.metrics.cohen_kappa import Pairs

labels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


@given(labels)
@settings(max_examples=100, deadline=None)
def test_kappa_is_that_of_reference_libraries(rows):
    first, second = np.array(rows).T
    assume(np.unique(rows).size > 1)
    found = cohen_kappa(first, second)
    assert found == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    table = np.zeros((4, 4))
    np.add.at(table, (first, second), 1)
    assert found == pytest.approx(cohens_kappa(table, return_results=False), abs=1e-12)
    assert -1 <= found <= 1
    assert found == cohen_kappa([f"{one} " for one in first], [f"{one} " for one in second])


def test_kappa_of_cohens_first_example():
    # Cohen 1960, Table 1: proportions of 200 units in three categories, kappa = .492.
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    first, second = (np.repeat(part.reshape(-1), table.reshape(-1)) for part in np.indices((3, 3)))
    assert cohen_kappa(first, second) == pytest.approx(0.492, abs=5e-4)


def test_the_pooled_kappa_is_the_mean_and_rests_on_the_same_patients():
    generator = np.random.default_rng(0)
    model = generator.random(80) < 0.5
    wrong = generator.random(80) < 0.2
    one = Pairs(model ^ wrong, model, np.arange(80))
    assert pooled_kappa([one]) == cohen_kappa_estimate(one.first, one.second)
    twice, alone = pooled_kappa([one, one]), pooled_kappa([one])
    assert twice.value == pytest.approx(alone.value)
    # The second expert answered as the first did: nothing is gained.
    assert twice.high - twice.low == pytest.approx(alone.high - alone.low, rel=0.1)
    other = Pairs(model ^ (generator.random(80) < 0.2), model, np.arange(80))
    both = pooled_kappa([one, other])
    assert both.value == pytest.approx(
        (cohen_kappa(one.first, model) + cohen_kappa(other.first, model)) / 2
    )
    assert both.high - both.low < 0.9 * (alone.high - alone.low)


@pytest.mark.parametrize("agree", [True, False])
def test_complete_agreement_has_the_exact_bound_of_balanced_sides(agree):
    x = np.arange(40) % 2
    found = cohen_kappa_estimate(x, x if agree else 1 - x)
    limit = 2 * (1 - 0.025 ** (1 / 40))
    expected = (1 - limit, 1.0) if agree else (-1.0, -1 + limit)
    assert found.value == (1.0 if agree else -1.0)
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.p_above(found.low) == pytest.approx(0.025) or not agree


def test_complete_agreement_says_little_where_one_answer_is_rare():
    x = np.arange(40) < 3
    found = cohen_kappa_estimate(x, x)
    # Three agreements on the rare answer: of ten raters with a kappa of .4 a few would manage that.
    assert found.value == 1.0
    assert found.low < 0.4


def test_one_rater_who_never_varies_has_an_interval_round_zero():
    found = cohen_kappa_estimate(np.zeros(30, dtype=int), np.arange(30) % 2)
    assert found.value == 0.0
    assert found.low < -0.1
    assert found.high > 0.1


def test_few_disagreements_widen_the_interval_beyond_the_bootstraps():
    # One of 30 pairs disagrees; Clopper-Pearson: P_o at least .828, kappa at least .655.
    x = np.arange(30) % 2
    y = x.copy()
    y[0] = 1 - y[0]
    found = cohen_kappa_estimate(x, y)
    assert found.low == pytest.approx(2 * 0.8278 - 1, abs=0.005)


def test_few_disagreements_of_one_patient_are_one():
    x = np.arange(30) % 2
    y = x.copy()
    y[0] = 1 - y[0]
    alone = cohen_kappa_estimate(x, y)
    copied = cohen_kappa_estimate(np.tile(x, 3), np.tile(y, 3), np.tile(np.arange(30), 3))
    assert alone.low - 0.05 < copied.low <= alone.low + 0.01


def test_pairs_of_one_patient_are_no_new_evidence():
    generator = np.random.default_rng(3)
    x = generator.random(40) < 0.5
    y = x ^ (generator.random(40) < 0.25)
    alone = cohen_kappa_estimate(x, y)
    copied = cohen_kappa_estimate(np.tile(x, 3), np.tile(y, 3), np.tile(np.arange(40), 3))
    assert copied.value == pytest.approx(alone.value)
    assert copied.high - copied.low > 0.95 * (alone.high - alone.low)
    assert (copied.n, copied.clusters) == (120, 40)


@given(st.integers(0, 10**6), st.integers(2, 25), st.sampled_from([0.1, 0.5, 0.9]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_interval_and_p_values_belong_together(seed, n, share, grouped):
    generator = np.random.default_rng(seed)
    first, second = generator.random((2, n)) < share
    patients = np.arange(n) // 2 if grouped else None
    assume(np.unique([first, second]).size > 1)
    assume(n > 2 or not grouped)
    found = cohen_kappa_estimate(first, second, patients)
    assert -1 <= found.low <= found.value <= found.high <= 1
    for t in (found.low + 1e-9, found.high - 1e-9):
        assert min(found.p_above(t), found.p_below(t)) > 0.0249 or found.low == found.high
    assert found.low == -1 or found.p_above(found.low - 1e-6) <= 0.025
    assert found.high == 1 or found.p_below(found.high + 1e-6) <= 0.025


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cohen_kappa([1, 1], [1, 1]), "one category throughout"),
        (lambda: cohen_kappa([], []), "one label per unit"),
        (lambda: cohen_kappa([[1, 0]], [[1, 0]]), "one label per unit"),
        (lambda: cohen_kappa([1, np.nan], [1, 0]), "missing"),
        (lambda: cohen_kappa(["A", None], ["A", "B"]), "none missing"),
        (lambda: cohen_kappa([1, 0], [1, 0, 1]), "2 labels against 3"),
        (lambda: cohen_kappa(["0", "1"], [0, 1]), "one kind"),
        (lambda: cohen_kappa_estimate([0, 1], [0, 1], ["p", "p"]), "one patient"),
        (lambda: cohen_kappa_estimate([0, 1], [0, 1], ["p"]), "one for each of 2 units"),
        (lambda: pooled_kappa([]), "at least one"),
    ],
)
def test_what_has_no_kappa_is_refused(call, message):
    with pytest.raises(AuditError, match=message):
        call()
