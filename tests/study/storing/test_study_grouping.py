"""Free text, grouped by all experts together."""

import random
from collections import Counter

import pytest
import study_storing_world as world
from hypothesis import given
from hypothesis import strategies as st

from auditkit.study.answers import PairAnswer
from auditkit.study.kinds import FreeText
from auditkit.study.storing import Store, normalised
from auditkit.study.storing.grouping import key_of
from auditkit.study.storing.store import NotReady, Refused

SMALL = {"prescreen": False, "items": world.items(4, models=1, practice=1), "stage_one": 3}


def grouping_of(store, answers: dict[str, list[PairAnswer]]) -> None:
    """Through stage 1: the answers of each expert in order, then empty ones; practice does not count."""
    for name in ("ann", "bob"):
        left = list(answers.get(name, []))
        while (task := store.next_task(name)) is not None:
            if task.showing == "practice":
                answer = world.pair("lesion/only practised")
            else:
                answer = left.pop(0) if left else world.pair()
            store.save(name, task.slug, task.slug, answer, submitted=True)
        assert not left
    store.advance(world.coordinator(store))


@pytest.fixture
def board(open_store):
    """A store whose experts wrote four texts."""
    store = open_store(**SMALL)
    grouping_of(
        store,
        {
            "ann": [world.pair("background/Pink  skin", "lesion/Dark"), world.pair("lesion/dark")],
            "bob": [world.pair("background/pink skin", "background/rosy", "lesion/DARKER ")],
        },
    )
    assert store.phase == "grouping"
    return store


def test_texts_are_counted_without_case_spaces_practice_and_attributes(board):
    found = board.board()
    assert found.texts == [
        FreeText("background", "Pink  skin", 2, ""),
        FreeText("background", "rosy", 1, ""),
        FreeText("lesion", "Dark", 2, ""),
    ]
    assert found.attributes == board.attributes() == ["lesion/darker"]
    assert found.agreed == []


def test_the_same_text_in_two_categories_is_two(open_store):
    store = open_store(**SMALL)
    grouping_of(store, {"ann": [world.pair("lesion/red", "background/red", "lesion/Red")]})
    assert store.board().texts == [
        FreeText("background", "red", 1, ""),
        FreeText("lesion", "red", 1, ""),
    ]


def test_only_answers_in_force_are_grouped(sqlite_url):
    store = Store(sqlite_url, world.study(**SMALL))
    world.answer_all(store)
    task = store.tasks("ann", "stage-1")[1]
    for nonce, said, submitted in (
        ("a", "early", True),
        ("b", "late", True),
        ("c", "draft", False),
    ):
        answer = world.pair(f"lesion/{said}")
        store.save("ann", task.slug, nonce, answer, submitted=submitted)
    store.advance(world.coordinator(store))
    assert [one.text for one in store.board().texts] == ["late"]
    store.close()


def test_counts_are_those_of_a_count_by_hand(sqlite_url):
    draws = random.Random(3)
    names = [f"{c}/{t}" for c in ("lesion", "background") for t in ("red", "RED", " r ed", "r  ed")]
    study = world.study(prescreen=False, references=99, stage_one=99, repeats=0.5)
    store = Store(sqlite_url, study)
    expected: Counter[tuple[str, str]] = Counter()
    for name in ("ann", "bob"):
        for task in store.tasks(name, "stage-1"):
            noted = draws.choices(names, k=draws.randrange(4))
            store.save(name, task.slug, task.slug, world.pair(*noted), submitted=True)
            if task.showing != "practice":
                expected.update({key_of(one) for one in noted})
    store.advance(world.coordinator(store))
    found = {(one.category, normalised(one.text)): one.count for one in store.board().texts}
    assert found == dict(expected)
    store.close()


def test_grouping_makes_attributes_in_the_order_in_which_they_were_made(board):
    board.group("ann", "lesion", "dark", "lesion/DARKER")
    board.group("bob", "background", "PINK skin", "background/ pinker  tone")
    board.group("bob", "background", "rosy", "background/Pinker Tone")
    assert board.attributes() == ["lesion/darker", "background/pinker tone"]
    assert {one.text: one.attribute for one in board.board().texts} == {
        "Pink  skin": "background/pinker tone",
        "rosy": "background/pinker tone",
        "Dark": "lesion/darker",
    }
    assert board.grouped() == {
        ("lesion", "darker"): "lesion/darker",
        ("lesion", "dark"): "lesion/darker",
        ("background", "pinker tone"): "background/pinker tone",
        ("background", "pink skin"): "background/pinker tone",
        ("background", "rosy"): "background/pinker tone",
    }


def test_a_text_may_go_to_another_category_and_back_to_nothing(board):
    board.group("ann", "background", "rosy", "lesion/rosy border")
    assert board.attributes() == ["lesion/darker", "lesion/rosy border"]
    board.group("bob", "background", "rosy", "")
    assert board.attributes() == ["lesion/darker"]
    assert ("background", "rosy") not in board.grouped()


def test_a_text_that_others_are_named_after_counts_as_that_attribute(board):
    board.group("ann", "background", "pink skin", "background/rosy")
    assert [one.text for one in board.board().texts] == ["Pink  skin", "Dark"]
    assert board.grouped()["background", "rosy"] == "background/rosy"
    board.group("ann", "background", "pink skin", "")
    assert [one.text for one in board.board().texts] == ["Pink  skin", "rosy", "Dark"]


def test_an_attributes_own_name_is_never_grouped_into_another(board):
    board.group("ann", "background", "rosy", "background/pinker")
    with pytest.raises(Refused, match="'background/rosy' cannot be an attribute"):
        board.group("ann", "background", "pink skin", "background/rosy")
    board.group("ann", "background", "rosy", "background/rosy")
    board.group("ann", "background", "pink skin", "background/rosy")
    with pytest.raises(Refused, match="'background/rosy' cannot be an attribute"):
        board.group("ann", "background", "rosy", "background/pinker")
    grouped = board.grouped()
    assert all(grouped[key_of(one)] == one for one in board.attributes())


def test_what_cannot_be_grouped_is_refused(board):
    for name, category, written, attribute, told in (
        ("carl", "lesion", "dark", "lesion/a", "only the experts"),
        ("eve", "lesion", "dark", "lesion/a", "only the experts"),
        ("ann", "lesion", "light", "lesion/a", "nobody wrote 'light' under lesion"),
        ("ann", "lesion", "darker", "lesion/a", "or it is an attribute already"),
        ("ann", "background", "dark", "lesion/a", "nobody wrote"),
        ("ann", "lesion", "only practised", "lesion/a", "nobody wrote"),
        (
            "ann",
            "lesion",
            "dark",
            "skin/a",
            "is not 'category/name' with one of lesion, background",
        ),
        ("ann", "lesion", "dark", "lesion", "is not 'category/name'"),
        ("ann", "lesion", "dark", "lesion/ ", "is not 'category/name'"),
        ("ann", "lesion", "dark", "lesion/" + "a" * 201, "longer than 200"),
        ("ann", "lesion", "dark", "lesion/a\x00", "not readable"),
    ):
        with pytest.raises(Refused, match=told):
            board.group(name, category, written, attribute)
    assert board.attributes() == ["lesion/darker"]


def grouped_whole(store) -> str:
    """Group everything; the state."""
    for one in store.board().texts:
        store.group("ann", one.category, one.text, f"{one.category}/same")
    return store.board().state


def test_agreement_is_of_a_state_and_any_change_empties_it(board):
    start = board.board().state
    with pytest.raises(Refused, match="not grouped yet: 3 of 3 texts"):
        board.agree("ann", start)
    state = grouped_whole(board)
    board.agree("ann", state)
    board.agree("ann", state)
    assert board.board().agreed == ["ann"]
    with pytest.raises(
        NotReady, match=r"grouping is not done: bob does not agree to the grouping yet$"
    ):
        board.advance(world.coordinator(board))
    board.group("bob", "lesion", "dark", "lesion/SAME")
    assert board.board().agreed == ["ann"], "nothing has changed"
    board.group("bob", "lesion", "dark", "lesion/darker")
    assert board.board().agreed == []
    board.group("bob", "lesion", "dark", "lesion/same")
    assert board.board().agreed == [], "what was undone was a change"
    for outdated in (start, state, "nonsense"):
        with pytest.raises(Refused, match="the grouping has changed since"):
            board.agree("bob", outdated)
    for name in ("bob", "ann"):
        board.agree(name, board.board().state)
    assert board.board().agreed == ["ann", "bob"]
    assert board.advance(world.coordinator(board)) == "stage-2"


def test_the_coordinator_does_not_agree_for_others(board):
    state = grouped_whole(board)
    with pytest.raises(Refused, match="only the experts"):
        board.agree("carl", state)


def test_the_trail_tells_who_grouped_and_nothing_of_what_was_written(board):
    board.agree("bob", grouped_whole(board))
    events = [one for one in board.trail() if one.action in {"group", "agree"}]
    assert [(one.person, one.action) for one in events] == [("ann", "group")] * 3 + [
        ("bob", "agree")
    ]
    told = str(board.trail()).casefold()
    assert not any(one in told for one in ("rosy", "dark", "pink", "same"))


def test_what_is_selected_in_stage_two_is_not_grouped_again(open_store):
    store = open_store(**SMALL)
    grouping_of(store, {"ann": [world.pair("lesion/dark"), world.pair("background/rosy")]})
    store.group("ann", "lesion", "dark", "lesion/darker")
    store.group("ann", "background", "rosy", "background/pinker")
    for name in ("ann", "bob"):
        store.agree(name, store.board().state)
    assert store.advance(world.coordinator(store)) == "stage-2"
    with pytest.raises(Refused, match="free text is not grouped now"):
        store.group("ann", "lesion", "dark", "lesion/other")
    noted = ("lesion/Darker", "background/PINKER", "lesion/dark", "lesion/new", "lesion/pinker")
    world.answer_all(store, lambda task: world.pair(*noted))
    assert store.advance(world.coordinator(store)) == "final-grouping"
    assert {(one.category, one.text): one.attribute for one in store.board().texts} == {
        ("background", "rosy"): "background/pinker",
        ("lesion", "dark"): "lesion/darker",
        ("lesion", "new"): "",
        ("lesion", "pinker"): "",
    }
    assert store.board().agreed == [], "new texts make a new state"
    store.group("bob", "lesion", "new", "lesion/darker")
    store.group("bob", "lesion", "pinker", "background/pinker")
    for name in ("ann", "bob"):
        store.agree(name, store.board().state)
    assert store.advance(world.coordinator(store)) == "closed"
    assert {store.grouped()[key_of(one)] for one in noted} == set(store.attributes())


def test_a_grouping_that_ends_early_leaves_texts_ungrouped(board):
    board.group("ann", "lesion", "dark", "lesion/darker")
    board.advance(world.coordinator(board), "no time")
    assert board.trail()[-1].detail["not done"] == (
        "2 of 3 texts are not grouped; ann does not agree to the grouping yet; "
        "bob does not agree to the grouping yet"
    )
    world.answer_all(board)
    assert board.advance(world.coordinator(board)) == "final-grouping"
    board.advance(world.coordinator(board), "no time")
    assert ("background", "rosy") not in board.grouped()


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing(text):
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(max_size=20), st.text(max_size=20))
def test_case_and_spaces_alone_do_not_tell_texts_apart(one, other):
    text = f"{one} {other}"
    assert normalised(f"\t {one} \u00a0\n {other.casefold()} ") == normalised(text)
    assert normalised(text) == normalised(normalised(text)).strip()


def test_accents_count_however_they_are_written():
    assert normalised("Caf\u00e9") == normalised("cafe\u0301") == "caf\u00e9" != normalised("cafe")
    assert normalised("Straße") == normalised("STRASSE")
    assert normalised("a\x00b\u200bc") == "a b c"
