"""The reader of experts' answers: what stands in the tables is what comes out, and damage is refused."""

import hashlib
import json
import math
import os
from datetime import UTC, datetime

import pytest
from answers_world import EXPERTS, MODELS, kept, synthetic, write_answers
from hypothesis import given
from hypothesis import strategies as st

from auditkit.data import answers as answers_module
from auditkit.data.answer_rows import COLUMNS, unblinded
from auditkit.data.answers import answers_digest, read_answers
from auditkit.errors import AuditError

PAIRS = [
    {"pair": "p1", "model": "m", "image": "i1", "malignant": "first", "patient": "x"},
    {"pair": "p2", "model": "m", "image": "i2", "benign_score": "0.2", "malignant_score": "0.9"},
    {"pair": "p3", "model": "m", "image": "i3", "status": "rejected: ada, ben"},
]
CHOICES = [
    {"expert": "ada", "pair": "p1", "left": "first", "chosen": "A"},
    {
        "expert": "ada",
        "pair": "p2",
        "left": "first",
        "unable": "yes",
        "comment": 'blur, "bad"\nreally',
    },
    {"expert": "ben", "pair": "p1", "left": "second", "chosen": "B", "seconds": ""},
    {"expert": "ben", "pair": "p1", "left": "first", "chosen": "A", "showing": "repeat"},
]
NOTED = [
    {"expert": "ada", "pair": "p1", "attribute": "lesion/darker", "comparator": "A only"},
    {"expert": "ben", "pair": "p1", "attribute": "lesion/darker", "comparator": "A > B"},
    {
        "expert": "ben",
        "pair": "p1",
        "attribute": "",
        "category": "other",
        "text": "odd",
        "comparator": "different",
    },
]


def small(folder, **changes):
    return write_answers(folder, PAIRS, CHOICES, NOTED, **changes)


def test_every_cell_of_the_tables_comes_out(tmp_path):
    found = read_answers(small(tmp_path))
    first, second, third = found.pairs
    assert (first.pair, first.malignant, first.unit, first.shown) == (
        "p1",
        "first",
        "patient x",
        True,
    )
    assert (second.scores, second.unit) == ((0.2, 0.9), "image i2")
    assert (third.status, third.shown) == ("rejected: ada, ben", False)
    assert all(math.isnan(score) for score in first.scores)
    choice = found.choices[1]
    assert (choice.unable, choice.chosen, choice.seconds) == (True, "", 41.5)
    assert choice.comment == 'blur, "bad"\nreally'
    assert choice.given_at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert math.isnan(found.choices[2].seconds)
    assert [one.showing for one in found.choices] == ["first", "first", "first", "repeat"]
    noted = [(one.expert, one.attribute, one.direction) for one in found.noted]
    assert noted == [
        ("ada", "lesion/darker", "malignant only"),
        # For ben, the malignant picture was displayed as B.
        ("ben", "lesion/darker", "benign > malignant"),
        ("ben", "", "different"),
    ]
    assert (found.experts, found.models, found.attributes) == (
        ["ada", "ben"],
        ["m"],
        ["lesion/darker"],
    )


def test_text_that_a_spreadsheet_would_run_comes_back_as_it_was(tmp_path):
    said = ["=1+1", "'tis", "-5", "@home"]
    choices = [{**row, "comment": text} for row, text in zip(CHOICES, said, strict=True)]
    card = write_answers(tmp_path, PAIRS, choices, NOTED)
    assert ",'=1+1\n" in (tmp_path / "choices.csv").read_text()
    assert [one.comment for one in read_answers(card).choices] == said


def test_nothing_noted_is_possible(tmp_path):
    assert read_answers(write_answers(tmp_path, PAIRS, CHOICES, [])).noted == ()


def test_a_study_of_five_models_is_read(tmp_path):
    found = read_answers(synthetic(tmp_path, images=20))
    assert (found.models, found.experts) == ([*MODELS], [*EXPERTS])
    assert sum(one.shown for one in found.pairs) == 100
    assert len([one for one in found.choices if one.showing == "first"]) == 200


@pytest.mark.parametrize(
    ("malignant_is_a", "expected"),
    [
        (
            True,
            [
                "malignant only",
                "benign < malignant",
                "different",
                "benign > malignant",
                "benign only",
            ],
        ),
        (
            False,
            [
                "benign only",
                "benign > malignant",
                "different",
                "benign < malignant",
                "malignant only",
            ],
        ),
    ],
)
def test_unblinding_by_hand(malignant_is_a, expected):
    comparators = ["A only", "A > B", "different", "A < B", "B only"]
    found = [unblinded(one, malignant_is_a=malignant_is_a) for one in comparators]
    assert found == expected


@given(st.sampled_from(["A only", "A > B", "different", "A < B", "B only"]), st.booleans())
def test_which_side_was_displayed_first_changes_no_direction(comparator, malignant_is_a):
    mirrored = {"A only": "B only", "A > B": "A < B", "different": "different"}
    mirrored |= {other: one for one, other in mirrored.items()}
    assert unblinded(comparator, malignant_is_a=malignant_is_a) == unblinded(
        mirrored[comparator], malignant_is_a=not malignant_is_a
    )


def changed(rows, place, **cells):
    return [{**row, **(cells if i == place else {})} for i, row in enumerate(rows)]


DAMAGE = [
    ("pairs", changed(PAIRS, 1, pair=""), 3, "pair is empty"),
    (
        "pairs",
        changed(PAIRS, 1, pair="p1"),
        3,
        r"same pair stands there twice \(first at .*pairs\.csv:2\)",
    ),
    ("pairs", changed(PAIRS, 0, image=""), 2, "image is empty"),
    ("pairs", changed(PAIRS, 2, status="dropped"), 4, "status 'dropped' is not known"),
    ("pairs", changed(PAIRS, 2, status="rejected: "), 4, "status 'rejected:' is not known"),
    ("pairs", changed(PAIRS, 0, malignant="A"), 2, "malignant 'A' is not known"),
    ("pairs", changed(PAIRS, 0, malignant=""), 2, "malignant '' is not known"),
    (
        "pairs",
        changed(PAIRS, 1, benign_score="1.2"),
        3,
        "benign_score '1.2' is not a number of 0 to 1",
    ),
    ("pairs", changed(PAIRS, 1, benign_score="nan"), 3, "benign_score 'nan'"),
    ("pairs", changed(PAIRS, 1, malignant_score="1_0"), 3, "malignant_score '1_0'"),
    ("pairs", changed(PAIRS, 1, first="a.png"), 3, "two pictures, or both none"),
    ("pairs", changed(PAIRS, 1, first="a.png", second="a.png"), 3, "two pictures"),
    ("pairs", changed(PAIRS, 1, first="../a.png", second="b.png"), 3, "not the name of a picture"),
    (
        "pairs",
        changed(PAIRS, 1, first="/etc/a.png", second="b.png"),
        3,
        "not the name of a picture",
    ),
    ("pairs", changed(PAIRS, 1, first="a.svg", second="b.png"), 3, "not the name of a picture"),
    ("choices", changed(CHOICES, 0, expert="eve"), 2, "expert 'eve' is not known"),
    ("choices", changed(CHOICES, 0, pair="p9"), 2, "pair 'p9' is not known"),
    ("choices", changed(CHOICES, 0, pair="p3"), 2, "only pairs that were shown have answers"),
    ("choices", changed(CHOICES, 0, showing="practice"), 2, "showing 'practice' is not known"),
    ("choices", changed(CHOICES, 0, stage="1"), 2, "stage '1' is not known"),
    ("choices", changed(CHOICES, 0, left="A"), 2, "left 'A' is not known"),
    ("choices", changed(CHOICES, 0, chosen="C"), 2, "chosen 'C' is not known"),
    ("choices", changed(CHOICES, 0, chosen=""), 2, "nothing is chosen"),
    ("choices", changed(CHOICES, 0, unable="maybe"), 2, "unable 'maybe' is not known"),
    ("choices", changed(CHOICES, 0, seconds="-3"), 2, "seconds '-3' is not a number of 0 or more"),
    ("choices", changed(CHOICES, 0, seconds="1e999"), 2, "seconds '1e999'"),
    ("choices", changed(CHOICES, 0, given_at="2026-03-01"), 2, "is not a time in UTC"),
    (
        "choices",
        changed(CHOICES, 0, given_at="2026-03-01T09:30:00+02:00"),
        2,
        "is not a time in UTC",
    ),
    ("choices", changed(CHOICES, 0, given_at="today"), 2, "given_at 'today' is not a time in UTC"),
    ("choices", [*CHOICES[:3], CHOICES[2]], 6, "same answer stands there twice"),
    (
        "noted",
        changed(NOTED, 0, expert="eve", direction="different"),
        2,
        "no answer of expert 'eve'",
    ),
    (
        "noted",
        changed(NOTED, 0, pair="p2", expert="ben", direction="different"),
        2,
        "no answer of expert 'ben' to pair 'p2'",
    ),
    ("noted", changed(NOTED, 0, showing="repeat", direction="different"), 2, "showing 'repeat'"),
    ("noted", changed(NOTED, 0, category=""), 2, "category is empty"),
    ("noted", changed(NOTED, 0, text=""), 2, "text is empty"),
    (
        "noted",
        changed(NOTED, 0, comparator="A >> B", direction="different"),
        2,
        "comparator 'A >> B' is not known",
    ),
    ("pairs", changed(PAIRS, 0, screened="3"), 2, "screened '3' is not a whole number of 0 to 2"),
    ("pairs", changed(PAIRS, 0, screened="1.0"), 2, "screened '1.0' is not a whole number"),
    ("pairs", changed(PAIRS, 1, screened=""), 3, "'screened' has nothing, but at .*csv:2 '2'"),
    ("pairs", changed(PAIRS, 2, screened=""), 4, "screened is empty, but the pair was rejected"),
    (
        "pairs",
        changed(PAIRS, 1, status="practice", screened="2"),
        3,
        "practice is not screened",
    ),
    ("pairs", changed(PAIRS, 1, repeats="ada,ben"), 3, "repeats: 'ada,ben' is not known"),
    ("pairs", changed(PAIRS, 1, repeats="ada, ada"), 3, "'ada, ada' names somebody twice"),
    ("pairs", changed(PAIRS, 2, repeats="ada"), 4, "only pairs that were shown are repeated"),
    (
        "noted",
        changed(NOTED, 0, direction="benign only"),
        2,
        "contradicts comparator 'A only'.*'malignant only' was expected",
    ),
    ("noted", changed(NOTED, 0, direction=""), 2, "direction '' contradicts"),
    ("noted", [*NOTED, NOTED[0]], 5, "same attribute stands there twice"),
]


@pytest.mark.parametrize(("table", "rows", "line", "message"), DAMAGE)
def test_damage_is_refused_with_file_and_line(tmp_path, table, rows, line, message):
    tables = {"pairs": PAIRS, "choices": CHOICES, "noted": NOTED} | {table: rows}
    named = {"experts": [{"expert": "ada"}, {"expert": "ben"}]}
    card = write_answers(tmp_path, *tables.values(), **named)
    with pytest.raises(AuditError, match=rf"{table}\.csv:{line}: .*{message}"):
        read_answers(card)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": [{"model": "n"}]}, r"pairs\.csv:2: model 'm' is not known"),
        ({"models": [{"model": "m"}, {"model": "n"}]}, "no pair of model 'n' was shown"),
        ({"experts": [{"expert": "ada"}]}, r"pairs\.csv:2: repeats: 'ben' is not known"),
        (
            {"attributes": [{"attribute": "lesion/dark"}]},
            r"noted\.csv:2: attribute 'lesion/darker' .*'lesion/dark'",
        ),
    ],
)
def test_names_that_the_card_does_not_have_are_refused(tmp_path, changes, message):
    with pytest.raises(AuditError, match=message):
        read_answers(small(tmp_path, **changes))


def test_a_repeat_that_nobody_planned_is_refused(tmp_path):
    pairs = changed(PAIRS, 0, repeats="ada")
    card = write_answers(tmp_path, pairs, CHOICES, NOTED)
    message = (
        r"choices\.csv:6: expert 'ben' answered a repeat, but .*pairs\.csv:2 does not name them"
    )
    with pytest.raises(AuditError, match=message):
        read_answers(card)


def test_an_expert_whom_the_card_does_not_name_is_refused(tmp_path):
    card = write_answers(tmp_path, PAIRS, CHOICES[:3], [], experts=[{"expert": "ada"}])
    with pytest.raises(AuditError, match=r"choices\.csv:5: expert 'ben' is not known"):
        read_answers(card)


@pytest.mark.parametrize("table", ["pairs", "choices", "noted"])
def test_a_table_that_is_not_the_one_of_the_card_is_refused(tmp_path, table):
    card = small(tmp_path)
    path = tmp_path / f"{table}.csv"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(AuditError, match=rf"{table}\.csv has sha256 .*says .*\({table}\); restore"):
        read_answers(card)
    path.unlink()
    with pytest.raises(AuditError, match=rf"{table}\.csv cannot be read: No such file"):
        read_answers(card)
    with pytest.raises(AuditError, match=rf"{table}\.csv cannot be read: No such file"):
        answers_digest(card)


def rewritten(folder, table, content):
    """A card that describes a table as it now is."""
    card = json.loads(small(folder).path.read_text())
    (folder / f"{table}.csv").write_bytes(content)
    card[table]["sha256"] = hashlib.sha256(content).hexdigest()
    return kept(folder, card)


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        ("pairs", b"", r"pairs\.csv:1: there is no column 'pair'"),
        ("choices", b"expert,pair\n", r"choices\.csv:1: there is no column 'showing'"),
        ("noted", b"\xff\xfe", r"noted\.csv cannot be read as a CSV table"),
        ("pairs", b'pair,"', r"pairs\.csv cannot be read as a CSV table"),
        (
            "noted",
            ",".join(COLUMNS["noted"]).encode() + b"\nada\n",
            r"noted\.csv:2: has another number of cells",
        ),
        (
            "choices",
            ",".join(COLUMNS["choices"]).encode(),
            r"choices\.csv has no rows",
        ),
    ],
)
def test_files_that_are_no_such_table_are_refused(tmp_path, table, content, message):
    with pytest.raises(AuditError, match=message):
        read_answers(rewritten(tmp_path, table, content))


def test_the_digest_is_of_all_three_tables(tmp_path):
    card = small(tmp_path)
    before = answers_digest(card)
    assert before == answers_digest(small(tmp_path))
    for table in ("pairs", "choices", "noted"):
        content = (tmp_path / f"{table}.csv").read_bytes()
        (tmp_path / f"{table}.csv").write_bytes(content + b"\n")
        assert answers_digest(card) != before
        (tmp_path / f"{table}.csv").write_bytes(content)
    assert answers_digest(card) == before


def pairs_from(card, file):
    return card.model_copy(update={"pairs": card.pairs.model_copy(update={"file": file})})


@pytest.mark.parametrize("file", ["/dev/zero", "../pairs.csv", "link.csv"])
def test_tables_outside_the_cards_folder_are_refused(tmp_path, file):
    folder = tmp_path / "study"
    folder.mkdir()
    (tmp_path / "pairs.csv").write_text("")
    (folder / "link.csv").symlink_to("/dev/zero")
    card = pairs_from(small(folder), file)
    for read in (read_answers, answers_digest):
        with pytest.raises(AuditError, match="lies outside the folder"):
            read(card)


def test_a_table_that_is_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    card = pairs_from(small(tmp_path), "pipe.csv")
    with pytest.raises(AuditError, match=r"pipe\.csv is a pipe or a device"):
        read_answers(card)


def test_a_table_that_is_too_large_is_refused(tmp_path, monkeypatch):
    card = small(tmp_path)
    monkeypatch.setattr("auditkit.data.answers.MOST_BYTES", 100)
    with pytest.raises(AuditError, match=r"pairs\.csv is larger than"):
        read_answers(card)


def test_what_is_hashed_is_what_is_parsed(tmp_path, monkeypatch):
    card = small(tmp_path)
    expected = read_answers(card)
    real, reads = answers_module._content, []

    def once(card, table):
        content = real(card, table)
        reads.append(table.file)
        (tmp_path / table.file).write_text("swapped")
        return content

    monkeypatch.setattr(answers_module, "_content", once)
    assert read_answers(card).pairs == expected.pairs
    assert reads == ["pairs.csv", "choices.csv", "noted.csv"]
