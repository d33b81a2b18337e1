"""Free text that tells a concept: found by whole words, in any case and number."""

import pytest

from auditkit.data.dataset import Record
from auditkit.data.mentions import Mention, mentions
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

CONCEPTS = [
    {"name": "Age", "mentions": ["year old"]},
    {"name": "lung opacity"},
    {"name": "blue-white veil", "mentions": ["veil"]},
    {"name": "C++"},
]


def found(text, *names):
    given = {"data": "d", "task": "t", "format": "table", "file": "t.csv"}
    card = DataCard.model_validate({**given, "concepts": CONCEPTS, "captions": {"text": "t"}})
    records = [Record("a", "", 0, "p", text=text), Record("b", "", 0, "p")]
    return mentions(card, records, names or ("Age", "lung opacity", "blue-white veil"))


def test_the_sentence_that_gives_the_age_away_is_found():
    text = "Findings: clear lungs.  This 72 year old man\nhas no effusion. AP view."
    sentence = "This 72 year old man has no effusion."
    assert found(text) == [Mention("a", "Age", sentence)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A 72-year-old.", ["Age"]),
        ("is 72 YEARS OLD", ["Age"]),
        ("age: 72", ["Age"]),
        ("of all ages", ["Age"]),
        ("an image of the average stage", []),
        ("year\nold", ["Age"]),
        ("the year of old x", []),
        ("Lung opacities", ["lung opacity"]),
        ("lung-opacity", ["lung opacity"]),
        ("opacity of the lung", []),
        ("no blue white veils", ["blue-white veil"]),
        ("unveiled", []),
    ],
)
def test_words_count_whole_in_any_case_and_number(text, names):
    assert [mention.concept for mention in found(text)] == names


def test_each_sentence_counts_once_per_concept():
    text = "Old age, 72 year old; a veil. Age 72.\n\nVEIL"
    assert [(one.concept, one.sentence) for one in found(text)] == [
        ("Age", "Old age, 72 year old;"),
        ("blue-white veil", "a veil."),
        ("Age", "Age 72."),
        ("blue-white veil", "VEIL"),
    ]


def test_only_the_concepts_that_are_asked_for_are_looked_for():
    assert [one.concept for one in found("age and veil", "Age")] == ["Age"]
    with pytest.raises(AuditError, match="no concept 'age'; did you mean 'Age'"):
        found("x", "age")


def test_names_are_no_patterns():
    assert [one.concept for one in found("in C++.", "C++")] == ["C++"]
    assert found("in CCC", "C++") == []
