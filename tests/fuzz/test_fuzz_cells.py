"""Free text in exported cells: never run by a spreadsheet, and read back as it was written."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditkit.data.cells import escaped, unescaped

SIGNS = "=+-@\t\r\n'\"; |,x\uff1d"


@given(st.text(alphabet=SIGNS, max_size=12) | st.text(max_size=20))
@example(";;''=")
@example("\n\n=1")
@example("'; '=")
@example("; \"'=")
@settings(max_examples=400, deadline=None, derandomize=True)
def test_what_was_written_is_read_back(text):
    assert unescaped(escaped(text)) == text


@given(st.text(alphabet=SIGNS, max_size=12))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_no_part_of_a_cell_begins_as_a_formula(text):
    """Whichever separator a spreadsheet takes."""
    cell = escaped(text)
    for separator in ";|\t\r\n":
        first, *others = cell.split(separator)
        for part in (first, *(other.lstrip(" ").lstrip('"') for other in others)):
            assert not part.startswith(("=", "+", "-", "@", "\uff1d"))


@pytest.mark.parametrize("text", ["darker; pinker", "a;b", "it's", "2 - 1", "a\nb", "x=1"])
def test_plain_texts_stay_as_they_are(text):
    assert escaped(text) == text
