"""A small study worked out on paper: two experts, two models, five references, four attributes."""

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.metrics import (
    assessed_pairs,
    attribute_agreement,
    attribute_codes,
    attribute_estimates,
    attribute_ranks,
    attribute_scores,
    choice_alpha,
    cohen_kappa,
    equal_attributes,
    experts_kappa,
    global_order,
    model_order,
    pooled_kappa,
    repeat_agreement,
    unable_share,
)
from auditkit.metrics.attribute_agreement import MISSING
from auditkit.metrics.cohen_kappa import Pairs

EXPERTS = ("R", "S")
REFERENCES = ("r1", "r2", "r3", "r4", "r5")
PINKER, DARKER, LARGER, HAIR = ATTRIBUTES = (
    *("background/pinker", "lesion/darker", "lesion/larger", "other/hair"),
)
# What a comparator says if A is the benign picture; if A is the malignant one, the list is read backwards.
COMPARATORS = ("A only", "A > B", "different", "A < B", "B only")
UNABLE = "unable"

# Which picture of the pair's own two is the malignant one, 0 or 1.
MALIGNANT = {
    "M": {"r1": 1, "r2": 0, "r3": 0, "r4": 1, "r5": 0},
    "N": {"r1": 0, "r2": 1, "r3": 0, "r4": 1, "r5": 1},
}
# (model, reference, expert): which picture was displayed as A, what was chosen, what was noted.
FIRST = {
    ("M", "r1", "R"): ("benign", "B", [(PINKER, "A < B"), (DARKER, "B only")]),
    ("M", "r1", "S"): ("malignant", "A", [(PINKER, "A only")]),
    # The same attribute noted twice on one side: it counts once there.
    ("M", "r2", "R"): (
        "malignant",
        "A",
        [(PINKER, "A > B"), (PINKER, "A only"), (HAIR, "different")],
    ),
    ("M", "r2", "S"): ("benign", "A", [(DARKER, "A > B")]),
    # S is unable to assess r3, so that what R noted there does not count.
    ("M", "r3", "R"): ("malignant", "A", [(PINKER, "A > B"), (DARKER, "A only")]),
    ("M", "r3", "S"): ("benign", UNABLE, []),
    ("M", "r4", "R"): ("malignant", "B", [(DARKER, "A > B"), (LARGER, "B only")]),
    ("M", "r4", "S"): ("benign", "B", [(PINKER, "A > B"), (LARGER, "A only")]),
    ("M", "r5", "R"): ("benign", "B", [(DARKER, "A < B")]),
    ("M", "r5", "S"): ("malignant", "B", [(DARKER, "A only"), (PINKER, "B only")]),
    ("N", "r1", "R"): ("malignant", "A", [(PINKER, "A > B")]),
    ("N", "r1", "S"): ("malignant", "A", [(PINKER, "A only")]),
    ("N", "r2", "R"): ("benign", UNABLE, [(HAIR, "A only")]),
    ("N", "r2", "S"): ("benign", "B", [(PINKER, "B only")]),
    ("N", "r3", "R"): ("benign", "A", [(PINKER, "A > B")]),
    ("N", "r3", "S"): ("benign", "B", [(DARKER, "B only")]),
    ("N", "r4", "R"): ("benign", "B", [(HAIR, "A only")]),
    ("N", "r4", "S"): ("malignant", "B", [(HAIR, "A < B")]),
    ("N", "r5", "R"): ("malignant", "A", [(LARGER, "different"), (HAIR, "A only")]),
    ("N", "r5", "S"): ("benign", "B", []),
}
AGAIN = {
    ("M", "r1", "R"): ("malignant", "A", [(PINKER, "A only")]),
    ("M", "r4", "R"): ("benign", "B", [(DARKER, "B only"), (LARGER, "A < B")]),
    ("M", "r2", "S"): ("malignant", "B", []),
    ("M", "r4", "S"): ("malignant", "A", [(PINKER, "A < B"), (LARGER, "B only")]),
}


class Laid:
    """The answers to one model as the arrays that the functions take."""

    def __init__(self, model, answers):
        shape = (len(EXPERTS), len(REFERENCES))
        self.s = np.zeros((*shape, len(ATTRIBUTES), 5), dtype=bool)
        self.answered, self.unable = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.chosen, self.displayed, self.model = (np.full(shape, MISSING) for _ in range(3))
        for (of, reference, expert), (left, chosen, rows) in answers.items():
            if of != model:
                continue
            at = EXPERTS.index(expert), REFERENCES.index(reference)
            self.answered[at] = True
            self.unable[at] = chosen == UNABLE
            for attribute, comparator in rows:
                place = COMPARATORS.index(comparator)
                direction = place if left == "benign" else 4 - place
                self.s[(*at, ATTRIBUTES.index(attribute), direction)] = True
            if chosen != UNABLE:
                is_malignant = (left == "malignant") == (chosen == "A")
                malignant = MALIGNANT[model][reference]
                self.chosen[at] = malignant if is_malignant else 1 - malignant
                self.displayed[at] = "AB".index(chosen)
                self.model[at] = 0 if left == "malignant" else 1
        self.assessed = assessed_pairs(self.answered, self.unable)


@pytest.fixture(scope="module")
def first():
    return {model: Laid(model, FIRST) for model in "MN"}


@pytest.fixture(scope="module")
def again():
    return Laid("M", AGAIN)


def test_a_pair_that_one_expert_cannot_assess_counts_for_neither(first):
    assert first["M"].assessed.tolist() == [[True, True, False, True, True]] * 2
    assert first["N"].assessed.tolist() == [[True, False, True, True, True]] * 2


def test_scores_of_the_first_model(first):
    found = attribute_scores(first["M"].s, first["M"].assessed)
    assert found.entries == 8
    assert (8 * found.directions).tolist() == [
        [1, 1, 0, 2, 2],  # pinker: S r5; S r4; nobody; R r1, R r2; R r2 again, S r1
        [0, 1, 0, 2, 2],  # darker: S r2; R r4, R r5; R r1, S r5
        [2, 0, 0, 0, 0],  # larger: R r4, S r4
        [0, 0, 1, 0, 0],  # hair: R r2
    ]
    assert (8 * found.benign).tolist() == [2, 1, 2, 0]
    assert (8 * found.malignant).tolist() == [3, 4, 0, 0]  # R r2 noted pinker twice
    assert (8 * found.noted).tolist() == [5, 5, 2, 1]
    assert found.predominant == ("neither", "malignant", "benign", "neither")
    assert found.displayed.tolist() == [0.3125, 0.5, 0.25, 0.0]


def test_scores_of_the_second_model_where_a_factor_of_exactly_two_is_neither(first):
    found = attribute_scores(first["N"].s, first["N"].assessed)
    assert (8 * found.benign).tolist() == [1, 0, 0, 2]
    assert (8 * found.malignant).tolist() == [2, 1, 0, 1]
    assert (8 * found.noted).tolist() == [3, 1, 1, 3]
    assert found.predominant == ("neither", "malignant", "neither", "neither")
    assert found.displayed.tolist() == [0.1875, 0.125, 0.0, 0.1875]


def test_estimates_have_the_values_of_the_scores(first):
    for one in first.values():
        points = attribute_scores(one.s, one.assessed)
        found = attribute_estimates(one.s, one.assessed)
        assert [each.score.value for each in found] == pytest.approx(points.displayed.tolist())
        assert [each.benign.value for each in found] == points.benign.tolist()
        assert [each.malignant.value for each in found] == points.malignant.tolist()
        assert [each.noted.value for each in found] == points.noted.tolist()
        assert tuple(each.direction.value for each in found) == points.predominant
        # So few notes exclude nothing: 4 against 1 may as well be equal.
        assert {len(each.direction.candidates) for each in found} == {3}
        assert {(each.score.n, each.score.clusters) for each in found} == {(8, 4)}


def test_global_order_is_by_rank_sum_and_the_own_list_by_share_noted(first):
    scores = [attribute_scores(first[m].s, first[m].assessed) for m in "MN"]
    sizes = [one.displayed for one in scores]
    assert attribute_ranks(sizes).tolist() == [[2, 1, 3, 4], [1.5, 3, 4, 1.5]]
    # Rank sums: pinker 3.5, darker 4, larger 7, hair 5.5.
    assert [ATTRIBUTES[i] for i in global_order(sizes, ATTRIBUTES)] == [
        PINKER,
        DARKER,
        HAIR,
        LARGER,
    ]
    own = [[ATTRIBUTES[i] for i in model_order(one.noted, ATTRIBUTES)] for one in scores]
    assert own == [[PINKER, DARKER, LARGER, HAIR], [PINKER, HAIR, DARKER, LARGER]]


def test_kappa_with_the_model_is_about_displayed_sides(first):
    one = first["M"]
    # Of r1, r2, r4, r5 the model calls B, A, A, B malignant for R, and R chose B, A, B, B: 3 of 4 agree,
    # by chance 1/2. For S it is A, B, B, A against A, A, B, B: 2 of 4, by chance 1/2.
    pairs = [
        Pairs(one.displayed[e, kept], one.model[e, kept], np.flatnonzero(kept))
        for e, kept in enumerate(one.assessed)
    ]
    assert [cohen_kappa(each.first, each.second) for each in pairs] == [0.5, 0.0]
    found = pooled_kappa(pairs)
    assert (found.value, found.n, found.clusters) == (0.25, 8, 4)


def test_agreement_between_experts_is_about_the_pairs_own_pictures(first):
    one = first["M"]
    choices = np.where(one.assessed, one.chosen, MISSING)
    assert choices.tolist() == [[1, 0, MISSING, 0, 0], [1, 1, MISSING, 1, 1]]
    # 3 of 4 pairs disagree; of 8 choices 5 are 1 and 3 are 0: alpha = 1 - (3/4) / (2 * 15 / 56).
    assert choice_alpha(choices).value == pytest.approx(-0.4)
    assert experts_kappa(choices).value == 0.0  # S always chose 1: by chance they agree as often


def test_agreement_on_attributes(first):
    codes = attribute_codes(first["M"].s, first["M"].assessed)
    assert codes[:, [0, 1, 3, 4]].tolist() == [
        [[2, 2, 0, 0], [2, 0, 0, 3], [0, 2, 1, 0], [0, 2, 0, 0]],
        [[2, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [1, 2, 0, 0]],
    ]
    assert (codes[:, 2] == MISSING).all()
    found = attribute_agreement(codes)
    # Of 8 codes each. pinker: 1 of 4 pairs agrees; 3 not noted, 2 benign, 3 malignant: D_e = (64 - 22) / 56.
    # darker: 1 agrees; 3, 1, 4: (64 - 26) / 56. larger: all agree. hair: 3 agree; 7, 1: (64 - 50) / 56.
    expected = [1 - 0.75 / (42 / 56), 1 - 0.75 / (38 / 56), 1.0, 1 - 0.25 / (14 / 56)]
    assert [one.value for one in found.attributes] == pytest.approx(expected)
    assert found.mean.value == pytest.approx(np.mean(expected))


def test_answers_to_repeated_pairs(first, again):
    one = first["M"]
    found = repeat_agreement(one.chosen, again.chosen)
    # R chose 1 and 0 in r1 and r4, then 1 and 1: half agree, by chance half.
    assert found.experts[0].value == 0.0
    # S chose 1 and 1 in r2 and r4, both times: nothing to correct for chance with.
    assert found.experts[1].startswith("both give one category")
    assert found.pooled.value == 0.0
    codes = attribute_codes(one.s, one.assessed)
    codes_again = attribute_codes(again.s, again.answered)
    # R r1: pinker of pinker, darker; R r4: darker of darker, larger; S r2: none of darker; S r4: both of two.
    assert equal_attributes(codes, codes_again).value == pytest.approx(4 / 7)


def test_share_of_pairs_that_could_not_be_assessed(first):
    one = first["M"]
    assert unable_share(one.answered, one.unable).value == 0.2
    assert unable_share(one.answered[:1], one.unable[:1]).value == 0.0
    assert unable_share(one.answered[1:], one.unable[1:]).value == 0.2


def test_a_pair_without_an_answer_counts_for_the_others(first):
    one = first["M"]
    answered, s = one.answered.copy(), one.s.copy()
    answered[1, 4] = False  # S has not answered r5
    s[1, 4] = False
    found = attribute_scores(s, assessed_pairs(answered, one.unable))
    assert found.entries == 7
    assert (7 * found.benign).round(9).tolist() == [1, 1, 2, 0]


def test_without_any_assessed_pair_there_is_no_score(first):
    with pytest.raises(AuditError, match="no pair was assessed"):
        attribute_scores(first["M"].s, np.zeros((2, 5), dtype=bool))
