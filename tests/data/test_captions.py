"""Captions: what is said of a picture, and that changing a concept changes nothing else of it."""

import string

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from auditkit.data.captions import (
    caption,
    check_concepts,
    concept_of,
    concept_values,
    tells,
    told,
)
from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_data_card
from auditkit.spec.concepts import fields, fill
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import SpecError

COUCH = [{"name": "person", "values": ["0", "1", "2"]}, {"name": "couch"}]
PATIENT = [{"name": "Age"}, {"name": "Sex", "values": ["F", "M"]}]


def card(concepts, /, **captions):
    given = {"data": "d", "task": "t", "format": "table", "file": "t.csv"}
    return DataCard.model_validate({**given, "concepts": concepts, "captions": captions})


def record(text="", /, details=(), **concepts):
    return Record("i", "", 0, "p", concepts=concepts, details=dict(details), text=text)


def test_counts_and_presence_are_listed_in_the_cards_order():
    assert caption(card(COUCH), record(couch="1", person="2")) == "2 person, couch"
    assert caption(card(COUCH[::-1]), record(couch="1", person="2")) == "couch, 2 person"


def test_absent_and_unknown_concepts_are_not_said():
    assert caption(card(COUCH), record(couch="1", person="0")) == "couch"
    assert caption(card(COUCH), record(couch="", person="1")) == "1 person"
    assert caption(card(PATIENT), record(Age="", Sex="")) == ""


def test_categories_are_said_by_their_value():
    assert caption(card(PATIENT), record(Age="1", Sex="F")) == "Age, F"


def test_phrases_say_values_and_details():
    where = {"name": "dot", "phrases": {"1": "a dot {place of dot}", "0": "no dot ({value})"}}
    given = card([where], details=["place of dot"])
    found = record(details={"place of dot": "top left"}, dot="1")
    assert caption(given, found) == "a dot top left"
    assert caption(given, found, {"dot": "0"}) == "no dot (0)"


def test_free_text_comes_last_in_one_line_and_is_never_a_template():
    text = "No\n  effusion,\n{Age} {0.x} {"
    given = card(COUCH, text="report", join="; ")
    assert caption(given, record(text, couch="1")) == "couch; No effusion, {Age} {0.x} {"
    told_in = card(PATIENT, template="{Sex}: {text}", text="report")
    assert caption(told_in, record(text, Sex="F")) == "F: No effusion, {Age} {0.x} {"


def test_nothing_to_say_has_a_caption_of_its_own():
    assert caption(card(COUCH, empty="blank"), record(couch="0", person="0")) == "blank"
    assert caption(card(COUCH), record(couch="0", person="0")) == ""


def test_templates_are_filled_with_values_or_the_phrases_that_are_declared():
    template = "Age: {Age}, Sex: {Sex}, {text}"
    given = card(PATIENT, template=template, text="report")
    found = record("Findings: none.", Age="0", Sex="F")
    assert caption(given, found) == "Age: 0, Sex: F, Findings: none."
    assert caption(given, found, {"Age": "1"}) == "Age: 1, Sex: F, Findings: none."
    said = [{"name": "Age", "phrases": {"0": "young", "1": "old"}}, PATIENT[1]]
    spoken = card(said, template=template, text="report")
    assert caption(spoken, found) == "Age: young, Sex: F, Findings: none."


def test_a_change_is_what_the_caption_would_be_with_that_value():
    given, found = card(COUCH), record(couch="1", person="2")
    assert caption(given, found, {"person": "1"}) == caption(given, record(couch="1", person="1"))
    assert caption(given, found, {"person": "2", "couch": "1"}) == caption(given, found)
    assert found.concepts == {"couch": "1", "person": "2"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"persons": "1"}, "no concept 'persons'; did you mean 'person'"),
        ({"person": "3"}, "cannot be '3'; declared are 0, 1, 2"),
        ({"person": ""}, "cannot be ''"),
    ],
)
def test_changes_to_what_is_not_declared_are_refused(changed, message):
    with pytest.raises(AuditError, match=message):
        caption(card(COUCH), record(couch="1", person="2"), changed)


def test_a_concept_that_captions_do_not_tell_cannot_be_changed():
    left_out = card(PATIENT, template="Sex: {Sex}")
    silent = card([{"name": "Age", "phrases": {"1": ""}}, PATIENT[1]])
    for given in (left_out, silent):
        assert [tells(given, concept) for concept in given.concepts] == [False, True]
        with pytest.raises(AuditError, match="do not tell the value of 'Age'"):
            caption(given, record(Age="1", Sex="F"), {"Age": "0"})
        assert caption(given, record(Age="1", Sex="F")).endswith("F")


def test_values_come_from_columns_thresholds_and_truths():
    concepts = [
        {"name": "old", "column": "age", "above": 60},
        {"name": "hair"},
        {"name": "sex", "values": ["F", "M"]},
    ]
    cells = {"age": "60.5", "hair": "True", "sex": "M"}
    assert concept_values(card(concepts), cells.get) == {"old": "1", "hair": "1", "sex": "M"}
    cells = {"age": "60", "hair": "0", "sex": ""}
    assert concept_values(card(concepts), cells.get) == {"old": "0", "hair": "0", "sex": ""}
    for missing in ("", "nan"):
        cells = {"age": missing, "hair": "", "sex": "F"}
        assert concept_values(card(concepts), cells.get)["old"] == ""


def test_a_value_that_is_not_declared_is_refused_with_its_place():
    with pytest.raises(AuditError, match=r"t.csv:7: concept 'person' .*is '3'; .*\(0, 1, 2\)"):
        check_concepts(card(COUCH), {"person": "3", "couch": "1"}, "t.csv:7")
    above = card([{"name": "old", "column": "age", "above": 60}])
    with pytest.raises(AuditError, match=r"'old' .column 'age'. is 'sixty'; a number was expected"):
        check_concepts(above, concept_values(above, lambda _: "sixty"), "t.csv:2")
    check_concepts(card(COUCH), {"person": "", "couch": "1"}, "t.csv:7")


def test_details_and_text_are_read_from_their_columns():
    given = card(PATIENT, details=["view"], text="report")
    found = told(given, {"Age": "1", "Sex": "F", "view": "AP", "report": "Clear."}.__getitem__)
    assert (found.concepts, found.details) == ({"Age": "1", "Sex": "F"}, {"view": "AP"})
    assert found.text == "Clear."
    assert told(card(PATIENT), {"Age": "1", "Sex": "F"}.__getitem__).text == ""


@pytest.mark.parametrize(
    "template",
    ["{Age.real}", "{Age[0]}", "{Age!r}", "{Age:>9}", "{Age:{Sex}}", "{}", "{0}", "{Age"],
)
def test_only_plain_names_are_fields(template):
    with pytest.raises(ValidationError, match=r"plain names|unknown field|is no template"):
        card(PATIENT, template=template)
    with pytest.raises(ValidationError, match=r"plain names|unknown field|is no template"):
        card([{"name": "x", "phrases": {"1": template}}], details=["Age"])


@pytest.mark.parametrize(
    ("concepts", "captions", "message"),
    [
        (PATIENT, {"template": "{age}"}, "captions.template: unknown field 'age'; .*'Age'"),
        (PATIENT, {"template": "{Age} {text}"}, "unknown field 'text'"),
        (PATIENT, {"template": "Age"}, "a template with {CONCEPT} was expected"),
        ([{"name": "a", "phrases": {"1": "{b}"}}], {}, "phrases of 'a': unknown field 'b'"),
        ([{"name": "a", "phrases": {"2": "b"}}], {}, "'2' is not among the values"),
        ([{"name": "a"}, {"name": "a"}], {}, "'a': concepts and details must have different"),
        ([{"name": "a"}], {"details": ["a"]}, "'a': concepts and details must have different"),
        ([{"name": "text"}], {}, "'text': concepts and details must have different"),
        ([{"name": "a", "values": ["0", ""]}], {}, "an empty value means unknown"),
    ],
)
def test_cards_whose_captions_cannot_be_filled_are_refused(concepts, captions, message):
    with pytest.raises(ValidationError, match=message):
        card(concepts, **captions)


def test_a_card_that_is_refused_names_its_file(tmp_path):
    path = tmp_path / "d.data.yaml"
    path.write_text(
        "data: d\ntask: t\nformat: table\nfile: t.csv\nconcepts: [{name: Age}]\n"
        "captions: {template: '{age}'}\n"
    )
    with pytest.raises(SpecError, match=r"d.data.yaml:1: .*unknown field 'age'"):
        read_data_card(path)


def test_formats_without_columns_refuse_concepts():
    given = {"data": "d", "task": "t", "format": "folder", "folder": "f", "concepts": COUCH}
    with pytest.raises(ValidationError, match="concepts, captions: format 'folder' does not read"):
        DataCard.model_validate(given)


def test_concepts_are_found_by_name():
    assert concept_of(card(COUCH), "person").values == ["0", "1", "2"]
    with pytest.raises(AuditError, match="no concept 'couches'; did you mean 'couch'"):
        concept_of(card(COUCH), "couches")


NAMES = st.text(string.ascii_letters + " _", min_size=1).filter(str.strip)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(st.dictionaries(NAMES, st.text(), min_size=1), st.text())
def test_filling_agrees_with_the_standard_library_on_plain_names(values, between):
    between = between.replace("{", "{{").replace("}", "}}")
    template = between + between.join(f"{{{name}}}" for name in values)
    assert fields(template) == list(values)
    assert fill(template, values) == template.format_map(values)


def test_halves_of_characters_are_refused_with_the_picture():
    given = card(COUCH, text="report")
    assert caption(given, record("red 🟥 röt", couch="1")) == "couch, red 🟥 röt"
    with pytest.raises(AuditError, match=r"picture i: character 8 of its caption is broken"):
        caption(given, record("\ud83d", couch="1"))
    with pytest.raises(AuditError, match="broken Unicode"):
        caption(card([{"name": "a"}], empty="\udc00"), record(a="0"))
