"""A simulated expert sees what differs, on the side where it is, from pixels alone, the same every time."""

import numpy as np
import pytest
from study_simulated_world import SIDE, lesion

from auditkit.spec.measured import QUANTITIES
from auditkit.study.answers import COMPARATORS, MAX_NAME
from auditkit.study.simulated.expert import Row, SimulatedExpert
from auditkit.study.simulated.seeing import measured
from auditkit.study.simulated.vocabulary import SUSPICIOUS, VOCABULARY, attribute_of

PRESETS = {"background": ["pinker", "darker"], "lesion": ["darker pigmentation"]}


def judged(amount, *, swapped=False, names=12, presets=PRESETS):
    """What several experts note of a lesion and of a changed one, which is displayed as B."""
    found = []
    for number in range(names):
        a, b = lesion(number), lesion(number, **amount)
        first, second = (b, a) if swapped else (a, b)
        found.append(SimulatedExpert(f"expert-{number}").compares(first, second, presets))
    return found


def share(found, name):
    """How many note an attribute, and with which comparator."""
    rows = [row for one in found for row in one.rows if row.attribute == name]
    return len(rows) / len(found), {row.comparator for row in rows} - {"different"}


@pytest.mark.parametrize(
    ("amount", "name"), [({"pinker": 14}, "pinker"), ({"darker": 22}, "darker pigmentation")]
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_clear_difference_is_noted_on_its_side(amount, name, swapped):
    noted, comparators = share(judged(amount, swapped=swapped), name)
    assert noted > 0.7
    assert comparators == {"A > B" if swapped else "A < B"}


def test_what_is_far_below_the_threshold_is_hardly_noted():
    assert share(judged({"pinker": 1}), "pinker")[0] < 0.2


def test_a_darker_lesion_is_chosen_on_either_side():
    for swapped in (False, True):
        choices = [one.choice for one in judged({"darker": 22}, swapped=swapped)]
        assert choices.count("A" if swapped else "B") >= 9


def test_the_same_name_and_pixels_give_the_same_answer():
    a, b = lesion(1), lesion(1, pinker=6)
    first, again = (SimulatedExpert("sim").compares(a, b, {}) for _ in range(2))
    assert first == again
    assert SimulatedExpert("sim").leniency != SimulatedExpert("sam").leniency


def test_equal_pictures_are_seen_as_equal():
    in_a, in_b = measured(lesion(3), lesion(3))
    assert in_a == in_b
    rows = [
        row
        for name in range(12)
        for row in SimulatedExpert(str(name)).compares(lesion(3), lesion(3), {}).rows
    ]
    assert len(rows) <= 3  # by noise alone


def test_sides_are_measured_alike():
    a, b = lesion(4), lesion(4, darker=20)
    assert measured(a, b) == measured(b, a)[::-1]


def test_hair_that_only_one_picture_has_is_only_there():
    hairy = lesion(5)
    hairy[2 : SIDE - 2, 4:SIDE:12] = 20
    row = Row("background", "hair", "B only")
    found = [
        SimulatedExpert(str(name)).compares(lesion(5), hairy, {"background": ["hair"]})
        for name in range(8)
    ]
    assert sum(row in one.rows for one in found) >= 6


def test_fine_noise_is_rejected_and_a_clean_picture_is_not():
    noise = np.random.default_rng(0).integers(-40, 41, (SIDE, SIDE, 1))
    noisy = (lesion(6).astype(int) + noise).clip(0, 255).astype(np.uint8)
    experts = [SimulatedExpert(str(name)) for name in range(5)]
    assert all(one.rejects(noisy) for one in experts)
    assert not any(one.rejects(lesion(6)) for one in experts)


def test_pictures_that_are_not_square_are_judged():
    wide = np.concatenate([lesion(7)] * 2, axis=1)
    assert SimulatedExpert("sim").compares(wide, wide, {}).choice in {"A", "B", None}


def test_every_word_is_one_that_forms_take_and_that_means_one_thing():
    meanings = {}
    for word in VOCABULARY:
        assert word.quantity in QUANTITIES
        assert word.threshold > 0
        for text in (word.name, *word.synonyms):
            assert len(text) <= MAX_NAME
            key = word.category, text.casefold()
            assert meanings.setdefault(key, word.attribute) == word.attribute
            assert attribute_of(word.category, f" {text.upper()} ") == word.attribute
    assert set(SUSPICIOUS) <= {word.quantity for word in VOCABULARY}


def test_a_text_that_nobody_knows_is_an_attribute_of_its_own():
    assert attribute_of("other", "odd  thing") == "other/odd thing"


def test_comparators_are_those_of_the_forms():
    seen = {row.comparator for one in judged({"pinker": 14}) for row in one.rows}
    assert seen <= set(COMPARATORS)
