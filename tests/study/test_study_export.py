"""The export: nothing before the study is closed, then the truth, whatever was displayed on which side."""

import csv
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from study_export_world import SEEN, Truth, is_malignant, make_world, number_in

from auditkit.data.answers import read_answers
from auditkit.data.cells import escaped, unescaped
from auditkit.data.ratings import read_ratings
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_answers_card, read_ratings_card
from auditkit.spec.strict_yaml import parse_yaml
from auditkit.study.answers import Noted, PairAnswer
from auditkit.study.exporting import export
from auditkit.study.exporting.answer_rows import Given, noted_rows
from auditkit.study.exporting.cards import card_text
from auditkit.study.folder import read_blinded, write_blinded
from auditkit.study.kinds import Revision, Task
from auditkit.study.storing import normalised

QUICK = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORDS = [
    "darker",
    "Darker ",
    "pinker",
    "more hair",
    "=cmd|' /C calc'!A0",
    "'tis",
    '"a", b;c',
    "-1",
]

truths = st.builds(
    Truth,
    malignant_looks=st.booleans(),
    differs=st.dictionaries(
        st.tuples(st.sampled_from(["lesion", "background"]), st.sampled_from(WORDS)),
        st.sampled_from(list(SEEN)),
        max_size=4,
    ),
    unable=st.booleans(),
    comment=st.sampled_from(["", "a, b", "@SUM(A1)", "\n=1"]),
)


@st.composite
def studies(draw):
    experts = ["ada", "ben", "cem"][: draw(st.integers(1, 3))]
    models = ["one", "two"][: draw(st.integers(1, 2))]
    references, practice = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    items = references * len(models) + practice
    return {
        "experts": experts,
        "models": models,
        "references": references,
        "practice": practice,
        "malignant": draw(st.lists(st.integers(0, 1), min_size=items, max_size=items)),
        "stage_one": draw(st.integers(0, 4)),
        "repeats": draw(st.sampled_from([0, 0.5])),
        "truth": {
            (expert, item): draw(truths)
            for expert in experts
            for item in range(items)
            if (expert, item) == (experts[0], 0) or draw(st.integers(0, 4))
        },
    }


def closed(world, truth, rejected=()):
    """Answer all phases from the truth, group each text into itself, and close."""
    while world.store.phase != "closed":
        if world.store.phase == "screening":
            world.screen(rejected)
        elif "grouping" in world.store.phase:
            for text in world.store.board().texts:
                plain = " ".join(text.text.split())
                world.store.group(
                    world.study.experts[0].expert, text.category, text.text, f"other/{plain}"
                )
        else:
            world.answer_all(truth, world.store.phase)
        world.end("test")
    return world


@QUICK
@given(drawn=studies())
def test_directions_of_an_export_are_the_truth_whatever_was_displayed(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("property")
    truth = drawn.pop("truth")
    world = closed(make_world(folder / "study", prescreen=False, **drawn), truth)

    answers = read_answers(read_answers_card(export(world.folder, world.store, folder / "out")))

    shown = {pair.pair: pair for pair in answers.pairs if pair.shown}
    assert len(shown) == drawn["references"] * len(drawn["models"])
    expected = {
        (expert, f"item{item}"): known
        for (expert, item), known in truth.items()
        if f"item{item}" in shown
    }
    assert {(one.expert, one.pair) for one in answers.choices} == set(expected)
    for choice in answers.choices:
        known = expected[choice.expert, choice.pair]
        displayed_malignant = choice.left == shown[choice.pair].malignant
        assert choice.unable == known.unable
        assert choice.comment == known.comment.strip()
        if not known.unable:
            assert ((choice.chosen == "A") == displayed_malignant) == known.malignant_looks
    noted = {}
    for row in answers.noted:
        own = noted.setdefault((row.expert, row.pair, row.showing), {})
        own[row.category, row.text] = row.direction
    for choice in answers.choices:
        known = expected[choice.expert, choice.pair]
        own = noted.get((choice.expert, choice.pair, choice.showing), {})
        assert own == {
            (category, text.strip()): way for (category, text), way in known.differs.items()
        }
    for pair in shown.values():
        pictures = [folder / "out" / "pictures" / name for name in pair.pictures]
        assert [number_in(path) for path in pictures] == [int(pair.pair[4:])] * 2
        assert [is_malignant(path) for path in pictures] == [
            pair.malignant == "first",
            pair.malignant == "second",
        ]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A study with screening, practice and both stages; ben rejects a picture of item 1, ada of item 2."""
    folder = tmp_path_factory.mktemp("exported")
    world = make_world(
        folder / "study",
        references=4,
        practice=1,
        stage_one=2,
        malignant=[0, 1, 1, 0],
        simulated=["ben"],
        stand_in="a stand-in: yes",
    )
    truth = {
        (expert, item): Truth(
            differs={("lesion", "darker"): "malignant only", ("other", "odd"): "different"}
        )
        for expert in ("ada", "ben")
        for item in range(9)
    }
    closed(world, truth, [("ben", 1), ("ada", 2)])
    return world, export(world.folder, world.store, folder / "out")


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_status_tells_what_became_of_every_pair(exported):
    answers = read_answers(read_answers_card(exported[1]))
    # Images 1 and 2 were rejected in the first model (items 1, 2), so that neither is shown in the second.
    assert {pair.pair: pair.status for pair in answers.pairs} == {
        "item0": "shown",
        "item1": "rejected: ben",
        "item2": "rejected: ada",
        "item3": "shown",
        "item4": "shown",
        "item5": "not drawn",
        "item6": "not drawn",
        "item7": "shown",
        "item8": "practice",
    }
    with_pictures = {pair.pair for pair in answers.pairs if pair.pictures[0]}
    assert with_pictures == {"item0", "item3", "item4", "item7"}


def test_scores_follow_the_sides(exported):
    answers = read_answers(read_answers_card(exported[1]))
    assert {pair.scores for pair in answers.pairs} == {(0.25, 0.875)}


def test_the_card_says_what_the_study_was(exported):
    world, path = exported
    card = read_answers_card(path)
    assert (card.answers, card.data, card.task) == ("small", "lesions", "melanoma")
    assert card.title == "A small study: with a colon"
    assert card.seed == world.key.seed
    assert card.plan_sha256 == world.key.plan_sha256
    assert card.closed == world.store.closed_at().date()
    assert [one.attribute for one in card.attributes] == [
        "lesion/darker",
        "background/pinker",
        "other/odd",
    ]
    assert card.attributes[0].literature == "malignant"
    assert card.attributes[0].source == "A book, 1e3 pages."


def test_simulated_experts_are_told_in_the_card_and_in_the_tables_of_vetoes(exported):
    card = read_answers_card(exported[1])
    assert [one.simulated for one in card.experts] == [False, True]
    vetoes = read_ratings_card(exported[1].parent / "small-one-vetoes.ratings.yaml")
    for told in (card.stand_in, vetoes.stand_in):
        assert "simulated" in told
        assert "ben" in told
        assert "ada" not in told


def test_vetoes_are_the_rejected_pairs_as_audits_read_them(exported):
    found = {}
    for model in ("one", "two"):
        card = read_ratings_card(exported[1].parent / f"small-{model}-vetoes.ratings.yaml")
        assert (card.model, card.data) == (model, "lesions")
        for row in read_ratings(card):
            assert row.method == "counterfactual"
            found[model, row.image, row.rater] = row.value
    rejected = {key for key, value in found.items() if value == card.scale.low}
    assert rejected == {("one", "image-1", "ben"), ("one", "image-2", "ada")}
    assert len(found) == 16
    assert set(found.values()) == {0, 1}


def test_the_trail_is_exported_with_the_export_itself(exported):
    rows = rows_of(exported[1].parent / "trail.csv")
    actions = [row["action"] for row in rows]
    assert actions.count("advance") >= 3
    assert actions[-1] == "export"
    assert all(isinstance(json.loads(unescaped(row["detail"])), dict) for row in rows)


def test_pictures_are_compressed_again_and_named_by_their_pixels(exported):
    world, path = exported
    pictures = sorted((path.parent / "pictures").iterdir())
    original = {
        np.asarray(Image.open(one)).tobytes() for one in (world.folder / "pictures").iterdir()
    }
    assert len(pictures) == 8
    for one in pictures:
        assert np.asarray(Image.open(one)).tobytes() in original
        assert len(one.stem) == 64
        assert not Image.open(one).info


def test_a_running_study_stays_sealed(tmp_path):
    world = make_world(tmp_path / "study", prescreen=False, stage_one=0)
    (world.folder / "key.json").unlink()  # nobody may even look for it
    with pytest.raises(AuditError, match=r"not closed.*stage-2"):
        export(world.folder, world.store, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert "export" not in {event.action for event in world.store.trail()}


def test_a_study_without_answers_is_refused(tmp_path):
    world = make_world(tmp_path / "study", prescreen=False, stage_one=0)
    world.end("nobody came")
    with pytest.raises(AuditError, match="without a single answer"):
        export(world.folder, world.store, tmp_path / "out")


@pytest.fixture
def finished(tmp_path):
    world = make_world(tmp_path / "study", prescreen=False, stage_one=0, references=1, repeats=0)
    world.answer_all({("ada", 0): Truth(), ("ada", 1): Truth(), ("ben", 0): Truth()}, "stage-2")
    world.end("ben stopped")
    return world


def test_pairs_without_an_answer_have_no_row(finished, tmp_path):
    path = export(finished.folder, finished.store, tmp_path / "out")
    rows = rows_of(path.parent / "choices.csv")
    assert [(row["expert"], row["pair"]) for row in rows] == [
        *(("ada", pair) for pair in sorted(["item0", "item1"], key=order_of(finished))),
        ("ben", "item0"),
    ]
    assert not list(path.parent.glob("*vetoes*"))


def order_of(world):
    places = {task.item: task.place for task in world.store.tasks("ada", "stage-2")}
    return lambda item: places[item]


def test_what_is_missing_is_an_empty_cell_and_nan_never_appears(tmp_path):
    world = make_world(
        tmp_path / "study",
        prescreen=False,
        stage_one=0,
        references=1,
        models=["one"],
        scores=(),
        repeats=0,
    )
    (task,) = world.store.tasks("ada", "stage-2")
    world.store.save("ada", task.slug, "nonce-1", PairAnswer(unable=True), submitted=True)
    world.end("enough")
    out = export(world.folder, world.store, tmp_path / "out").parent
    (choice,) = rows_of(out / "choices.csv")
    assert (choice["chosen"], choice["unable"], choice["seconds"]) == ("", "yes", "")
    assert {
        (row["benign_score"], row["malignant_score"]) for row in rows_of(out / "pairs.csv")
    } == {("", "")}
    cells = {
        cell.lower() for path in out.glob("*.csv") for row in rows_of(path) for cell in row.values()
    }
    assert not cells & {"nan", "none", "null", "inf"}


@pytest.mark.parametrize("name", ["plan.yaml", "key.json"])
def test_files_that_are_not_those_of_the_study_are_refused(finished, tmp_path, name):
    path = finished.folder / name
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('"small"', '"other"').replace("A small", "A nice"), encoding="utf-8"
    )
    with pytest.raises(AuditError, match=name):
        export(finished.folder, finished.store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_program_does_not_become_a_person_by_an_edit_of_the_plan(tmp_path):
    world = make_world(tmp_path / "study", prescreen=False, simulated=["ada", "ben"], repeats=0)
    world.answer_all({("ada", 0): Truth()}, "stage-1")
    world.end("enough")
    plan, key = world.folder / "plan.yaml", world.folder / "key.json"
    text = plan.read_bytes()
    edited = text.replace(b"simulated: true", b"simulated: false")
    edited = edited.replace(b'"simulated": true', b'"simulated": false')
    assert edited != text
    plan.write_bytes(edited)
    digests = [sha256(one).hexdigest() for one in (text, edited)]
    key.write_text(key.read_text(encoding="utf-8").replace(*digests), encoding="utf-8")
    with pytest.raises(AuditError, match=r"'experts' of plan\.yaml is not that of study\.json"):
        export(world.folder, world.store, tmp_path / "out")


@pytest.mark.parametrize(
    ("recorded", "message"),
    [("key_sha256", "not the key"), ("pictures_sha256", "pictures are not those")],
)
def test_another_key_or_other_pictures_are_refused(finished, tmp_path, recorded, message):
    study = read_blinded(finished.folder).model_copy(update={recorded: "0" * 64})
    write_blinded(finished.folder, study)
    with pytest.raises(AuditError, match=message):
        export(finished.folder, finished.store, tmp_path / "out")


def test_nothing_is_left_where_the_export_fails(finished, tmp_path):
    shown = next((finished.folder / "pictures").iterdir())
    shown.write_bytes(shown.read_bytes()[:60])
    with pytest.raises(AuditError, match="cannot be read"):
        export(finished.folder, finished.store, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_an_export_overwrites_nothing(finished, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(AuditError, match="exists already"):
        export(finished.folder, finished.store, tmp_path / "out")


def test_a_row_that_was_entered_twice_is_one(tmp_path):
    world = make_world(
        tmp_path / "study", prescreen=False, stage_one=0, references=1, models=["one"], repeats=0
    )
    (task,) = world.store.tasks("ada", "stage-2")
    row = {"category": "lesion", "attribute": "darker", "comparator": "A > B"}
    answer = PairAnswer(choice="A", noted=[row, row, {**row, "comparator": "B only"}])
    world.store.save("ada", task.slug, "nonce-1", answer, submitted=True)
    world.end("enough")
    answers = read_answers(read_answers_card(export(world.folder, world.store, tmp_path / "out")))
    assert sorted(row.comparator for row in answers.noted) == ["A > B", "B only"]
    assert {row.attribute for row in answers.noted} == {"lesion/darker"}


SPACES = [
    "dark",
    "Dark",
    "e\u0301",
    " ",
    "\u00a0",
    "\u2003",
    "\u2028",
    "\u200b",
    "\u200d",
    "\ufeff",
]
SIGNS = ["'", "=", '"', ",", "\x1c", "\x1f", "\x00", "\x7f", "\x85", "\t", "\n", "\r", "\u202e"]
TEXTS = st.lists(st.sampled_from(SPACES + SIGNS) | st.text(max_size=3), max_size=5).map("".join)


@QUICK
@given(texts=st.lists(TEXTS, max_size=8), comment=TEXTS)
@example(texts=["dark", "dark\x1f", "dark ", "\x1cdark"], comment="dark\x1f")
def test_whatever_is_taken_at_the_door_is_read_back(texts, comment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("door")
    world = make_world(
        folder / "s", prescreen=False, stage_one=0, references=1, models=["one"], repeats=0
    )
    (task,) = world.store.tasks("ada", "stage-2")
    taken = [text for text in texts if is_taken("lesion", text)]
    rows = [
        {"category": category, "attribute": text, "comparator": comparator}
        for text in taken
        for category in ("lesion", "background")
        for comparator in ("A > B", "B only")
    ]
    said = comment if is_taken("lesion", "x", comment) else ""
    answer = PairAnswer(choice="A", noted=rows, comment=said)
    world.store.save("ada", task.slug, "nonce-1", answer, submitted=True)
    while world.store.phase != "closed":
        for text in world.store.board().texts if "grouping" in world.store.phase else ():
            world.store.group("ada", text.category, text.text, "other/odd")
        world.end("test")
    answers = read_answers(read_answers_card(export(world.folder, world.store, folder / "out")))
    found = [(row.category, row.text, row.comparator) for row in answers.noted]
    assert len(found) == len(set(found))
    assert set(found) == {
        (row["category"], row["attribute"].strip(), row["comparator"]) for row in rows
    }
    assert all(row.attribute for row in answers.noted)
    assert [row.comment for row in answers.choices] == [said.strip()]


def is_taken(category, attribute, comment=""):
    """Whether an answer with this text is valid, and has anything to be read."""
    row = {"category": category, "attribute": attribute, "comparator": "different"}
    try:
        PairAnswer(noted=[row], comment=comment)
    except ValidationError:
        return False
    return bool(normalised(attribute))


def test_rows_are_told_apart_as_the_reader_does_who_strips_cells():
    told = ["dark", "dark\x1f", "Dark", "dark"]
    noted = [
        Noted.model_construct(category="lesion", attribute=one, comparator="A > B") for one in told
    ]
    task = Task("slug", "ada", "stage-2", 1, 0, "first", "item0", (0, 1), done=True)
    revision = Revision(1, PairAnswer.model_construct(noted=noted), True, datetime.now(UTC), None)
    study = SimpleNamespace(keys={"item0": SimpleNamespace(malignant=0)}, grouped={})
    rows = noted_rows(study, [Given(task, revision, revision.answer)])
    assert [row["text"] for row in rows] == ["dark", "Dark"]


def test_the_export_of_one_study_is_the_same_twice_but_for_the_trail(finished, tmp_path):
    first = export(finished.folder, finished.store, tmp_path / "first").parent
    again = export(finished.folder, finished.store, tmp_path / "again").parent
    names = sorted(str(path.relative_to(first)) for path in first.rglob("*") if path.is_file())
    assert names == sorted(
        str(path.relative_to(again)) for path in again.rglob("*") if path.is_file()
    )
    differing = [
        name for name in names if (first / name).read_bytes() != (again / name).read_bytes()
    ]
    assert differing == ["trail.csv"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_free_text_is_harmless_in_a_cell_and_comes_back(text):
    assert unescaped(escaped(text)) == text
    assert not escaped(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(
    st.dictionaries(
        st.text("abc", min_size=1),
        st.recursive(
            st.integers(0, 99)
            | st.booleans()
            | st.sampled_from(
                ["no", "1e3", "010", "~", "", "0x1f", "1:30", "2026-03-01", "a: b", "- x", "#"]
            )
            | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff")),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz"), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        min_size=1,
    )
)
def test_a_card_is_read_back_value_for_value(card):
    assert parse_yaml(card_text(card).decode(), Path("card.yaml")).data == card
