"""From phase to phase."""

from datetime import UTC, datetime

import pytest
import study_storing_world as world

from auditkit.study import assigning
from auditkit.study.answers import ScreeningAnswer
from auditkit.study.kinds import Person
from auditkit.study.storing import Store
from auditkit.study.storing.store import Conflict, NotReady, Refused


def walked(store: Store, make=world.fine) -> list[str]:
    """All phases that a study goes through, when everybody does everything."""
    phases = [store.phase]
    while phases[-1] != "closed":
        world.answer_all(store, make)
        texts = store.board().texts if store.phase.endswith("grouping") else []
        for one in texts:
            store.group("ann", one.category, one.text, f"{one.category}/same")
        if texts:
            for name in ("ann", "bob"):
                store.agree(name, store.board().state)
        phases.append(store.advance(world.coordinator(store)))
    return phases


def noting(*phases: str):
    """Answers that note one free text in some phases."""
    return lambda task: (
        world.pair(f"lesion/{task.phase} text") if task.phase in phases else world.fine(task)
    )


def test_a_study_goes_through_all_phases(store):
    assert walked(store, noting("stage-1", "stage-2")) == [
        "screening",
        "stage-1",
        "grouping",
        "stage-2",
        "final-grouping",
        "closed",
    ]


@pytest.mark.parametrize(
    ("changed", "noted", "expected"),
    [
        ({}, (), "screening stage-1 stage-2 closed"),
        ({}, ("stage-1",), "screening stage-1 grouping stage-2 closed"),
        ({}, ("stage-2",), "screening stage-1 stage-2 final-grouping closed"),
        ({"prescreen": False}, (), "stage-1 stage-2 closed"),
        ({"stage_one": 0}, ("stage-2",), "screening stage-2 final-grouping closed"),
        ({"stage_one": 0, "prescreen": False}, (), "stage-2 closed"),
        ({"stage_one": 99}, ("stage-1",), "screening stage-1 grouping closed"),
        ({"stage_one": 3}, (), "screening stage-1 closed"),
    ],
)
def test_phases_without_anything_to_do_are_skipped(sqlite_url, changed, noted, expected):
    few = {"items": world.items(3, models=1, practice=0), "stage_one": 2}
    store = Store(sqlite_url, world.study(**few | changed))
    assert walked(store, noting(*noted)) == expected.split()
    store.close()


def test_heatmaps_are_rated_and_that_is_all(url):
    study = world.rated_study()
    store = Store(url, study)
    for expert in ("ann", "bob"):
        found = [
            assigning.Assigned(t.phase, t.sitting, t.place, t.showing, t.item, t.order)
            for t in store.tasks(expert, "rating")
        ]
        assert found == assigning.ratings(study, expert)
    assert walked(store) == ["rating", "closed"]
    store.close()


def test_nobody_but_the_coordinator_advances(store):
    impostors = [
        Person("ann", "expert"),
        Person("ann", "coordinator"),
        Person("eve", "coordinator"),
    ]
    for person in impostors:
        with pytest.raises(Refused, match="only the coordinator ends a phase"):
            store.advance(person, "now")
    assert store.phase == "screening"


def test_who_is_not_done_is_told_by_counts(store):
    world.answer_all(store, names=("bob",))
    task = store.next_task("ann")
    store.save("ann", task.slug, "a", ScreeningAnswer(artifact=False), submitted=True)
    for reason in ("", "  \n"):
        with pytest.raises(NotReady) as refused:
            store.advance(world.coordinator(store), reason)
        assert str(refused.value) == "screening is not done: ann has answered 1 of 24"
    assert store.phase == "screening"
    assert store.trail() == []


def test_a_phase_that_ends_early_keeps_the_reason_and_who_was_not_done(store):
    ann = store.tasks("ann", "screening")[0]
    store.save("ann", ann.slug, "a", ScreeningAnswer(artifact=False), submitted=True)
    assert store.advance(world.coordinator(store), "  ann is ill ") == "stage-1"
    (event,) = store.trail()
    assert event.person == "carl"
    assert event.detail == {
        "from": "screening",
        "to": "stage-1",
        "reason": "ann is ill",
        "not done": "ann has answered 1 of 24; bob has answered 0 of 24",
        "references": "5",
        "images that nobody screened, counted as not rejected": "23",
        "images that some experts screened and others did not": "1",
    }


def test_what_anybody_rejects_is_shown_to_nobody_in_any_model(open_store):
    store = open_store(references=99)
    rejected = {"ann": {"i0-0"}, "bob": {"i3-1"}}

    def judge(task):
        is_bad = task.item in rejected[task.person] and task.order == (1,)
        return ScreeningAnswer(artifact=is_bad)

    world.answer_all(store, judge)
    assert store.advance(world.coordinator(store)) == "stage-1"
    expected = {f"i{r}-{m}" for r in (1, 2, 4, 5) for m in (0, 1)}
    for name in ("ann", "bob"):
        shown = [*store.tasks(name, "stage-1"), *store.tasks(name, "stage-2")]
        assert {one.item for one in shown if one.showing != "practice"} == expected
    assert {(one.person, one.phase, one.tasks) for one in store.progress()} == {
        (name, phase, tasks)
        for name in ("ann", "bob")
        for phase, tasks in (("screening", 24), ("stage-1", 8), ("stage-2", 2))
    }


def test_a_rejection_that_was_taken_back_is_none(open_store):
    store = open_store(references=99)
    task = store.next_task("ann")
    for nonce, given in (("a", True), ("b", False), ("c", True)):
        answer = ScreeningAnswer(artifact=given)
        store.save("ann", task.slug, nonce, answer, submitted=nonce != "c")
    store.advance(world.coordinator(store), "enough")
    assert task.item in {one.item for one in store.tasks("bob", "stage-1")} | {
        one.item for one in store.tasks("bob", "stage-2")
    }


def test_a_screening_that_nothing_passes_does_not_end(store):
    for task in store.tasks("ann", "screening"):
        if task.item.endswith("-0") and task.order == (1,):
            answer = ScreeningAnswer(artifact=True)
            store.save("ann", task.slug, task.slug, answer, submitted=True)
    with pytest.raises(NotReady, match="no pair passed the screening"):
        store.advance(world.coordinator(store), "enough")
    assert store.phase == "screening"
    assert store.tasks("ann", "stage-1") == []
    task = store.tasks("ann", "screening")[0]
    store.save("ann", task.slug, "still", ScreeningAnswer(artifact=False), submitted=True)


def test_tasks_are_what_assigning_says(open_store):
    store = open_store()
    study = world.study()
    drawn = assigning.references(study, ())
    store.advance(world.coordinator(store), "enough")
    for name in ("ann", "bob"):
        tasks = [*store.tasks(name, "stage-1"), *store.tasks(name, "stage-2")]
        found = [
            assigning.Assigned(t.phase, t.sitting, t.place, t.showing, t.item, t.order)
            for t in tasks
        ]
        assert found == assigning.pairs(study, name, drawn)
        assert {one.person for one in tasks} == {name}


def test_names_of_tasks_are_unguessable_and_never_the_same(open_store):
    store = open_store(prescreen=False)
    slugs = [
        task.slug
        for name in ("ann", "bob")
        for phase in ("stage-1", "stage-2")
        for task in store.tasks(name, phase)
    ]
    assert len(set(slugs)) == len(slugs)
    assert min(len(one) for one in slugs) >= 22


def test_practice_comes_first_and_does_not_count(open_store):
    store = open_store(prescreen=False)
    tasks = store.tasks("ann", "stage-1")
    assert [(one.showing, one.sitting) for one in tasks[:3]] == [
        ("practice", 0),
        ("practice", 0),
        ("first", 1),
    ]
    for place in range(2):
        task = store.next_task("ann")
        assert task == tasks[place]
        store.save("ann", task.slug, f"n{place}", world.pair("lesion/odd"), submitted=True)
    assert {one.done for one in store.progress()} == {0}
    store.advance(world.coordinator(store), "enough")
    assert store.phase == "stage-2"  # what was noted in practice is not grouped


def test_there_is_nothing_next_where_there_are_no_tasks(open_store):
    store = open_store(prescreen=False)
    task = store.tasks("bob", "stage-1")[-1]
    store.save("bob", task.slug, "a", world.pair("lesion/odd"), submitted=True)
    assert store.advance(world.coordinator(store), "enough") == "grouping"
    assert store.next_task("ann") is None
    assert store.next_task("carl") is None
    assert store.tasks("carl", "stage-1") == []


def test_nobody_reads_answers_before_the_end(store):
    while store.phase != "closed":
        with pytest.raises(Refused, match="the study is not closed"):
            store.answered()
        assert store.closed_at() is None
        store.advance(world.coordinator(store), "enough")
    assert "export" not in {one.action for one in store.trail()}
    assert 0 <= (datetime.now(UTC) - store.closed_at()).total_seconds() < 10


def test_a_closed_study_gives_every_answer_once_in_order_and_takes_no_more(open_store):
    store = open_store(prescreen=False)
    world.answer_all(store)
    store.advance(world.coordinator(store))
    world.answer_all(store, names=("bob",))
    with pytest.raises(NotReady, match=r"stage-2 is not done: ann has answered 0 of 5$"):
        store.advance(world.coordinator(store))
    store.advance(world.coordinator(store), "ann left")
    found = [(task.person, task.phase, task.place) for task, _ in store.answered()]
    assert found == [
        (name, phase, place)
        for name, phase, tasks in (
            ("ann", "stage-1", 10),
            ("bob", "stage-1", 10),
            ("bob", "stage-2", 5),
        )
        for place in range(tasks)
    ]
    assert store.trail()[-1].action == "export"
    with pytest.raises(Refused, match="closed already"):
        store.advance(world.coordinator(store), "once more")
    task = store.tasks("ann", "stage-2")[0]
    with pytest.raises(Refused, match="stage-2 is over"):
        store.save("ann", task.slug, "late", world.pair(), submitted=True)


def test_the_phase_that_was_seen_ends_and_no_other(store):
    coordinator = world.coordinator(store)
    assert store.advance(coordinator, "over", expected="screening") == "stage-1"
    with pytest.raises(Conflict, match="screening has ended already"):
        store.advance(coordinator, "over", expected="screening")
    assert store.phase == "stage-1"
