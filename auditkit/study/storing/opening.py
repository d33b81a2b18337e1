"""Opening a study's database: made on first use, refused if it is another study's."""

import time

from sqlalchemy import Connection, insert, inspect, select, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from auditkit.errors import AuditError
from auditkit.evidence.identity import address
from auditkit.study.folder import Blinded
from auditkit.study.storing.database import Database, new_file
from auditkit.study.storing.people import add_people
from auditkit.study.storing.phases import begin
from auditkit.study.storing.tables import META, SCHEMA, SCHEMA_VERSION

_PATIENCE = 30.0
_LOCK = 0x61756469746B6974  # any number that other programs do not use


def opened(url: str, study: Blinded) -> Database:
    """The database at an SQLAlchemy URL, as `Store` opens it.

    Raises:
        AuditError: it cannot be opened, or it holds the answers of another study.
    """
    database = Database(url)
    try:
        if database.is_sqlite:
            new_file(database.url)
        _patiently_prepare(database, study)
    except (SQLAlchemyError, OSError) as error:
        told = str(getattr(error, "orig", None) or error)
        raise AuditError(f"{database}: cannot be opened: {told}") from error
    return database


def _patiently_prepare(database: Database, study: Blinded) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with database.writing() as connection:
                _prepare(connection, study, is_sqlite=database.is_sqlite)
        except OperationalError as error:
            # Two that switch a new file to its write-ahead log at once do not queue for it.
            if "locked" not in str(error.orig) or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _prepare(connection: Connection, study: Blinded, *, is_sqlite: bool) -> None:
    if not is_sqlite:
        # SQLite has one writer anyway; here, who comes second waits and finds all made.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    digest = address(study.model_dump(mode="json", exclude_defaults=True))
    if inspect(connection).has_table(META.name):
        _check(connection, study, digest)
        return
    SCHEMA.create_all(connection, checkfirst=False)
    meta = {"schema": SCHEMA_VERSION, "study": digest}
    connection.execute(insert(META), [{"name": key, "value": meta[key]} for key in meta])
    add_people(connection, study)
    begin(connection, study)


def _check(connection: Connection, study: Blinded, digest: str) -> None:
    meta = {row.name: row.value for row in connection.execute(select(META))}
    where = connection.engine.url.render_as_string(hide_password=True)
    if meta.get("schema") != SCHEMA_VERSION:
        raise AuditError(
            f"{where}: tables of version {meta.get('schema')}, {SCHEMA_VERSION} was expected; "
            "use the auditkit that began the study"
        )
    if meta.get("study") != digest:
        raise AuditError(
            f"{where}: it holds the answers of another study than '{study.study}', or study.json was "
            "changed since; name another database"
        )
