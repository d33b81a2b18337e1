"""What is not known of experts' answers: whatever it were, no expectation passes that it could fail."""

import numpy as np
import pytest
from answers_world import write_answers
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.checks.expert_study.studied import Study
from auditkit.checks.expert_study.unknown import Unknown
from auditkit.data.answer_arrays import ModelAnswers
from auditkit.data.answers import read_answers
from auditkit.metrics.attribute_agreement import MISSING
from auditkit.metrics.attribute_estimates import attribute_estimates
from auditkit.metrics.attribute_scores import attribute_scores
from auditkit.spec.audit import Expectation
from auditkit.verdict import Verdict, judge, worst_case

PINK, DARK = "background/pinker", "lesion/darker"
SIDES = ("first", "second")


def measured(card):
    return Study.of(read_answers(card)).models[0].findings


def verdict(measurement, **limits):
    wanted = {"measure": measurement.name, "why": "test", **limits}
    return judge(Expectation.model_validate(wanted), measurement).verdict


def pairs_of(count):
    return [{"pair": f"p{i}", "model": "m", "image": f"i{i}"} for i in range(count)]


def choice(expert, pair, **changes):
    """The second picture, the malignant one, is chosen; it is displayed as A in even pairs."""
    shown = {"left": SIDES[pair % 2 == 0], "chosen": "AB"[pair % 2]}
    return {"expert": expert, "pair": f"p{pair}", **shown, **changes}


def note(expert, pair, name=PINK, more="malignant", **changes):
    on_a = (pair % 2 == 0) == (more == "malignant")
    comparator = "A > B" if on_a else "A < B"
    return {
        "expert": expert,
        "pair": f"p{pair}",
        "attribute": name,
        "comparator": comparator,
        **changes,
    }


def ungrouped(expert, pair, **changes):
    return note(expert, pair, "", category="background", text="redder skin", **changes)


ALL = [choice(expert, pair) for expert in "ab" for pair in range(100)]


def test_what_was_grouped_into_nothing_could_be_any_attribute(tmp_path):
    noted = [ungrouped(expert, pair) for expert in "ab" for pair in range(60)]
    found = measured(
        write_answers(tmp_path, pairs_of(100), ALL, noted, attributes=[{"attribute": PINK}])
    )
    for part in ("score", "benign", "malignant", "noted"):
        one = found[f"attribute[{PINK}].{part}"]
        assert one.not_evaluable == {"an attribute that was not grouped": 120}
        assert one.estimate.n == 80
        assert verdict(one, below=0.1) is Verdict.INCONCLUSIVE
        assert worst_case(one)[1] >= 0.6
    assert found[f"attribute[{PINK}].direction"].affected == 1
    # Which picture was chosen has nothing to do with it.
    assert found.find("kappa", {}).not_evaluable == {}


def test_notes_of_repeats_and_of_filtered_pairs_leave_nothing_open(tmp_path):
    choices = [*ALL, choice("a", 3, showing="repeat")]
    choices[7] = choice("a", 7, chosen="", unable="yes")
    noted = [note("a", 0), ungrouped("a", 3, showing="repeat"), ungrouped("b", 7)]
    one = measured(write_answers(tmp_path, pairs_of(100), choices, noted))[
        f"attribute[{PINK}].score"
    ]
    assert one.not_evaluable == {"an expert was unable to assess the pair": 2}
    assert worst_case(one) == (one.estimate.low, one.estimate.high)


def test_a_direction_with_an_ungrouped_note_does_not_pass(tmp_path):
    noted = [note(expert, pair) for expert in "ab" for pair in range(40)]
    whole = measured(write_answers(tmp_path, pairs_of(100), ALL, noted))
    direction = f"attribute[{PINK}].direction"
    assert verdict(whole[direction], **{"in": ["malignant"]}) is Verdict.PASS
    (tmp_path / "x").mkdir()
    found = measured(
        write_answers(tmp_path / "x", pairs_of(100), ALL, [*noted, ungrouped("a", 99)])
    )
    assert verdict(found[direction], **{"in": ["malignant"]}) is Verdict.INCONCLUSIVE


def test_a_missing_answer_might_have_removed_those_of_the_others(tmp_path):
    """Four of five experts noted it in pairs of which the fifth did not answer."""
    choices = [
        choice(expert, pair)
        for expert in "abcde"
        for pair in range(100)
        if pair > 19 or expert < "e"
    ]
    noted = [note(e, pair) for e in "abcde" for pair in range(24) if pair > 19 or e < "e"]
    name = f"attribute[{PINK}].noted"
    one = measured(write_answers(tmp_path, pairs_of(100), choices, noted))[name]
    assert one.affected == pytest.approx(100 / 500)
    assert verdict(one, above=0.06) is Verdict.INCONCLUSIVE
    unable = [choice("e", pair, chosen="", unable="yes") for pair in range(20)]
    (tmp_path / "x").mkdir()
    truth = measured(write_answers(tmp_path / "x", pairs_of(100), choices + unable, noted))[name]
    assert truth.estimate.value == pytest.approx(20 / 400)
    assert worst_case(one)[0] <= truth.estimate.low


@pytest.mark.parametrize("missing", [20, 68])
def test_missing_answers_may_switch_the_direction_and_with_it_the_size(tmp_path, missing):
    """Most notes are benign, just over twice as many; the answers that are missing might all be malignant."""
    given = [choice("a", pair) for pair in range(200)]
    given += [choice("b", pair) for pair in range(200 - missing)]
    asked = [("a", pair) for pair in range(200)] + [("b", pair) for pair in range(200 - missing)]
    noted = [note(*one, more="benign") for one in asked[::5] + asked[1::5] + asked[2::5]]
    noted += [note(*one) for one in asked[3::5] + asked[4 : len(asked) // 4 : 5]]
    found = measured(write_answers(tmp_path, pairs_of(200), given, noted))
    one = found[f"attribute[{PINK}].score"]
    assert found[f"attribute[{PINK}].direction"].choice.value == "benign"
    added = [("b", pair) for pair in range(200 - missing, 200)]
    (tmp_path / "x").mkdir()
    truth = measured(
        write_answers(
            tmp_path / "x",
            pairs_of(200),
            given + [choice(*at) for at in added],
            noted + [note(*at) for at in added],
        )
    )
    assert truth[f"attribute[{PINK}].direction"].choice.value == "neither"
    # Most of the way down is the jump; the share of missing answers alone would not reach it.
    low = worst_case(one)[0]
    assert low <= truth[f"attribute[{PINK}].score"].estimate.low
    assert one.affected > found[f"attribute[{PINK}].benign"].affected


def test_where_no_direction_can_open_the_size_is_as_safe_as_its_sides(tmp_path):
    choices = ALL[:-1]
    noted = [note(expert, pair) for expert in "ab" for pair in range(60)]
    found = measured(write_answers(tmp_path, pairs_of(100), choices, noted))
    sides = found[f"attribute[{PINK}].malignant"].affected
    # The missing answer, and the other one to its pair.
    assert sides == pytest.approx(2 / 200)
    assert found[f"attribute[{PINK}].score"].affected == pytest.approx(sides, abs=0.01)
    assert verdict(found[f"attribute[{PINK}].score"], above=0.4) is Verdict.PASS


def arrays(noted, answered, unable, ungrouped_in):
    nothing = np.full(answered.shape, MISSING, dtype=np.int64)
    return ModelAnswers(
        "m",
        [],
        np.arange(answered.shape[1]).astype(str),
        noted,
        ungrouped_in,
        answered,
        unable,
        np.zeros(answered.shape, dtype=bool),
        *(nothing for _ in range(4)),
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_truth_lies_beyond_what_is_affected(data):
    """Any truth, of which some answers are lost and some notes have no name, against what is then said."""
    experts, pairs = data.draw(st.integers(1, 3)), data.draw(st.integers(3, 12))
    shape = (experts, pairs)
    rates = [data.draw(st.floats(0, 1)) for _ in range(5)]
    chance = np.random.default_rng(data.draw(st.integers(0, 999)))

    def drawn(rate, axes=shape):
        return chance.random(axes) < rate

    lost, nameless = drawn(0.4 * rates[3]), drawn(0.4 * rates[4])
    unable = drawn(rates[0]) & (lost | drawn(0.1))
    noted = np.zeros((*shape, 1, 5), dtype=bool)
    noted[..., 0] = drawn(rates[1], (*shape, 1))
    noted[..., 3] = drawn(rates[2], (*shape, 1))
    truth = arrays(noted, np.ones(shape, dtype=bool), unable, np.zeros(shape, dtype=bool))
    # What has no name is a note of this attribute, or of another.
    known = noted & ~(nameless & drawn(0.5))[:, :, None, None] & ~lost[:, :, None, None]
    seen = arrays(known, ~lost, unable & ~lost, nameless & ~lost)
    if not truth.counted.any() or not seen.grouped.any():
        return
    unknown = Unknown(seen)
    (found,) = attribute_estimates(seen.noted, seen.grouped, seen.units)
    true = attribute_scores(truth.noted, truth.counted)
    share = unknown.share + 1e-9
    for part in ("benign", "malignant", "noted"):
        assert abs(getattr(true, part)[0] - getattr(found, part).value) <= share
    room = unknown.of_score(found, 0) + 1e-9
    assert found.score.low - room <= true.displayed[0] <= found.score.high + room


def test_a_repeat_that_was_not_answered_counts_against_agreement(tmp_path):
    pairs = pairs_of(60)
    for number in range(12):
        pairs[number]["repeats"] = "a, b"
    choices = [choice(expert, pair) for expert in "ab" for pair in range(60)]
    # Each picture is chosen as often, so that there is a kappa.
    choices = [one | {"chosen": "A"} for one in choices]
    again = [one | {"showing": "repeat"} for one in choices if int(one["pair"][1:]) < 12]
    whole = measured(write_answers(tmp_path, pairs, choices + again, [note("a", 0)]))
    for at in ({}, {"expert": "a"}, {"expert": "b"}):
        one = whole.find("repeat_kappa", at)
        assert (one.planned, one.not_evaluable) == (12 if at else 24, {})
        assert verdict(one, above=0.2) is Verdict.PASS
    (tmp_path / "x").mkdir()
    lost = measured(write_answers(tmp_path / "x", pairs, choices + again[:14], [note("a", 0)]))
    assert verdict(lost.find("repeat_kappa", {"expert": "a"}), above=0.2) is Verdict.PASS
    for at, missing in (({}, 10), ({"expert": "b"}, 10)):
        one = lost.find("repeat_kappa", at)
        assert one.not_evaluable == {"not answered": missing}
        assert one.affected == 1
        assert verdict(one, above=-0.9) is Verdict.INCONCLUSIVE


def test_who_cannot_assess_a_pair_again_filters_it_for_everybody(tmp_path):
    again = [
        choice("a", pair, showing="repeat", chosen="", unable="yes")
        if pair < 6
        else choice("a", pair, showing="repeat")
        for pair in range(12)
    ]
    again += [choice("b", pair, showing="repeat", chosen="A") for pair in range(12)]
    # Chosen are first and second pictures in turn, so that there is a kappa.
    choices = [one | {"chosen": "A"} for one in ALL] + again
    noted = [note("b", pair) for pair in range(10)]
    found = measured(write_answers(tmp_path, pairs_of(100), choices, noted))
    assert found["unable"].estimate.value == pytest.approx(6 / 100)
    one = found[f"attribute[{PINK}].malignant"]
    assert (one.estimate.value, one.estimate.n) == (pytest.approx(4 / 188), 188)
    assert found.find("kappa", {"expert": "b"}).estimate.n == 94
    for expert in "ab":
        own = found.find("repeat_kappa", {"expert": expert})
        assert (own.planned, own.estimate.n) == (12, 6)
        assert own.not_evaluable == {"an expert was unable to assess the pair": 6}
        assert own.affected == 0


def test_a_repeat_alone_can_filter_a_pair_that_was_not_answered_before(tmp_path):
    pairs = pairs_of(10)
    choices = [choice("a", pair) for pair in range(9)]
    choices += [choice("a", 9, showing="repeat", chosen="", unable="yes")]
    one = measured(write_answers(tmp_path, pairs, choices, [note("a", 0)]))["unable"]
    assert (one.estimate.value, one.not_evaluable) == (pytest.approx(1 / 10), {})
