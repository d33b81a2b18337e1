"""Which failures are shown, in what order, and that their pictures and scores are those of the evidence."""

from io import BytesIO

import numpy as np
import pytest
from counterfactual_world import counterfactual_evidence
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from auditkit.checks.counterfactual.failures import (
    CERTAIN,
    CLOSE,
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    choose,
)
from auditkit.checks.counterfactual.gallery import failure_gallery
from auditkit.checks.counterfactual.panels import difference, pair_panels, shared_gain
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.evidence.counterfactuals.pictures import every_bin
from auditkit.spec.declarations.counterfactual import Counterfactual

BINS = 10


def found(own, finite=None):
    """Answers of which only the images' own scores matter."""
    own = np.asarray(own, float)
    whole = np.ones(len(own), bool) if finite is None else np.asarray(finite)
    some = np.zeros((len(own), BINS))
    return Counterfactuals(own, some, some, own, own, own, whole)


def opened(png):
    return np.asarray(Image.open(BytesIO(png)))


def test_failures_of_either_kind_in_turn_the_most_wrong_first_then_the_right_ones():
    own = [0.95, 0.40, 0.60, 0.10, 0.99, 0.51, 0.02, 0.48, 0.70]
    labels = [0, 1, 0, 1, 1, 1, 0, 0, 0]
    chosen = choose(found(own), np.array(labels), 0.5, 20)
    assert list(chosen.cases.items()) == [
        (0, FALSE_POSITIVE),
        (3, FALSE_NEGATIVE),
        (8, FALSE_POSITIVE),
        (1, FALSE_NEGATIVE),
        (2, FALSE_POSITIVE),
        (4, CERTAIN),
        (5, CLOSE),
        (6, CERTAIN),
        (7, CLOSE),
    ]
    assert list(choose(found(own), np.array(labels), 0.5, 4).cases) == [0, 3, 8, 1]


def test_threshold_is_that_of_the_card():
    own, labels = [0.25, 0.35], np.array([0, 1])
    assert choose(found(own), labels, 0.2, 9).cases == {0: FALSE_POSITIVE, 1: CERTAIN}
    # A score at the threshold is a positive decision.
    assert choose(found(own), labels, 0.35, 9).cases == {1: CERTAIN, 0: CERTAIN}


scores = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=25)


@given(scores, st.integers(0, 30))
def test_counts_add_up_and_failures_come_first(images, most):
    own, labels, finite = (np.array(column) for column in zip(*images, strict=True))
    chosen = choose(found(own, finite), labels.astype(int), 0.5, most)
    failures = chosen.false_positives + chosen.false_negatives
    assert failures + chosen.right + chosen.left_out == len(images)
    assert len(chosen.cases) == min(most, failures + chosen.right)
    wrong = [case in (FALSE_POSITIVE, FALSE_NEGATIVE) for case in chosen.cases.values()]
    assert wrong == [True] * min(most, failures) + [False] * (len(wrong) - min(most, failures))
    for index, case in chosen.cases.items():
        assert finite[index]
        assert ((own[index] >= 0.5) == labels[index]) == (case in (CERTAIN, CLOSE))
    for kind in (FALSE_POSITIVE, FALSE_NEGATIVE):
        away = [abs(own[i] - 0.5) for i, case in chosen.cases.items() if case == kind]
        assert away == sorted(away, reverse=True)


FAILURES = (
    "Wrong decisions at the threshold 0.5: 3 of 5 images (2 false positives, 1 false negative)."
)
LEFT_OUT = "Left out: 1 whose counterfactuals are not finite."
FIRST = "The first 2 are shown: either kind in turn, the most wrong score first."
ALL = "All are shown: either kind in turn, the most wrong score first."
RIGHT = "1 of 2 right decisions follow: the most and the least certain in turn."


@pytest.mark.parametrize(("most", "which"), [(2, FIRST), (3, ALL), (4, f"{ALL} {RIGHT}")])
def test_caption_says_how_many_failures_there_are_and_which_are_shown(most, which):
    own, labels = [0.9, 0.8, 0.1, 0.1, 0.9, 0.9], np.array([0, 0, 1, 0, 1, 0])
    finite = [True] * 5 + [False]
    text = choose(found(own, finite), labels, 0.5, most).caption(0.5)
    assert text == f"{FAILURES} {which} {LEFT_OUT}"


def test_caption_of_a_model_without_failures():
    text = choose(found([0.9, 0.1]), np.array([1, 0]), 0.5, 1).caption(0.5)
    assert text == (
        "Wrong decisions at the threshold 0.5: 0 of 2 images (0 false positives, 0 false negatives). "
        "1 of 2 right decisions are shown: the most and the least certain in turn."
    )


def test_cases_hold_the_pictures_and_scores_of_the_evidence(tmp_path):
    evidence, card = counterfactual_evidence(tmp_path, n=6)
    answers = counterfactuals(evidence, card)
    parameters = Counterfactual(trained_on="training", gallery=4)
    shown = failure_gallery(evidence, card, answers, parameters)
    chosen = list(choose(answers, evidence.labels, 0.5, 4).cases)
    frames = every_bin(evidence, card, chosen)
    gain = shared_gain(
        (evidence.picture(i), frame) for i, row in zip(chosen, frames, strict=True) for frame in row
    )
    assert len(shown.cases) == 4
    for place, (index, case) in enumerate(zip(chosen, shown.cases, strict=True)):
        record, picture = evidence.records[index], evidence.picture(index)
        assert case.image_id == record.id
        assert (opened(case.picture) == picture).all()
        assert case.score == answers.own[index]
        assert case.facets["label"] == ("benign", "malignant")[record.label]
        assert case.facets["decision"] == ("benign", "malignant")[int(case.score >= 0.5)]
        for c, frame in enumerate(case.frames):
            assert frame.asked == pytest.approx((c + 0.5) / card.bins)
            assert frame.got == answers.score[index, c]
            assert frame.decision == ("benign", "malignant")[int(frame.got >= 0.5)]
            assert (opened(frame.picture) == frames[place, c]).all()
            drawn = difference(picture, frames[place, c], gain)
            assert (opened(frame.difference) == drawn).all()


def test_large_pictures_are_made_smaller(tmp_path):
    evidence, card = counterfactual_evidence(tmp_path, n=1, size=200)
    answers = counterfactuals(evidence, card)
    parameters = Counterfactual(trained_on="training", gallery=1)
    (case,) = failure_gallery(evidence, card, answers, parameters).cases
    assert opened(case.picture).shape == (192, 192, 3)
    assert opened(case.frames[0].difference).shape == (128, 128, 3)


def test_difference_is_signed_in_colour_and_grey_where_nothing_changed():
    before = np.full((2, 1, 3), 100, np.uint8)
    after = before.copy()
    after[0] = [110, 100, 60]
    drawn = difference(before, after, 4)
    assert drawn[0, 0].tolist() == [168, 128, 0]
    assert drawn[1, 0].tolist() == [128, 128, 128]


@given(st.integers(0, 255), st.integers(0, 255))
def test_amplification_is_the_strongest_that_clips_nothing(first, second):
    before, after = (np.full((1, 1, 3), value, np.uint8) for value in (first, second))
    gain, change = shared_gain([(before, after)]), second - first
    assert gain == 1 or 0 < 128 + gain * change < 256
    stronger = 2 * gain
    assert stronger > 16 or not 0 < 128 + stronger * change < 256


def test_a_few_values_beyond_the_scale_do_not_hide_the_others():
    before, after = np.zeros((100, 100, 3), np.uint8), np.full((100, 100, 3), 2, np.uint8)
    after[0, 0] = 255
    assert shared_gain([(before, after)]) == 16
    after[:2] = 255
    assert shared_gain([(before, after)]) == 1


def test_panels_of_a_pair_are_image_both_counterfactuals_and_their_difference():
    shades = [np.full((4, 4, 3), value, np.uint8) for value in (100, 90, 110)]
    panels = pair_panels(*shades, scores=(0.4, 0.1, 0.9), names=("no", "yes"))
    captions = ["image: 0.40", "no: 0.10", "yes: 0.90", "yes minus no, 4 times, on mid-grey"]
    assert [caption for caption, _ in panels] == captions
    for (_, png), shade in zip(panels[:3], shades, strict=True):
        assert (opened(png) == shade).all()
    assert (opened(panels[3][1]) == 128 + 4 * 20).all()
    assert (opened(pair_panels(*shades, gain=1)[3][1]) == 148).all()
