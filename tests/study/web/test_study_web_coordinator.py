"""The coordinator's page: how far everybody is, phases and the trail, and not one answer."""

import secrets
import threading
import time
from datetime import timedelta

import pytest
from study_web_world import ADA, BEN, COORDINATOR, blinded, choice, served

from auditkit.study.web.rates import Rate, Rates

PLENTY = Rate(10_000, 10_000)
WORDS = secrets.token_hex(12)


def noted(text):
    return {"category": "lesion", "attribute": text, "comparator": "A only"}


@pytest.fixture
def world(tmp_path):
    with served(tmp_path, blinded(), rates=Rates(PLENTY, PLENTY, PLENTY)) as world:
        yield world


def end(coordinator, **fields):
    return coordinator.post("/advance", {"csrf": coordinator.csrf} | fields)


def test_the_page_shows_how_far_everybody_is(world):
    ada, coordinator = world.signed_in(ADA), world.signed_in(COORDINATOR)
    ada.post(f"/task/{world.tasks(ADA)[0].slug}", choice(ada))
    page = coordinator.get("/").text
    rows = [row for row in page.split("<tr>") if 'scope="row"' in row]
    assert [ADA in rows[0], "1 of 3" in rows[0], BEN in rows[1], "0 of 3" in rows[1]] == [True] * 4
    assert f"Not done yet: {ADA}, {BEN}." in page


def test_a_phase_ends_early_with_a_reason_alone(world):
    coordinator = world.signed_in(COORDINATOR)
    for reason in ("", "   \n"):
        refused = end(coordinator, reason=reason)
        assert refused.status == 422
        assert 'role="alert"' in refused.text
        assert "<details open>" in refused.text
        assert world.store.phase == "stage-1"
    assert end(coordinator, reason="x" * 501).status == 422
    ended = end(coordinator, reason="Ben is <ill>")
    assert (ended.status, ended["Location"]) == (303, "/")
    assert world.store.phase != "stage-1"
    assert "reason: Ben is &lt;ill&gt;" in coordinator.get("/").text
    assert world.store.trail()[-1].detail["reason"] == "Ben is <ill>"


def test_no_reason_is_asked_for_when_everybody_is_done(world):
    for name in (ADA, BEN):
        world.answer_all(name)
    coordinator = world.signed_in(COORDINATOR)
    assert "Everybody is done" in coordinator.get("/").text
    assert 'name="reason"' not in coordinator.get("/").text
    assert end(coordinator, phase="stage-1").status == 303
    assert world.store.phase == "stage-2"


def test_a_button_that_is_pressed_many_times_ends_one_phase(world, monkeypatch):
    coordinator = world.signed_in(COORDINATOR)
    coordinator.csrf  # noqa: B018 the token is fetched before the threads begin
    got, ending = [], world.store.advance

    def slowly(*given):
        time.sleep(0.05)
        return ending(*given)

    monkeypatch.setattr(world.store, "advance", slowly)

    def press():
        got.append(end(coordinator, phase="stage-1", reason="now").status)

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [303] + [409] * 5
    assert world.store.phase == "stage-2"


def test_a_forged_end_of_a_phase_is_refused(world):
    coordinator = world.signed_in(COORDINATOR)
    assert coordinator.post("/advance", {"reason": "now"}).status == 403
    foreign = world.signed_in(COORDINATOR).csrf
    assert coordinator.post("/advance", {"csrf": foreign, "reason": "now"}).status == 403
    assert end(coordinator, reason="now", person=COORDINATOR).status == 422
    assert world.store.phase == "stage-1"


def everything(browser, world):
    """All that the coordinator can get by asking for everything there is."""
    paths = [
        "/",
        "/next",
        "/grouping",
        "/export",
        "/answers",
        "/key.json",
        "/study.json",
        "/answers.sqlite",
        "/trail",
    ]
    for name in (ADA, BEN):
        for phase in ("stage-1", "stage-2"):
            for task in world.tasks(name, phase):
                paths += [
                    f"/task/{task.slug}",
                    f"/picture/{task.slug}/0.png",
                    f"/picture/{task.slug}/1.png",
                ]
    replies = [
        browser.get(path, **headers)
        for path in paths
        for headers in ({}, {"Accept": "application/json"})
    ]
    return "\n".join(f"{reply.status} {reply.headers} {reply.body!r}" for reply in replies)


def test_the_coordinator_learns_no_answer_whatever_is_asked(world):
    for name in (ADA, BEN):
        world.answer_all(name, comment=f"comment {WORDS}", **noted(f"text {WORDS}"))
    coordinator = world.signed_in(COORDINATOR)
    seen = everything(coordinator, world)
    assert world.store.phase == "stage-1"
    end(coordinator)
    assert world.store.phase == "grouping"
    ada = world.signed_in(ADA)
    grouped = {
        "csrf": ada.csrf,
        "category": "lesion",
        "text": f"text {WORDS}",
        "attribute": f"lesion/named {WORDS}",
    }
    assert ada.post("/grouping", grouped).status == 303
    assert WORDS in ada.get("/grouping").text
    world.store.note(ADA, "group", {"text": WORDS, "from": "stage-1"})
    seen += everything(coordinator, world)
    end(coordinator, reason="enough")
    seen += everything(coordinator, world)
    assert WORDS not in seen
    assert "picture0" not in seen
    assert "PNG" not in seen
    for name in (ADA, BEN):
        for task in world.tasks(name, "stage-1"):
            assert task.slug not in seen.replace("/task/", "")


def test_the_trail_names_what_happened(world):
    world.signed_in(ADA)
    coordinator = world.signed_in(COORDINATOR)
    end(coordinator, reason="a test")
    page = coordinator.get("/").text
    for words in (
        "sign in",
        "invite",
        "advance (from: stage-1; to: stage-2; reason: a test; not done: ada has answered 0 of 3; ben",
    ):
        assert words in page


def test_a_long_trail_is_cut(world):
    for n in range(250):
        world.store.note(ADA, f"happening {n}")
    page = world.signed_in(COORDINATOR).get("/").text
    assert "happening 249" in page
    assert "happening 10<" not in page
    assert "52 earlier events are not listed" in page


def test_who_agrees_to_the_grouping_is_waited_for(world):
    for name in (ADA, BEN):
        world.answer_all(name, **noted("wide"))
    coordinator, ada = world.signed_in(COORDINATOR), world.signed_in(ADA)
    end(coordinator)
    assert ada.get("/next")["Location"] == "/grouping"
    assert "Group what was written" in ada.get("/").text
    world.store.group(ADA, "lesion", "wide", "lesion/wide")
    world.store.agree(ADA, world.store.board().state)
    assert f"Not done yet: {BEN}." in coordinator.get("/").text
    assert ada.get("/next")["Location"] == "/"
    assert "agree to the grouping" in ada.get("/").text


def test_a_closed_study_says_how_answers_are_exported(world):
    coordinator, ada = world.signed_in(COORDINATOR), world.signed_in(ADA)
    while world.store.phase != "closed":
        assert "auditkit study export" not in coordinator.get("/").text
        end(coordinator, reason="over")
    page = coordinator.get("/").text
    assert "auditkit study export FOLDER" in page
    assert 'action="/advance"' not in page
    assert "Thank you" in ada.get("/").text
    assert end(coordinator, reason="again").status == 422


def test_stand_ins_and_simulated_experts_are_named_on_every_page(tmp_path):
    study = blinded(
        stand_in="synthetic pictures", experts=({"expert": ADA, "simulated": True}, {"expert": BEN})
    )
    with served(tmp_path, study) as world:
        ada, ben = world.signed_in(ADA), world.signed_in(BEN)
        for path in ("/", f"/task/{world.tasks(ADA)[0].slug}", "/nothing"):
            page = ada.get(path).text
            assert "synthetic pictures" in page
            assert "a program answers" in page
        assert "a program answers" not in ben.get("/").text
        assert "synthetic pictures" in world.stranger().get("/invitation/x").text
        assert "(simulated)" in world.signed_in(COORDINATOR).get("/").text


def test_a_session_of_the_coordinator_ends_like_any_other(world):
    late = world.store.sign_in(
        world.store.invite(COORDINATOR, timedelta(hours=1)), timedelta(seconds=-1)
    )
    browser = world.signed_in(COORDINATOR)
    csrf = browser.csrf
    browser.cookie = f"{browser.cookie.partition('=')[0]}={late}"
    assert browser.post("/advance", {"csrf": csrf, "reason": "late"}).status == 403
