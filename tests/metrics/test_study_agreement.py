"""Agreement of experts with one another and with themselves: a reference library, and what has no answer."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask

from auditkit.errors import AuditError
from auditkit.metrics import (
    alpha_estimate,
    attribute_agreement,
    attribute_codes,
    choice_alpha,
    equal_attributes,
    experts_kappa,
    krippendorff_alpha,
    repeat_agreement,
    unable_share,
)
from auditkit.metrics.attribute_agreement import MISSING, OTHER


@st.composite
def codes(draw, most=3):
    experts, pairs = draw(st.integers(2, 4)), draw(st.integers(2, 12))
    cell = st.integers(MISSING, most)
    rows = [draw(st.lists(cell, min_size=pairs, max_size=pairs)) for _ in range(experts)]
    return np.array(rows)


def rated_twice(table):
    used = table[:, (table != MISSING).sum(axis=0) >= 2]
    return used, np.unique(used[used != MISSING])


@given(codes())
@settings(max_examples=60, deadline=None)
def test_alpha_is_that_of_a_reference_library(table):
    used, values = rated_twice(table)
    assume(values.size > 1 and used.shape[1] > 1)
    triples = [
        (str(e), str(i), int(used[e, i]))
        for e, i in product(*map(range, used.shape))
        if used[e, i] != MISSING
    ]
    expected = AnnotationTask(data=triples).alpha()
    ratings = np.where(table == MISSING, np.nan, table)
    assert krippendorff_alpha(ratings, "nominal") == pytest.approx(expected)
    assert choice_alpha(table).value == pytest.approx(expected)


def test_the_interval_of_alpha_contains_the_bootstraps():
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, 60)
    table = np.where(generator.random((2, 60)) < 0.8, truth, 1 - truth)
    found, bootstrapped = choice_alpha(table), alpha_estimate(table, "nominal")
    assert found.value == pytest.approx(bootstrapped.value)
    assert found.low <= bootstrapped.low
    assert found.high >= bootstrapped.high
    assert found.high - found.low < 1.15 * (bootstrapped.high - bootstrapped.low)


def test_agreement_on_what_is_rare_says_little_of_alpha():
    table = np.zeros((2, 60, 1), dtype=int)
    table[:, :3] = 1
    found = attribute_agreement(table).attributes[0]
    assert found.value == 1.0
    assert found.low < 0.5
    table[:, :30] = 1
    assert attribute_agreement(table).attributes[0].low > 0.85


def test_attributes_that_nobody_noted_have_a_reason_and_are_not_in_the_mean():
    table = np.zeros((2, 20, 3), dtype=int)
    table[:, :10, 0] = 1
    table[0, :8, 1] = table[1, 4:12, 1] = 2
    found = attribute_agreement(table)
    assert found.attributes[2] == "all ratings are equal"
    values = [one.value for one in found.attributes[:2]]
    assert found.mean.value == pytest.approx(np.mean(values))
    assert found.mean.low < found.mean.value < found.mean.high <= 1
    nothing = attribute_agreement(table[:, :, 2:])
    assert nothing.mean == "no attribute has an alpha"


def test_light_s_kappa_of_three_experts_is_the_mean_over_pairs_of_them():
    table = np.array([[0, 1, 0, 1, 1], [0, 1, 1, 1, MISSING], [1, 1, 0, 0, 1]])
    pairs = [(0, 1, 4), (0, 2, 5), (1, 2, 4)]
    from sklearn.metrics import cohen_kappa_score

    expected = np.mean([cohen_kappa_score(table[i, :n], table[j, :n]) for i, j, n in pairs])
    assert experts_kappa(table).value == pytest.approx(expected)


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_codes_and_equal_attributes_are_those_of_loops(seed):
    generator = np.random.default_rng(seed)
    shape = (2, 5, 3)
    tables = []
    for _ in range(2):
        s = generator.random((*shape, 5)) < 0.2
        assessed = generator.random(shape[:2]) < 0.7
        found = attribute_codes(s, assessed)
        for e, i, a in product(*map(range, shape)):
            where = set(np.flatnonzero(s[e, i, a]))
            sides = [bool(where & {0, 1}), bool(where & {3, 4})]
            expected = {(1, 0): 1, (0, 1): 2, (1, 1): OTHER}.get(
                tuple(sides), OTHER if where else 0
            )
            assert found[e, i, a] == (expected if assessed[e, i] else MISSING)
        tables.append(found)
    either, same = 0, 0
    for place in product(*map(range, shape)):
        one, other = (table[place] for table in tables)
        if MISSING in (one, other) or not (one or other):
            continue
        either, same = either + 1, same + (one == other)
    assume(either)
    found = equal_attributes(*tables)
    assert found.value == pytest.approx(same / either)
    assert found.n == either


def test_experts_who_repeat_themselves_have_a_kappa_of_one_and_a_lower_limit():
    first = np.tile([0, 1], (2, 20))
    again = np.where(np.arange(40) < 10, first, MISSING)
    found = repeat_agreement(first, again)
    assert [one.value for one in found.experts] == [1.0, 1.0]
    assert found.pooled.value == 1.0
    # Ten pairs: P_o at least .692, that is 1 - 2 * .308.
    assert found.experts[0].low == pytest.approx(1 - 2 * (1 - 0.025**0.1))
    assert found.pooled.low == pytest.approx(found.experts[0].low, abs=0.02)


def test_repeats_that_were_not_asked_about_are_a_reason():
    first = np.array([[0, 1, 1], [1, 0, 1]])
    again = np.array([[0, 1, MISSING], [MISSING] * 3])
    found = repeat_agreement(first, again)
    assert found.experts[0].value == 1.0
    assert found.experts[1] == "no pair was answered twice"
    assert found.pooled.value == 1.0
    nothing = repeat_agreement(first, np.full((2, 3), MISSING))
    assert nothing.pooled == "no expert has a kappa"


def test_the_share_unable_counts_pairs_and_patients():
    unable = np.zeros((2, 40), dtype=bool)
    unable[0, :2] = unable[1, 1:4] = True
    found = unable_share(np.ones((2, 40), dtype=bool), unable, np.arange(40) // 2)
    assert (found.value, found.n, found.clusters) == (0.1, 40, 20)
    nobody = unable_share(np.ones((2, 40), dtype=bool), np.zeros((2, 40), dtype=bool))
    assert nobody.high == pytest.approx(1 - 0.025 ** (1 / 40))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: choice_alpha([[0, 1], [MISSING, MISSING]]), "no unit has two ratings"),
        (lambda: choice_alpha([[0, 0], [0, 0]]), "all ratings are equal"),
        (lambda: choice_alpha([[0, 1], [0, 1]], ["p", "p"]), "one patient"),
        (lambda: choice_alpha([0, 1]), "were expected"),
        (lambda: choice_alpha([[0.5, 1.0]]), "whole numbers"),
        (lambda: experts_kappa([[0, 1]]), "needs two"),
        (lambda: experts_kappa([[0, 1], [MISSING, MISSING]]), "answered twice"),
        (lambda: repeat_agreement([[0, 1]], [[0]]), "one shape"),
        (lambda: equal_attributes([[[1]]], [[[1, 1]]]), "one shape"),
        (lambda: equal_attributes([[[0]]], [[[0]]]), "no attribute was noted"),
        (lambda: unable_share([[0, 0]], [[0, 0]]), "no pair was answered"),
        (lambda: unable_share([[1, 1]], [[0, 0]], ["p"]), "one for each of 2 pairs"),
    ],
)
def test_what_has_no_agreement_is_refused(call, message):
    with pytest.raises(AuditError, match=message):
        call()
