"""Answers and their revisions."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import study_storing_world as world
from sqlalchemy import text

from auditkit.study.answers import Decision, HeatmapAnswer, Noted, PairAnswer, ScreeningAnswer
from auditkit.study.kinds import Saved
from auditkit.study.storing import Store
from auditkit.study.storing.store import Conflict, Refused

YES, NO, OPEN = (ScreeningAnswer(artifact=given) for given in (True, False, None))
BENIGN, BAD = (Decision(decision=name, confidence=70) for name in ("benign", "bad"))


def slugs(store, name="ann"):
    return [one.slug for one in store.tasks(name, store.phase)]


def test_what_was_saved_is_read_again_in_order(store):
    slug = slugs(store)[0]
    before = datetime.now(UTC)
    store.save("ann", slug, "a", OPEN, submitted=False, seconds=1.5)
    store.save("ann", slug, "b", YES, submitted=True)
    first, second = store.revisions("ann", slug)
    assert (first.number, first.answer, first.submitted, first.seconds) == (1, OPEN, False, 1.5)
    assert (second.number, second.answer, second.submitted, second.seconds) == (2, YES, True, None)
    assert before - timedelta(milliseconds=1) <= first.at <= second.at <= datetime.now(UTC)


def test_an_answer_keeps_every_letter(open_store):
    store = open_store(prescreen=False)
    said = "Ünïcødé 🩺 \u200d \" ' \\ </script>"
    answer = PairAnswer(
        choice="B",
        comment=f"{said}\n\t{said}",
        noted=[Noted(category="lesion", attribute=said, comparator="different")],
    )
    store.save("ann", slugs(store)[0], "a", answer, submitted=True)
    assert store.revisions("ann", slugs(store)[0])[0].answer == answer


def test_a_clock_that_cannot_be_right_costs_no_answer(store):
    slug = slugs(store)[0]
    for nonce, seconds in (("a", float("nan")), ("b", float("inf")), ("c", -1.0)):
        store.save("ann", slug, nonce, YES, submitted=True, seconds=seconds)
    assert [one.seconds for one in store.revisions("ann", slug)] == [None] * 3


def test_a_form_that_is_sent_again_is_acknowledged_again(store):
    slug = slugs(store)[0]
    assert store.save("ann", slug, "a", YES, submitted=True) == Saved(1, again=False)
    assert store.save("ann", slug, "b", NO, submitted=True) == Saved(2, again=False)
    assert store.save("ann", slug, "a", YES, submitted=True, seconds=9) == Saved(1, again=True)
    assert len(store.revisions("ann", slug)) == 2


def test_a_form_is_acknowledged_again_after_its_phase(store):
    slug = slugs(store)[0]
    store.save("ann", slug, "a", NO, submitted=True)
    store.advance(world.coordinator(store), "enough")
    again = store.save("ann", slug, "a", NO, submitted=True)
    assert again == Saved(1, again=True)
    with pytest.raises(Refused, match="screening is over"):
        store.save("ann", slug, "new", NO, submitted=True)


def test_a_number_that_was_used_for_something_else_is_a_conflict(store):
    first, second = slugs(store)[:2]
    store.save("ann", first, "a", YES, submitted=True)
    for slug, answer, submitted in ((first, NO, True), (first, YES, False), (second, YES, True)):
        with pytest.raises(Conflict, match="sent before with another answer"):
            store.save("ann", slug, "a", answer, submitted=submitted)
    assert len(store.revisions("ann", first)) == 1
    assert store.revisions("ann", second) == []


def test_experts_do_not_share_numbers_of_forms(store):
    for name in ("ann", "bob"):
        saved = store.save(name, slugs(store, name)[0], "a", YES, submitted=True)
        assert saved == Saved(1, again=False)


def test_numbers_of_forms_are_plain_text(store):
    for nonce in ("", "x" * 201, "a\x00", "ä", "\n"):
        with pytest.raises(Refused, match="no valid number of its own"):
            store.save("ann", slugs(store)[0], nonce, YES, submitted=True)


def test_nobody_answers_for_others(store):
    slug = slugs(store, "bob")[0]
    for name in ("ann", "carl", "eve"):
        with pytest.raises(Refused, match="no such task"):
            store.save(name, slug, "a", YES, submitted=True)
        assert store.task(name, slug) is None
        assert store.revisions(name, slug) == []
    for unknown in ("", "nothing", "\x00", "ä", "\ud800"):
        assert store.task("bob", unknown) is None
        with pytest.raises(Refused, match="no such task"):
            store.save("bob", unknown, "a", YES, submitted=True)


def test_later_phases_are_out_of_reach(open_store):
    store = open_store(prescreen=False)
    task = store.tasks("ann", "stage-2")[0]
    assert store.task("ann", task.slug) is None
    with pytest.raises(Refused, match="no such task"):
        store.save("ann", task.slug, "a", world.pair(), submitted=True)


def test_only_whole_answers_are_submitted(store):
    slug = slugs(store)[0]
    store.save("ann", slug, "a", OPEN, submitted=False)
    with pytest.raises(Refused, match="something is missing"):
        store.save("ann", slug, "b", OPEN, submitted=True)
    assert not store.task("ann", slug).done
    assert len(store.revisions("ann", slug)) == 1


def test_every_kind_of_task_takes_its_own_answers(open_store):
    store = open_store()
    heatmap = HeatmapAnswer(before=BENIGN)
    for refused in ((world.pair(), heatmap), (YES, heatmap)):
        for answer in refused:
            with pytest.raises(Refused, match="the form of another task"):
                store.save("ann", slugs(store)[0], "a", answer, submitted=False)
        if store.phase == "screening":
            store.advance(world.coordinator(store), "enough")


def test_attributes_are_of_the_plans_categories_and_readable(open_store):
    store = open_store(prescreen=False)
    slug = slugs(store)[0]
    with pytest.raises(Refused, match="the category 'skin' is not one of lesion, background"):
        store.save("ann", slug, "a", world.pair("skin/red"), submitted=False)
    with pytest.raises(Refused, match="nothing that can be read"):
        store.save("ann", slug, "a", world.pair("lesion/\u200b\u200d"), submitted=False)


def test_work_that_is_submitted_stays_done_while_it_is_edited(store):
    slug = slugs(store)[0]
    store.save("ann", slug, "a", YES, submitted=True)
    store.save("ann", slug, "b", OPEN, submitted=False)
    assert store.task("ann", slug).done
    assert store.next_task("ann").place == 1
    counts = {one.person: one.done for one in store.progress()}
    assert counts == {"ann": 1, "bob": 0}


def test_the_last_submitted_revision_counts(open_store):
    store = open_store(stage_one=100, repeats=0)
    first, *_ = slugs(store)
    item = store.task("ann", first).item
    for nonce, answer, submitted in (("a", NO, True), ("b", YES, True), ("c", NO, False)):
        store.save("ann", first, nonce, answer, submitted=submitted)
    while store.phase != "closed":
        store.advance(world.coordinator(store), "enough")
    assert item not in {one.item for one in store.tasks("bob", "stage-1")}
    found = {task.slug: revision for task, revision in store.answered()}
    assert (found[first].number, found[first].answer) == (2, YES)


@pytest.fixture
def rated(url):
    store = Store(url, world.rated_study())
    yield store
    store.close()


def test_the_first_prediction_never_changes(rated):
    slug = slugs(rated)[0]
    rated.save("ann", slug, "a", HeatmapAnswer(), submitted=False)
    rated.save("ann", slug, "b", HeatmapAnswer(before=BENIGN), submitted=False)
    surer = BENIGN.model_copy(update={"confidence": 71})
    for number, other in enumerate((BAD, surer, None)):
        with pytest.raises(Refused, match="the first prediction stays as it was"):
            rated.save("ann", slug, f"c{number}", HeatmapAnswer(before=other), submitted=False)
    whole = HeatmapAnswer(before=BENIGN, after=BAD, rating=3)
    assert rated.save("ann", slug, "d", whole, submitted=True).revision == 3
    changed = whole.model_copy(update={"before": BAD})
    with pytest.raises(Refused, match="the first prediction stays"):
        rated.save("ann", slug, "e", changed, submitted=True)


def test_two_first_predictions_at_once_leave_one(rated):
    slug = slugs(rated)[0]

    def first(number: int) -> bool:
        mine = Decision(decision="benign", confidence=number)
        try:
            rated.save("ann", slug, f"n{number}", HeatmapAnswer(before=mine), submitted=False)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(first, range(8))) == 1
    assert len(rated.revisions("ann", slug)) == 1


def test_ratings_are_on_the_scale_and_predictions_among_the_classes(rated):
    slug = slugs(rated)[0]
    for rating in (-1, 11, 2.5):
        answer = HeatmapAnswer(before=BENIGN, after=BENIGN, rating=rating)
        with pytest.raises(Refused, match="not on the scale, 0 to 10 in steps of 1"):
            rated.save("ann", slug, "a", answer, submitted=False)
    other = Decision(decision="mole", confidence=1)
    for answer in (HeatmapAnswer(before=other), HeatmapAnswer(before=BAD, after=other)):
        with pytest.raises(Refused, match="the prediction 'mole' is not one of benign, bad"):
            rated.save("ann", slug, "a", answer, submitted=False)


def test_saves_at_once_to_one_task_all_succeed_with_numbers_of_their_own(store):
    slug = slugs(store)[0]
    with ThreadPoolExecutor(12) as pool:
        saved = list(
            pool.map(
                lambda number: store.save("ann", slug, f"n{number}", YES, submitted=True),
                range(36),
            )
        )
    assert sorted(one.revision for one in saved) == list(range(1, 37))
    assert [one.number for one in store.revisions("ann", slug)] == list(range(1, 37))
    assert {one.done for one in store.progress() if one.person == "ann"} == {1}


def test_saves_through_two_stores_lose_nothing(open_store):
    stores = [open_store(), open_store()]
    slug = slugs(stores[0])[0]
    with ThreadPoolExecutor(8) as pool:
        saved = list(
            pool.map(
                lambda number: stores[number % 2].save(
                    "ann", slug, f"n{number}", YES, submitted=True
                ),
                range(30),
            )
        )
    assert sorted(one.revision for one in saved) == list(range(1, 31))


def test_one_form_sent_many_times_at_once_is_kept_once(open_store):
    stores = [open_store(), open_store()]
    slug = slugs(stores[0])[0]
    with ThreadPoolExecutor(8) as pool:
        saved = list(
            pool.map(
                lambda number: stores[number % 2].save("ann", slug, "n", YES, submitted=True),
                range(24),
            )
        )
    assert {one.revision for one in saved} == {1}
    assert sum(not one.again for one in saved) == 1
    assert len(stores[0].revisions("ann", slug)) == 1


def test_one_number_sent_at_once_for_many_tasks_is_kept_for_one(open_store):
    stores = [open_store(), open_store()]
    places = slugs(stores[0])

    def send(number: int) -> str:
        try:
            stores[number % 2].save("ann", places[number], "n", YES, submitted=True)
        except Conflict:
            return ""
        return places[number]

    with ThreadPoolExecutor(8) as pool:
        kept = [one for one in pool.map(send, range(12)) if one]
    assert len(kept) == 1
    assert [len(stores[0].revisions("ann", one)) for one in places if one in kept] == [1]
    assert sum(len(stores[0].revisions("ann", one)) for one in places) == 1


def test_answers_while_the_phase_ends_are_kept_or_refused_but_never_dropped(store):
    everything = [(name, slug) for name in ("ann", "bob") for slug in slugs(store, name)]

    def send(one: tuple[str, str]) -> tuple[str, str] | None:
        if one == everything[20]:
            store.advance(world.coordinator(store), "it is late")
        try:
            store.save(*one, f"n-{one[1]}", NO, submitted=True)
        except Refused:
            return None
        return one

    with ThreadPoolExecutor(8) as pool:
        kept = {one for one in pool.map(send, everything) if one}
    assert 0 < len(kept) < len(everything)
    for name, slug in everything:
        assert len(store.revisions(name, slug)) == ((name, slug) in kept)


def test_any_sequence_of_saves_is_what_a_dictionary_would_keep(store):
    draws = random.Random(5)
    places = slugs(store)[:3]
    kept: dict[str, list[tuple[str, object, bool]]] = {slug: [] for slug in places}
    for _ in range(150):
        slug, nonce = draws.choice(places), f"n{draws.randrange(60)}"
        answer, submitted = draws.choice((YES, NO, OPEN)), draws.random() < 0.5
        row = (nonce, answer, submitted)
        used = [one for rows in kept.values() for one in rows if one[0] == nonce]
        if used and row in kept[slug]:
            expected = Saved(kept[slug].index(row) + 1, again=True)
        elif used or (submitted and answer == OPEN):
            with pytest.raises(Conflict if used else Refused):
                store.save("ann", slug, nonce, answer, submitted=submitted)
            continue
        else:
            kept[slug].append(row)
            expected = Saved(len(kept[slug]), again=False)
        assert store.save("ann", slug, nonce, answer, submitted=submitted) == expected
    for slug, rows in kept.items():
        found = [(one.answer, one.submitted) for one in store.revisions("ann", slug)]
        assert found == [(answer, submitted) for _, answer, submitted in rows]
        assert store.task("ann", slug).done == any(submitted for *_, submitted in rows)


def test_the_cost_of_what_is_next_does_not_grow_with_the_study(tmp_path):
    def steps(references: int) -> int:
        url = f"sqlite:///{tmp_path / str(references)}"
        many = {"references": references, "stage_one": 2 * references, "prescreen": False}
        kept = Store(url, world.study(items=world.items(references), **many))
        done = slugs(kept)[:references]
        for slug in done:
            kept.save("ann", slug, slug, world.pair(), submitted=True)
        taken = [0]
        with kept._database.reading() as connection:
            connection.connection.driver_connection.set_progress_handler(
                lambda: taken.__setitem__(0, taken[0] + 1), 1
            )
        slug = kept.next_task("ann").slug
        kept.save("ann", slug, "more", world.pair(), submitted=True)
        kept.progress()
        kept.close()
        return taken[0]

    few, many = steps(4), steps(120)
    assert few > 0
    assert many < few * 1.25


def test_revisions_cannot_be_doubled_even_by_hand(sqlite_url):
    store = Store(sqlite_url, world.study())
    store.save("ann", slugs(store)[0], "a", YES, submitted=True)
    copy = (
        "INSERT INTO study_revisions (task, number, person, nonce, answer, submitted, at) "
        "SELECT task, number + {0}, person, nonce || '{1}', answer, submitted, at FROM study_revisions"
    )
    for more, other in ((0, "x"), (1, "")):
        with pytest.raises(Exception, match="UNIQUE"), store._database.writing() as connection:
            connection.execute(text(copy.format(more, other)))
    store.close()
