"""Synthetic pictures as a data set: the format picks the renderer, interventions change one thing."""

import numpy as np
import pytest

from auditkit.data.synthetic.clinical import render_clinical
from auditkit.data.synthetic.dataset import SyntheticData
from auditkit.data.synthetic.dermoscopy import malignancy_logit, render, with_attribute
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard


def data(kind, **changes):
    parameters = {"n": 6, "seed": 4, "size": 48, "images_per_patient": 2} | changes
    card = {"data": "d", "task": "melanoma", "format": f"synthetic-{kind}", "with": parameters}
    return SyntheticData(DataCard.model_validate(card))


def test_both_formats_show_the_same_cases():
    near, far = data("dermoscopy"), data("clinical")
    for index in range(6):
        assert near.case(index) == far.case(index)
        assert near.records[index].label == far.records[index].label
        assert near.records[index].patient == far.records[index].patient
        np.testing.assert_array_equal(near.image(index), render(near.case(index), 48)[0])
        np.testing.assert_array_equal(far.image(index), render_clinical(far.case(index), 48)[0])
        np.testing.assert_array_equal(far.mask(index), render_clinical(far.case(index), 48)[1])


def test_digests_tell_formats_sizes_and_seeds_apart():
    kinds = [
        data("dermoscopy"),
        data("clinical"),
        data("clinical", size=64),
        data("clinical", seed=5),
        data("clinical", tint_follows_label=1.0),
    ]
    digests = [record.digest for found in kinds for record in found.records]
    assert len(set(digests)) == len(digests)


def test_groups_of_cards_without_an_option_are_those_of_ever():
    for kind in ("dermoscopy", "clinical"):
        assert set(data(kind).records[0].groups) == {"skin_tone"}


def test_rulers_are_a_group_where_they_follow_the_label():
    found = data("dermoscopy", n=40, rulers_in_benign=0.5)
    for index, record in enumerate(found.records):
        present = found.case(index).attributes["ruler"] > 0
        assert record.groups["ruler"] == ("present" if present else "absent")
    assert {record.groups["ruler"] for record in found.records if record.label == 1} == {"absent"}
    assert {record.groups["ruler"] for record in found.records} == {"absent", "present"}


@pytest.mark.parametrize("kind", ["dermoscopy", "clinical"])
def test_an_intervention_at_the_cases_own_value_changes_nothing(kind):
    found = data(kind)
    for name, value in found.case(1).attributes.items():
        np.testing.assert_array_equal(found.intervened(1, name, value), found.image(1))


@pytest.mark.parametrize("kind", ["dermoscopy", "clinical"])
def test_an_intervention_leaves_the_data_set_as_it_was(kind):
    found = data(kind)
    before = found.image(2).copy()
    assert (found.intervened(2, "tint", 0.9) != before).any()
    np.testing.assert_array_equal(found.image(2), before)


def test_the_true_probability_is_the_logistic_function_of_the_changed_case():
    found = data("clinical")
    changed = with_attribute(found.case(0), "darkness", 0.75)
    expected = 1 / (1 + np.exp(-malignancy_logit(changed.attributes)))
    assert found.true_probability(0, "darkness", 0.75) == pytest.approx(expected)
    assert found.true_probability(0, "tint", -1.0) == found.true_probability(0, "tint", 1.0)


def test_an_unknown_attribute_is_refused():
    with pytest.raises(AuditError, match="no attribute 'pinkness'"):
        data("clinical").intervened(0, "pinkness", 0.5)
