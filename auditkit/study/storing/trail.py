"""The audit trail: who did what when. Lines are added, never changed."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert, select

from auditkit.study.kinds import Event
from auditkit.study.storing.database import Database, moment
from auditkit.study.storing.tables import TRAIL


class Trail:
    """The audit trail of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(
        self,
        connection: Connection,
        name: str,
        action: str,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Add a line, within a transaction: it stands if the rest stands."""
        line = {
            "at": self._database.now(connection),
            "person": name,
            "action": action,
            "detail": json.dumps(dict(detail or {})),
        }
        connection.execute(insert(TRAIL).values(line))

    def events(self) -> Sequence[Event]:
        """All lines, the first one first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(TRAIL).order_by(TRAIL.c.id)).all()
        return [
            Event(moment(row.at), row.person, row.action, json.loads(row.detail)) for row in rows
        ]
