"""Scores of noted attributes: held to loops, and their intervals to what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.metrics import (
    assessed_pairs,
    attribute_estimates,
    attribute_ranks,
    attribute_scores,
    global_order,
    model_order,
    top_shares,
)
from auditkit.metrics.attribute_scores import predominant
from auditkit.metrics.rank_sum import Noted
from auditkit.stats.resampling import patient_weights


@st.composite
def studies(draw, most_pairs=6):
    shape = draw(st.tuples(*(st.integers(1, most) for most in (3, most_pairs, 3))))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    s = generator.random((*shape, 5)) < draw(st.sampled_from([0.1, 0.4, 0.8]))
    assessed = generator.random(shape[:2]) < 0.8
    assessed[0, 0] = True
    return s, assessed


def looped(s, assessed):
    """The paper's sums, entry by entry."""
    experts, pairs, attributes, directions = s.shape
    entries = [(e, i) for e in range(experts) for i in range(pairs) if assessed[e, i]]
    rows = []
    for a in range(attributes):
        noted = [[d for d in range(directions) if s[e, i, a, d]] for e, i in entries]
        single = [sum(d in one for one in noted) for d in range(directions)]
        benign = sum(bool({0, 1} & set(one)) for one in noted)
        malignant = sum(bool({3, 4} & set(one)) for one in noted)
        if benign > 2 * malignant:
            side, size = "benign", benign
        elif malignant > 2 * benign:
            side, size = "malignant", malignant
        else:
            side, size = "neither", (benign + malignant) / 2
        rows.append((single, benign, malignant, sum(map(bool, noted)), side, size))
    return len(entries), rows


@given(studies())
@settings(max_examples=80, deadline=None)
def test_scores_are_those_of_loops(study):
    found, (entries, rows) = attribute_scores(*study), looped(*study)
    single, benign, malignant, noted, side, size = zip(*rows, strict=True)
    assert found.entries == entries
    assert found.predominant == side
    for own, expected in (
        (found.directions, single),
        (found.benign, benign),
        (found.malignant, malignant),
        (found.noted, noted),
        (found.displayed, size),
    ):
        np.testing.assert_allclose(own, np.array(expected) / entries)


@given(studies())
@settings(max_examples=20, deadline=None)
def test_what_an_expert_noted_where_it_does_not_count_changes_nothing(study):
    s, assessed = study
    found = attribute_scores(np.where(assessed[:, :, None, None], s, True), assessed)
    np.testing.assert_array_equal(found.directions, attribute_scores(s, assessed).directions)


@given(st.lists(st.lists(st.sampled_from("yun"), min_size=4, max_size=4), min_size=1, max_size=3))
def test_which_pairs_count_is_that_of_loops(rows):
    answered = [[cell != "n" for cell in row] for row in rows]
    unable = [[cell == "u" for cell in row] for row in rows]
    found = assessed_pairs(answered, unable)
    for i in range(4):
        filtered = any(row[i] == "u" for row in rows)
        for e, row in enumerate(rows):
            assert found[e, i] == (row[i] == "y" and not filtered)


@pytest.mark.parametrize(
    ("benign", "malignant", "side"),
    [(0, 0, "neither"), (1, 0, "benign"), (0, 1, "malignant"), (4, 2, "neither"), (5, 2, "benign")],
)
def test_predominant_means_strictly_more_than_twice(benign, malignant, side):
    assert predominant(benign, malignant) == side


def seen(benign, malignant, pairs, experts=2, both=True):
    """Experts who note the first pairs as benign, the next as malignant; alike, or each their own."""
    s = np.zeros((experts, pairs, 1, 5), dtype=bool)
    for e in range(experts):
        shift = 0 if both else e * (benign + malignant)
        s[e, shift : shift + benign, 0, 0] = True
        s[e, shift + benign : shift + benign + malignant, 0, 4] = True
    return s, np.ones((experts, pairs), dtype=bool)


def test_nothing_noted_has_an_upper_limit_that_rests_on_patients():
    for experts in (1, 2, 5):
        found = attribute_estimates(*seen(0, 0, 60, experts))[0]
        assert found.noted.high == pytest.approx(1 - 0.025 ** (1 / 60), rel=0.01)
        assert (found.score.low, found.score.value) == (0.0, 0.0)
        # A tenth of the error is spent on the direction.
        assert found.score.high == pytest.approx(1 - 0.0225 ** (1 / 60), rel=0.01)
    patients = np.repeat(np.arange(12), 5)
    found = attribute_estimates(*seen(0, 0, 60), patients)[0]
    assert found.noted.high == pytest.approx(1 - 0.025 ** (1 / 12))


def test_two_experts_who_note_the_same_are_hardly_more_than_one():
    alike = attribute_estimates(*seen(12, 0, 60))[0].benign
    alone = attribute_estimates(*seen(12, 0, 60, experts=1))[0].benign
    apart = attribute_estimates(*seen(12, 0, 60, both=False))[0].benign
    assert alike.high - alike.low == pytest.approx(alone.high - alone.low, rel=0.06)
    assert apart.high - apart.low < 0.85 * (alone.high - alone.low)


def test_a_direction_is_alone_only_where_the_others_are_excluded():
    # 9 of 9 pairs: if q were 2/3, (2/3)^9 = .026 > .025; with 10 of 10 it is .017.
    assert attribute_estimates(*seen(9, 0, 60, 1))[0].direction.candidates == ("benign", "neither")
    found = attribute_estimates(*seen(10, 0, 60, 1))[0].direction
    assert found.candidates == ("benign",)
    assert found.p_values["neither"] == pytest.approx((2 / 3) ** 10)
    assert found.p_values["malignant"] == pytest.approx((1 / 3) ** 10)
    # The other expert saw the same pictures: no new evidence.
    assert len(attribute_estimates(*seen(9, 0, 60, 2))[0].direction.candidates) == 2
    assert attribute_estimates(*seen(40, 40, 90, 1))[0].direction.candidates == ("neither",)


@given(studies(most_pairs=20))
@settings(max_examples=25, deadline=None)
def test_intervals_and_p_values_of_displayed_sizes_belong_together(study):
    s, assessed = study
    patients = np.arange(s.shape[1]) // 2
    points = attribute_scores(s, assessed)
    for a, found in enumerate(attribute_estimates(s, assessed, patients)):
        score = found.score
        assert score.value == pytest.approx(points.displayed[a])
        assert 0 <= score.low <= score.value <= score.high <= 1
        for t in (score.low + 1e-9, score.high - 1e-9):
            if score.low < t < score.high:
                assert min(score.p_above(t), score.p_below(t)) > 0.025
        assert score.low == 0 or score.p_above(score.low - 1e-6) <= 0.025
        assert score.high == 1 or score.p_below(score.high + 1e-6) <= 0.025
        assert found.direction.value == points.predominant[a]


@given(studies())
@settings(max_examples=20, deadline=None)
def test_benign_and_malignant_are_treated_alike(study):
    s, assessed = study
    turned = {"benign": "malignant", "malignant": "benign", "neither": "neither"}
    for one, other in zip(
        attribute_estimates(s, assessed),
        attribute_estimates(s[..., ::-1], assessed),
        strict=True,
    ):
        for own, mirrored in ((one.score, other.score), (one.benign, other.malignant)):
            assert (own.low, own.high) == pytest.approx((mirrored.low, mirrored.high))
        assert set(one.direction.candidates) == {turned[d] for d in other.direction.candidates}


def test_the_interval_of_a_displayed_size_holds_where_the_direction_switches():
    # Noted as benign in 21 %, as malignant in 10 %: the size is .21, but half of the samples say .155.
    hits = []
    for run in range(100):
        depth = np.random.default_rng(run).random((1, 100))
        s = np.zeros((1, 100, 1, 5), dtype=bool)
        s[:, :, 0, 1], s[:, :, 0, 3] = depth < 0.21, depth > 0.9
        found = attribute_estimates(s, np.ones((1, 100), dtype=bool))[0]
        hits.append(found.score.low <= 0.21 <= found.score.high)
    assert np.mean(hits) >= 0.94


@given(st.lists(studies(), min_size=1, max_size=3), st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_shares_of_the_top_list_are_those_of_copied_pairs(models, top):
    attributes = models[0][0].shape[2]
    models = [(s[:, :, :1].repeat(attributes, axis=2), a) for s, a in models]
    models = [
        (s & (np.random.default_rng(k).random(s.shape) < 0.7), a) for k, (s, a) in enumerate(models)
    ]
    patients = [np.arange(s.shape[1]) % 4 for s, _ in models]
    names = [f"n{9 - a}" for a in range(attributes)]
    count = len(set(np.concatenate(patients).tolist()))
    if count < 2:
        return
    # Patients in the order of their ids, as the function draws them.
    drawn = patient_weights(np.random.default_rng(7), 40, count)
    inside, defined = np.zeros(attributes), 0
    for weights in drawn.astype(int):
        sizes = []
        for (s, assessed), owner in zip(models, patients, strict=True):
            copies = np.repeat(np.arange(owner.size), weights[owner])
            if assessed[:, copies].any():
                sizes.append(attribute_scores(s[:, copies], assessed[:, copies]).noted)
        if len(sizes) == len(models):
            defined += 1
            inside[list(global_order(sizes, names)[:top])] += 1
    noted = [Noted(s, a, p) for (s, a), p in zip(models, patients, strict=True)]
    if not defined:
        with pytest.raises(AuditError, match="every resample"):
            top_shares(noted, names, top, 7, replicates=40)
        return
    found = top_shares(noted, names, top, 7, replicates=40)
    np.testing.assert_allclose(found, inside / defined)
    assert found.sum() == pytest.approx(min(top, attributes))


def test_the_top_list_is_certain_only_where_patients_agree():
    generator = np.random.default_rng(0)
    s = np.zeros((2, 60, 4, 5), dtype=bool)
    for a, share in enumerate((0.6, 0.2, 0.19, 0.0)):
        s[:, :, a, 0] = generator.random((2, 60)) < share
    found = top_shares([Noted(s, np.ones((2, 60), dtype=bool), np.arange(60))], list("abcd"), 2)
    assert found[0] == 1.0
    assert found[3] == 0.0
    assert 0.1 < found[1] < 0.9
    assert found[1] + found[2] == pytest.approx(1.0)


def test_the_top_list_counts_every_direction_alike():
    s = np.zeros((2, 20, 2, 5), dtype=bool)
    s[:, :, 0, 2] = True  # different, in every pair: nothing predominates
    s[:, :12, 1, 4] = True
    found = top_shares([Noted(s, np.ones((2, 20), dtype=bool), np.arange(20))], ["x", "y"], 1)
    assert found.tolist() == [1.0, 0.0]


def test_ties_go_by_name_wherever_they_stand():
    assert global_order([[0.2, 0.2, 0.2, 0.5]], ["c", "a", "b", "z"]) == (3, 1, 2, 0)
    assert model_order([0.2, 0.2, 0.5], ["b", "a", "z"]) == (2, 1, 0)
    assert attribute_ranks([[0.0, 0.0, 0.0]]).tolist() == [[2, 2, 2]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: attribute_scores(np.zeros((2, 3, 1, 4)), np.ones((2, 3))), "were expected"),
        (lambda: attribute_scores(np.zeros((2, 3, 1, 5)), np.ones((3, 2))), "were expected"),
        (lambda: attribute_scores(np.full((1, 1, 1, 5), 2), np.ones((1, 1))), "true or false"),
        (lambda: attribute_scores(np.full((1, 1, 1, 5), np.nan), np.ones((1, 1))), "true or false"),
        (lambda: assessed_pairs([[1, 0]], [[0]]), "one shape"),
        (
            lambda: attribute_estimates(np.zeros((1, 2, 1, 5)), np.ones((1, 2)), ["p"]),
            "one for each of 2 pairs",
        ),
        (lambda: attribute_ranks([[0.1, np.nan]]), "finite"),
        (lambda: global_order([[0.1, 0.2]], ["a", "a"]), "one for each"),
        (lambda: model_order([[0.1, 0.2]], ["a", "b"]), "one finite share"),
        (lambda: top_shares([], []), "at least one was expected"),
    ],
)
def test_what_cannot_be_scored_is_refused(call, message):
    with pytest.raises(AuditError, match=message):
        call()
