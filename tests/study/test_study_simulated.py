"""Simulated experts over HTTP: the planted truth comes out, nothing that was acknowledged is lost or doubled,
and nobody but programs is answered for."""

import threading
from collections import Counter

import pytest
from study_simulated_world import build_study, served

from auditkit.data.answers import read_answers
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_answers_card
from auditkit.study.answers import PairAnswer
from auditkit.study.exporting import export
from auditkit.study.simulated import Judgement, coordinate, simulate
from auditkit.study.simulated.client import Client


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two experts at once through all phases, with a log of what was acknowledged."""
    built = build_study(tmp_path_factory.mktemp("simulated"), prescreen=False, repeats=0.25)
    log = {"sim-a": [], "sim-b": []}
    with served(built) as running:
        phases = [running.store.phase]
        while phases[-1] != "closed":
            threads = [
                threading.Thread(
                    target=simulate,
                    args=(running.url, running.invitation(name), name),
                    kwargs={"acknowledged": own.append},
                )
                for name, own in log.items()
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            phases.append(coordinate(running.url, running.invitation("coordinator")))
        yield running, log, phases


@pytest.fixture(scope="module")
def answers(finished):
    running = finished[0]
    path = export(running.folder, running.store, running.folder.parent / "out")
    return read_answers(read_answers_card(path))


def test_the_loop_runs_from_stage_1_to_closing(finished):
    assert finished[2][:3] == ["stage-1", "grouping", "stage-2"]
    assert finished[2][-1] == "closed"


@pytest.mark.parametrize(
    ("model", "planted", "direction"),
    [
        ("pink", "background/pinker", "benign < malignant"),
        ("dark", "lesion/darker pigmentation", "benign < malignant"),
    ],
)
def test_what_was_planted_is_noted_and_points_the_right_way(answers, model, planted, direction):
    own = {pair.pair for pair in answers.pairs if pair.model == model}
    asked = sum(one.pair in own and bool(one.chosen) for one in answers.choices)
    noted = Counter((row.attribute, row.direction) for row in answers.noted if row.pair in own)
    assert noted[planted, direction] / asked > 0.7
    assert noted[planted, direction.replace("<", ">")] == 0
    other = "lesion/darker pigmentation" if model == "pink" else "background/pinker"
    assert sum(count for (name, _), count in noted.items() if name == other) / asked < 0.4


def test_darker_lesions_are_chosen(answers):
    pairs = {pair.pair: pair for pair in answers.pairs if pair.model == "dark"}
    chosen = [
        (one.chosen == "A") == (one.left == pairs[one.pair].malignant)
        for one in answers.choices
        if one.pair in pairs and one.chosen
    ]
    assert sum(chosen) / len(chosen) > 0.8


def test_stage_1_has_words_of_its_own_and_stage_2_presets(answers):
    stages = {(one.expert, one.pair, one.showing): one.stage for one in answers.choices}
    pinker = [
        (stages[row.expert, row.pair, row.showing], row.text)
        for row in answers.noted
        if row.attribute == "background/pinker"
    ]
    assert "pinker" not in {text for stage, text in pinker if stage == "stage-1"}
    assert len({text for stage, text in pinker if stage == "stage-1"}) > 1
    in_two = [text for stage, text in pinker if stage == "stage-2"]
    assert in_two.count("pinker") / len(in_two) > 0.8


def test_what_was_acknowledged_is_what_is_kept(finished):
    running, log, _ = finished
    for name, acknowledged in log.items():
        kept = {}
        for phase in ("stage-1", "stage-2"):
            for task in running.store.tasks(name, phase):
                assert task.done
                for revision in running.store.revisions(name, task.slug):
                    kept[task.slug, revision.number] = revision
        assert sorted(kept) == sorted((one.slug, one.revision) for one in acknowledged)
        for one in acknowledged:
            revision = kept[one.slug, one.revision]
            assert revision.submitted == one.submitted
            assert isinstance(revision.answer, PairAnswer)
            assert revision.answer.choice == dict(one.fields).get("choice")
            said = [value for key, value in one.fields if key == "attribute"]
            assert [row.attribute for row in revision.answer.noted] == said


def test_comments_and_the_card_say_that_it_is_simulated(answers):
    assert {one.comment for one in answers.choices} == {"simulated"}
    assert all(one.simulated for one in answers.card.experts)
    assert "simulated" in answers.card.stand_in


TASKS = 12
"""Pictures of two references of two models, and of a spare one."""


class Quick:
    """Chooses A, sees nothing, and rejects no picture."""

    def rejects(self, picture):
        """Never."""
        del picture
        return False

    def compares(self, a, b, presets):
        """Always A."""
        del a, b, presets
        return Judgement("A")


@pytest.fixture
def small(tmp_path):
    built = build_study(
        tmp_path, references=2, practice=0, stage_one=0, people=["carla"], repeats=0
    )
    with served(built) as running:
        yield running


def test_nobody_is_answered_for_who_is_not_simulated(small):
    with pytest.raises(AuditError, match="simulated: true"):
        simulate(small.url, small.invitation("carla"), "carla", judge=Quick())
    with pytest.raises(AuditError, match="simulated: true"):
        simulate(small.url, small.invitation("coordinator"), "coordinator", judge=Quick())
    assert all(one.done == 0 for one in small.store.progress())


def test_an_invitation_is_for_one_expert(small):
    with pytest.raises(AuditError, match="for 'sim-b', not for 'sim-a'"):
        simulate(small.url, small.invitation("sim-b"), "sim-a", judge=Quick())


def test_a_program_ends_no_phase_of_people(small):
    with pytest.raises(AuditError, match="carla is not"):
        coordinate(small.url, small.invitation("coordinator"))


def test_an_invitation_that_does_not_hold_is_told(small):
    with pytest.raises(AuditError, match=r"403.*invitation"):
        simulate(small.url, "x" * 40, "sim-a", judge=Quick())


def test_broken_connections_neither_lose_nor_double_an_answer(small, monkeypatch):
    once, calls = Client._once, Counter()

    def flaky(self, method, path, body, **options):
        calls[method] += 1
        found = once(self, method, path, body, **options)
        if calls[method] % 3 == 0:
            raise ConnectionResetError("cut off after the server has answered")
        return found

    monkeypatch.setattr(Client, "_once", flaky)
    log = []
    assert (
        simulate(
            small.url, small.invitation("sim-a"), "sim-a", judge=Quick(), acknowledged=log.append
        )
        == TASKS
    )
    assert calls["POST"] > 9
    tasks = small.store.tasks("sim-a", "screening")
    assert [len(small.store.revisions("sim-a", task.slug)) for task in tasks] == [1] * TASKS
    assert sorted(one.slug for one in log) == sorted(task.slug for task in tasks)


def test_a_phase_that_is_not_done_ends_only_with_a_reason(tmp_path):
    built = build_study(tmp_path, references=1, practice=0, stage_one=0)
    with served(built) as running:
        with pytest.raises(AuditError, match="answered 0 of 8"):
            coordinate(running.url, running.invitation("coordinator"))
        begun = coordinate(running.url, running.invitation("coordinator"), reason="for a test")
        assert begun == running.store.phase == "stage-2"


def test_a_server_that_stays_away_is_told():
    with pytest.raises(AuditError, match="does not answer"):
        simulate("http://127.0.0.1:9", "token", "sim-a", judge=Quick(), patience=0.2)
