"""Parts to train on: concept and label agree, classes balance, patients stay together."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.data.dataset import Record
from auditkit.data.resample import one_to_one, split_patients
from auditkit.errors import AuditError


def record(index, label=0, value="0", patient=None):
    name = f"i{index}"
    return Record(name, name, label, patient or name, concepts={"tv": value})


CASES = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["", "0", "1", "2"]), st.integers(0, 5)),
    min_size=1,
    max_size=40,
)


def agrees(found):
    value = found.concepts["tv"]
    return value != "" and (value != "0") == (found.label == 1)


@settings(max_examples=150, deadline=None)
@given(CASES, st.integers(0, 3))
def test_concept_and_label_agree_and_the_classes_balance(cases, seed):
    records = [record(i, label, value, f"p{p}") for i, (label, value, p) in enumerate(cases)]
    sides = [[i for i, r in enumerate(records) if agrees(r) and r.label == k] for k in (0, 1)]
    if not all(sides):
        with pytest.raises(AuditError, match="cannot be made to agree"):
            one_to_one(records, "tv", seed)
        return
    drawn = one_to_one(records, "tv", seed)
    assert drawn == sorted(set(drawn))
    assert all(agrees(records[i]) for i in drawn)
    assert [sum(records[i].label == k for i in drawn) for k in (0, 1)] == [min(map(len, sides))] * 2
    in_part = 0
    for side in sides:
        kept = Counter(records[i].patient for i in side if i in drawn)
        whole = Counter(records[i].patient for i in side)
        in_part += sum(count < whole[patient] for patient, count in kept.items())
    assert in_part <= 1


def test_whole_patients_are_preferred_whatever_comes_first():
    records = [record(0, 1, "1"), record(1, 1, "1"), *(record(i, 0, "0", "big") for i in (2, 3, 4))]
    records += [record(5, 0, "0", "small"), record(6, 0, "0", "small")]
    for seed in range(10):
        drawn = one_to_one(records, "tv", seed)
        negatives = {records[i].patient for i in drawn if records[i].label == 0}
        assert negatives == {"small"}
    without = one_to_one(records[:5], "tv", 0)
    assert without == [0, 1, 2, 3]


def test_the_drawing_depends_on_content_and_seed_not_on_order():
    records = [record(i, int(i < 5), str(int(i < 5))) for i in range(60)]
    first = {records[i].id for i in one_to_one(records, "tv", 1)}
    turned = records[::-1]
    assert {turned[i].id for i in one_to_one(turned, "tv", 1)} == first
    assert {records[i].id for i in one_to_one(records, "tv", 2)} != first
    train, validation = split_patients(records, 0.3, 1)
    turned_parts = split_patients(turned, 0.3, 1)
    assert {turned[i].id for i in turned_parts[1]} == {records[i].id for i in validation}
    assert split_patients(records, 0.3, 2) != (train, validation)


def test_what_cannot_agree_is_said():
    records = [record(0, 0, "0"), record(1, 1, "0"), record(2, 1, "")]
    with pytest.raises(AuditError, match="no image of 3 has the label 1 and 'tv' present"):
        one_to_one(records, "tv", 0)
    with pytest.raises(AuditError, match="no image of 1 has the label 0 and 'tv' absent"):
        one_to_one([record(0, 1, "2")], "tv", 0)
    with pytest.raises(AuditError, match="no concept 'tvs'; did you mean 'tv'"):
        one_to_one(records, "tvs", 0)
    with pytest.raises(AuditError, match=r"'i3' has the label 2; .*which labels are positive"):
        one_to_one([*records, record(3, 2, "1")], "tv", 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 8), max_size=40), st.floats(0.01, 0.99), st.integers(0, 3))
def test_no_patient_is_on_both_sides(patients, share, seed):
    records = [record(i, patient=f"p{p}") for i, p in enumerate(patients)]
    number = len(set(patients))
    if number < 2:
        with pytest.raises(AuditError, match=f"{number} patients cannot be split"):
            split_patients(records, share, seed)
        return
    train, validation = split_patients(records, share, seed)
    assert sorted(train + validation) == list(range(len(records)))
    assert train == sorted(train)
    sides = [{records[i].patient for i in part} for part in (train, validation)]
    assert not sides[0] & sides[1]
    assert abs(len(sides[1]) - share * number) <= 1
    assert all(sides)


@pytest.mark.parametrize("share", [0, 1, -1, 1.5, float("nan")])
def test_a_share_is_between_0_and_1(share):
    with pytest.raises(AuditError, match="a share between 0 and 1"):
        split_patients([record(0), record(1)], share, 0)
