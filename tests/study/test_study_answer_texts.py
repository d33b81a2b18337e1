"""Which texts an answer takes: what can be printed, so that every table shows it as it was written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from auditkit.study.answers import Comment, Name, PairAnswer

NAME, COMMENT = TypeAdapter(Name), TypeAdapter(Comment)
TURNING = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
CONTROL = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]


@pytest.mark.parametrize("sign", [*CONTROL, *TURNING])
def test_what_cannot_be_printed_is_refused_and_named(sign):
    told = f"U\\+{ord(sign):04X} cannot be printed"
    with pytest.raises(ValidationError, match=told):
        NAME.validate_python(f"dark{sign}er")
    if sign in "\t\n":
        assert COMMENT.validate_python(f"dark{sign}er") == f"dark{sign}er"
    else:
        with pytest.raises(ValidationError, match=told):
            COMMENT.validate_python(f"dark{sign}er")


@pytest.mark.parametrize("kind", [NAME, COMMENT])
@pytest.mark.parametrize("half", [chr(0xD800), chr(0xDFFF)])
def test_half_a_character_is_no_text(kind, half):
    with pytest.raises(ValidationError, match="valid string"):
        kind.validate_python(f"dark{half}")


PRINTABLE = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=TURNING)


@given(st.text(PRINTABLE, max_size=200))  # as long as a name may be
def test_every_other_text_is_taken_without_the_spaces_around_it(text):
    assert COMMENT.validate_python(text) == text.strip()
    if text.strip():
        assert NAME.validate_python(text) == text.strip()


@given(st.text(max_size=30))
def test_what_is_taken_has_nothing_that_a_reader_would_strip(text):
    for kind in (NAME, COMMENT):
        try:
            taken = kind.validate_python(text)
        except ValidationError:
            continue
        assert taken == taken.strip()


def test_an_answer_says_which_of_its_texts_it_is():
    row = {"category": "lesion", "attribute": "dark\x1f", "comparator": "A > B"}
    with pytest.raises(ValidationError) as refused:
        PairAnswer(noted=[row])
    (problem,) = refused.value.errors()
    assert problem["loc"] == ("noted", 0, "attribute")
    assert "the character U+001F cannot be printed; delete it" in problem["msg"]
