"""Who takes part, and who is signed in. Of tokens, digests alone are kept."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update

from auditkit.errors import AuditError
from auditkit.study.folder import Blinded
from auditkit.study.kinds import Person, Session
from auditkit.study.storing.database import Database, microseconds, moment
from auditkit.study.storing.tables import INVITATIONS, PEOPLE, SESSIONS
from auditkit.study.storing.trail import Trail


def everybody(study: Blinded) -> Sequence[Person]:
    """Experts in the plan's order, then the coordinator: a person's number is the place here."""
    experts = [Person(one.expert, "expert", one.simulated) for one in study.experts]
    return [*experts, Person(study.coordinator, "coordinator")]


def add_people(connection: Connection, study: Blinded) -> None:
    """Write everybody into a new database."""
    rows = [
        {"id": number, "name": one.name, "role": one.role, "simulated": one.simulated}
        for number, one in enumerate(everybody(study))
    ]
    connection.execute(insert(PEOPLE), rows)


class People:
    """Invitations and sessions."""

    def __init__(self, database: Database, study: Blinded, trail: Trail) -> None:
        self._database, self._trail = database, trail
        self.all = everybody(study)
        self._numbers = {one.name: number for number, one in enumerate(self.all)}

    def number(self, name: str) -> int | None:
        """A person's number; None for a stranger."""
        return self._numbers.get(name)

    def known(self, name: str) -> int:
        """A person's number. Raises AuditError: a stranger."""
        number = self.number(name)
        if number is None:
            raise AuditError(
                f"'{name}' has no part in the study; one of {', '.join(self._numbers)} was expected"
            )
        return number

    def invite(self, name: str, valid: timedelta) -> str:
        """As `Store.invite`."""
        token = secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            self._keep(connection, INVITATIONS, self.known(name), token, valid)
            self._trail.note(connection, name, "invite", {"valid": str(valid)})
        return token

    def revoke(self, name: str) -> None:
        """As `Store.revoke`."""
        person = self.known(name)
        with self._database.writing() as connection:
            for table in (INVITATIONS, SESSIONS):
                ended = update(table).where(table.c.person == person).values(ended=True)
                connection.execute(ended)
            self._trail.note(connection, name, "revoke")

    def sign_in(self, invitation: str, valid: timedelta) -> str | None:
        """As `Store.sign_in`."""
        token = secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            held = self._holding(connection, INVITATIONS, invitation)
            if held is None:
                return None
            self._keep(connection, SESSIONS, held.person, token, valid)
            self._trail.note(connection, self.all[held.person].name, "sign in")
        return token

    def session(self, token: str) -> Session | None:
        """As `Store.session`."""
        with self._database.reading() as connection:
            held = self._holding(connection, SESSIONS, token)
        if held is None:
            return None
        return Session(self.all[held.person], _csrf(token), moment(held.expires))

    def sign_out(self, token: str) -> None:
        """As `Store.sign_out`."""
        with self._database.writing() as connection:
            held = self._holding(connection, SESSIONS, token)
            if held is None:
                return
            ended = update(SESSIONS).where(SESSIONS.c.digest == _digest(token)).values(ended=True)
            connection.execute(ended)
            self._trail.note(connection, self.all[held.person].name, "sign out")

    def _keep(
        self, connection: Connection, table: Table, person: int, token: str, valid: timedelta
    ) -> None:
        expires = self._database.now(connection) + microseconds(valid)
        row = {"person": person, "digest": _digest(token), "expires": expires}
        connection.execute(insert(table).values(row))

    def _holding(self, connection: Connection, table: Table, token: str) -> Row[Any] | None:
        digest = _digest(token)
        # The database compares digests: what its time tells about one says nothing about a token.
        row = connection.execute(select(table).where(table.c.digest == digest)).one_or_none()
        if row is None or not hmac.compare_digest(row.digest, digest):
            return None
        if row.ended or row.expires <= self._database.now(connection):
            return None
        return row


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _csrf(token: str) -> str:
    # Whoever has the session's cookie can derive it, whoever reads a page cannot derive the cookie.
    return hmac.new(token.encode(errors="replace"), b"auditkit study csrf", "sha256").hexdigest()
