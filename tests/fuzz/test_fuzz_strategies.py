"""Any YAML and any table at all, by strategy: read, or refused as what a user can mend."""

import copy
import random
from functools import cache
from pathlib import Path

import pytest
import yaml
from fuzz_bytes import damage
from fuzz_cases import FIXTURES, ROOT
from fuzz_tables import damaged_csv
from fuzz_yaml import NUMBERS, OTHERS, PATHS, TEXTS, damaged, dump, nodes
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from auditkit.data.rows import read_cells, read_table
from auditkit.errors import AuditError
from auditkit.spec.answers_card import AnswersCard
from auditkit.spec.assessment import AssessmentCard
from auditkit.spec.audit import AuditSpec
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.data_card import DataCard
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.model_card import ModelCard
from auditkit.spec.ratings_card import RatingsCard
from auditkit.spec.strict_yaml import parse_yaml, read_yaml
from auditkit.spec.study import StudyPlan
from auditkit.spec.typed import typed

KINDS: dict[str, type[BaseModel]] = {
    "audit": AuditSpec,
    "model": ModelCard,
    "data": DataCard,
    "generator": GeneratorCard,
    "counterfactual": CounterfactualCard,
    "assessment": AssessmentCard,
    "ratings": RatingsCard,
    "answers": AnswersCard,
    "study": StudyPlan,
}
SOURCES = {
    kind: sorted([*(ROOT / "audits").rglob(f"*.{kind}.yaml"), *FIXTURES.rglob(f"*.{kind}.yaml")])
    for kind in KINDS
}
FEW = settings(max_examples=60, deadline=None, derandomize=True)

scalars = (
    st.sampled_from([*NUMBERS, *TEXTS, *PATHS])
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
)
values = st.recursive(
    scalars | st.sampled_from(OTHERS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@cache
def content(source):
    """What a shipped card says."""
    return read_yaml(source).data


@st.composite
def damaged_cards(draw):
    """A kind, and a shipped card of it of which one part has any other value."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    data = copy.deepcopy(content(draw(st.sampled_from(SOURCES[kind]))))
    place = draw(st.sampled_from(nodes(data)))
    parent = data
    for part in place[:-1]:
        parent = parent[part]
    parent[place[-1]] = draw(values)
    return kind, data


@given(damaged_cards())
@settings(FEW, max_examples=100)
def test_any_value_anywhere_in_a_card_is_typed_or_refused_with_its_line(card):
    kind, data = card
    try:
        document = parse_yaml(dump(data).decode(), Path("x.yaml"))
        assert typed(document, KINDS[kind]) is not None
    except AuditError as error:
        lines = str(error).splitlines()
    else:
        lines = []
    assert all(line.startswith(("x.yaml:", "... and ")) for line in lines)


@given(
    st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@`#,?\n\t \\0\u2028\ufeff\x00"), max_size=60)
)
@FEW
def test_any_text_is_yaml_or_refused(text):
    try:
        found = str(type(parse_yaml(text, Path("x.yaml")).data))
    except AuditError as error:
        found = str(error)
    assert found.startswith(("<class 'dict'>", "x.yaml:"))


@given(
    st.binary(max_size=200) | st.text(alphabet="a,\"'\n\r\0;=\u00e9", max_size=80).map(str.encode)
)
@FEW
def test_any_bytes_are_a_table_or_refused(content):
    for read in (read_table, read_cells):
        try:
            found = str(type(read(Path("t.csv"), content)))
        except AuditError as error:
            found = str(error)
        assert found.startswith(("<class 'list'>", "t.csv"))


@pytest.mark.parametrize("kind", ["audit", "data", "model"])
def test_mutators_reach_what_is_behind_the_parser(kind):
    """Half of the damaged cards are still YAML that is read strictly: their values are looked at."""
    parsed = 0
    for number in range(30):
        content = damaged(SOURCES[kind][0], random.Random(number), damage)
        try:
            parse_yaml(content.decode(), Path("x.yaml"))
            parsed += 1
        except (AuditError, UnicodeDecodeError):
            continue
    assert 8 <= parsed <= 28


def test_undamaged_cards_survive_being_written_again():
    for kind, sources in SOURCES.items():
        data = read_yaml(sources[0]).data
        again = parse_yaml(dump(data).decode(), Path("x.yaml"))
        assert again.data == data
        assert typed(again, KINDS[kind]) is not None
        assert yaml.safe_load(dump(data)) is not None


def test_damaged_tables_are_mostly_tables():
    content = b"image,label\na.png,x\nb.png,y\n"
    read = 0
    for number in range(60):
        try:
            read_table(Path("t.csv"), damaged_csv(content, random.Random(number)))
            read += 1
        except AuditError:
            continue
    assert 15 <= read <= 58
