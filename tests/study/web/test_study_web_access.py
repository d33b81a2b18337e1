"""Invitations, sessions, roles and the token of forms: who may do what, and every way around it refused."""

import secrets
from datetime import timedelta

import pytest
from study_web_world import ADA, BEN, COORDINATOR, VALID, blinded, choice, served

from auditkit.study.web.rates import Rate, Rates

PLENTY = Rate(10_000, 10_000)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    rates = Rates(PLENTY, PLENTY, PLENTY)
    with served(tmp_path_factory.mktemp("access"), blinded(), rates=rates) as world:
        yield world


def test_an_invitation_is_a_page_with_a_button_that_signs_in(world):
    browser, token = world.stranger(), world.store.invite(ADA, VALID)
    shown = browser.get(f"/invitation/{token}")
    assert shown.status == 200
    assert "Set-Cookie" not in shown
    assert '<form method="post">' in shown.text
    entered = browser.enter(token)
    assert (entered.status, entered["location"]) == (303, "/")
    assert "Signed in as ada." in browser.get("/").text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world):
    cookie = world.stranger().enter(world.store.invite(ADA, VALID))["Set-Cookie"].lower()
    attributes = {part.strip() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)


def test_looking_at_an_invitation_uses_nothing_up_and_tells_nothing(world):
    true, false = world.store.invite(ADA, VALID), secrets.token_urlsafe(32)
    before = len(world.store.trail())
    pages = [world.stranger().get(f"/invitation/{token}") for token in (true, false)]
    assert pages[0].body == pages[1].body
    assert len(world.store.trail()) == before


@pytest.mark.parametrize(
    "forged", ["", "x", "%00", "%F0%9F%A6%A0", "a" * 5000, "..%2f..%2fkey.json", "' OR 1=1 --"]
)
def test_forged_invitations_are_refused(world, forged):
    browser = world.stranger()
    assert browser.post(f"/invitation/{forged.replace(' ', '%20')}", "").status in {403, 404}
    assert not browser.cookie


def test_expired_and_revoked_invitations_are_refused(world):
    late = world.store.invite(ADA, timedelta(seconds=-1))
    assert world.stranger().enter(late).status == 403
    revoked = world.store.invite(BEN, VALID)
    session = world.signed_in(BEN)
    world.store.revoke(BEN)
    assert world.stranger().enter(revoked).status == 403
    assert session.get("/").status == 403


def test_an_expired_session_is_none(world):
    browser = world.signed_in(ADA)
    name = browser.cookie.partition("=")[0]
    late = world.store.sign_in(world.store.invite(ADA, VALID), timedelta(seconds=-1))
    browser.cookie = f"{name}={late}"
    assert browser.get("/").status == 403


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "a" * 8000, '"', "é" * 20, "a" * 42 + "%00"])
def test_forged_sessions_are_none(world, value):
    browser = world.signed_in(ADA)
    browser.cookie = f"{browser.cookie.partition('=')[0]}={value}".encode().decode("latin-1")
    assert browser.get("/").status == 403


def test_without_a_session_everything_but_the_door_is_closed(world):
    slug = world.tasks(ADA)[0].slug
    stranger = world.stranger()
    for path in ("/", "/next", f"/task/{slug}", f"/picture/{slug}/0.png", "/grouping"):
        reply = stranger.get(path)
        assert reply.status == 403
        assert "You are not signed in" in reply.text
    for path in (f"/task/{slug}", "/advance", "/grouping", "/grouping/agree", "/sign-out"):
        assert stranger.post(path, {"csrf": "x"}).status == 403


def test_signing_out_ends_the_session_on_the_server(world):
    browser = world.signed_in(ADA)
    left = browser.post("/sign-out", {"csrf": browser.csrf})
    assert left.status == 200
    assert "max-age=0" in left["Set-Cookie"].lower()
    assert browser.get("/").status == 403


def test_signing_out_needs_the_token_of_the_form(world):
    browser = world.signed_in(ADA)
    assert browser.post("/sign-out", {}).status == 403
    assert browser.get("/").status == 200


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "forged", "cut", "another session's", "another's", "not ascii"]
)
def test_a_form_without_its_own_token_keeps_nothing(world, kind):
    browser, task = world.signed_in(ADA), world.tasks(ADA)[0]
    before = len(world.answers(ADA, task.slug))
    given = choice(browser)
    match kind:
        case "missing":
            del given["csrf"]
        case "empty":
            given["csrf"] = ""
        case "forged":
            given["csrf"] = secrets.token_hex(32)
        case "cut":
            given["csrf"] = given["csrf"][:-1]
        case "another session's":
            given["csrf"] = world.signed_in(ADA).csrf
        case "another's":
            given["csrf"] = world.signed_in(BEN).csrf
        case _:
            given["csrf"] = "ß" * 64
    for json in (False, True):
        reply = browser.post(f"/task/{task.slug}", given, json=json)
        assert reply.status == 403
    assert reply.json["error"]
    assert len(world.answers(ADA, task.slug)) == before


def test_only_the_coordinator_ends_a_phase(world):
    browser = world.signed_in(ADA)
    before = world.store.phase
    assert browser.post("/advance", {"csrf": browser.csrf, "reason": "please"}).status == 403
    assert world.store.phase == before


def test_the_coordinator_has_no_tasks(world):
    coordinator = world.signed_in(COORDINATOR)
    reply = coordinator.get("/next")
    assert (reply.status, reply["location"]) == (303, "/")


def test_over_tls_the_cookie_is_bound_to_this_host_and_to_tls(tmp_path):
    with served(tmp_path, blinded(), secure=True) as world:
        https = {"Origin": f"https://127.0.0.1:{world.port}"}
        # Without a proxy that says so there is no TLS, and then there is nothing to be had.
        for path in ("/", "/invitation/x", "/static/x"):
            assert world.stranger().get(path, **https).status == 403
        reply = world.stranger().post(
            f"/invitation/{world.store.invite(ADA, VALID)}", "", headers=https
        )
        assert reply.status == 403
        assert "TLS" in reply.text
        assert "Set-Cookie" not in reply
        assert reply["Strict-Transport-Security"]
        through = https | {"X-Forwarded-Proto": "https"}
        entered = world.stranger().post(
            f"/invitation/{world.store.invite(ADA, VALID)}", "", headers=through
        )
        cookie = entered["Set-Cookie"]
        assert cookie.startswith("__Host-")
        assert "secure" in cookie.lower()
        assert "domain" not in cookie.lower()
