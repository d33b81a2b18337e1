"""Invitations and sessions."""

from datetime import UTC, datetime, timedelta

import pytest
import study_storing_world as world
from sqlalchemy import create_engine, text

from auditkit.errors import AuditError
from auditkit.study.storing.database import microseconds

HOUR = timedelta(hours=1)


def everything_in(url: str) -> str:
    """All that the database keeps, as text."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [
            str(connection.execute(text(f"SELECT * FROM {table}")).all())
            for table in ("study_invitations", "study_sessions", "study_trail", "study_people")
        ]
    engine.dispose()
    return "\n".join(found)


def test_people_are_the_experts_in_order_and_then_the_coordinator(store):
    assert [(one.name, one.role, one.simulated) for one in store.people()] == [
        ("ann", "expert", False),
        ("bob", "expert", True),
        ("carl", "coordinator", False),
    ]


def test_an_invitation_signs_in_whom_it_is_for_as_often_as_wanted(store):
    invitation = store.invite("bob", HOUR)
    sessions = [store.sign_in(invitation, HOUR) for _ in range(2)]
    assert len(set(sessions)) == 2
    for token in sessions:
        held = store.session(token)
        assert held.person == store.people()[1]
        assert timedelta(minutes=59) < held.expires - datetime.now(UTC) <= HOUR


def test_tokens_are_long_and_not_kept_anywhere(store, url):
    invitation = store.invite("carl", HOUR)
    token = store.sign_in(invitation, HOUR)
    csrf = store.session(token).csrf
    assert min(len(invitation), len(token), len(csrf)) >= 43
    kept = everything_in(url)
    assert "carl" in kept
    for secret in (invitation, token, csrf):
        assert secret not in kept


def test_every_session_has_its_own_form_token_and_keeps_it(store):
    invitation = store.invite("ann", HOUR)
    first, second = (store.sign_in(invitation, HOUR) for _ in range(2))
    assert store.session(first).csrf == store.session(first).csrf != store.session(second).csrf


def test_strangers_are_nobody(store):
    store.invite("ann", HOUR)
    for wrong in ("", "x" * 43, "\x00", "\ud800", "ä", "' OR 1=1 --"):
        assert store.sign_in(wrong, HOUR) is None
        assert store.session(wrong) is None
        store.sign_out(wrong)


def test_a_session_is_no_invitation_and_an_invitation_no_session(store):
    invitation = store.invite("ann", HOUR)
    token = store.sign_in(invitation, HOUR)
    assert store.sign_in(token, HOUR) is None
    assert store.session(invitation) is None


def test_what_is_over_is_nobodys(store, monkeypatch):
    invitation = store.invite("ann", HOUR)
    token = store.sign_in(invitation, HOUR)
    now = store._database.now
    for later, is_over in ((timedelta(minutes=59), False), (timedelta(minutes=61), True)):
        monkeypatch.setattr(
            store._database, "now", lambda c, later=later: now(c) + microseconds(later)
        )
        assert (store.session(token) is None) == is_over
        assert (store.sign_in(invitation, HOUR) is None) == is_over


def test_what_is_valid_for_no_time_never_is(store):
    assert store.sign_in(store.invite("ann", timedelta(0)), HOUR) is None
    assert store.session(store.sign_in(store.invite("ann", HOUR), timedelta(0))) is None


def test_signing_out_ends_one_session(store):
    invitation = store.invite("ann", HOUR)
    first, second = (store.sign_in(invitation, HOUR) for _ in range(2))
    store.sign_out(first)
    assert store.session(first) is None
    assert store.session(second) is not None


def test_revoking_ends_everything_of_somebody_and_nothing_of_others(store):
    invitations = [store.invite(name, HOUR) for name in ("ann", "ann", "bob")]
    sessions = [store.sign_in(one, HOUR) for one in invitations]
    store.revoke("ann")
    assert [store.session(one) is None for one in sessions] == [True, True, False]
    assert [store.sign_in(one, HOUR) is None for one in invitations] == [True, True, False]
    assert store.sign_in(store.invite("ann", HOUR), HOUR) is not None


def test_strangers_cannot_be_invited(store):
    for refused in (lambda: store.invite("eve", HOUR), lambda: store.revoke("eve")):
        with pytest.raises(
            AuditError, match="'eve' has no part in the study; one of ann, bob, carl"
        ):
            refused()


def test_sessions_outlive_the_process(store, open_store):
    token = store.sign_in(store.invite("ann", HOUR), HOUR)
    again = open_store()
    assert again.session(token) == store.session(token)


def test_the_trail_tells_who_did_what_in_order(store):
    token = store.sign_in(store.invite("ann", HOUR), HOUR)
    store.sign_out(token)
    store.sign_out(token)
    store.revoke("ann")
    store.note("carl", "looked", {"at": "progress", "ä": "\x00"})
    store.advance(world.coordinator(store), "enough")
    events = store.trail()
    assert [(one.person, one.action) for one in events] == [
        ("ann", "invite"),
        ("ann", "sign in"),
        ("ann", "sign out"),
        ("ann", "revoke"),
        ("carl", "looked"),
        ("carl", "advance"),
    ]
    assert events[4].detail == {"at": "progress", "ä": "\x00"}
    assert all(one.at.tzinfo is UTC for one in events)
    assert [one.at for one in events] == sorted(one.at for one in events)
