"""Connections and transactions: the same code for SQLite and PostgreSQL."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select, text
from sqlalchemy.exc import ArgumentError

from auditkit.errors import AuditError
from auditkit.study.kinds import Phase
from auditkit.study.storing.queueing import Queue
from auditkit.study.storing.tables import STATE

SQLITE, POSTGRESQL = "sqlite", "postgresql+pg8000"
_PATIENCE = 30.0  # seconds that a writer waits for others
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PRAGMAS = ("synchronous=FULL", "fullfsync=ON", "foreign_keys=ON")
_CONNECTIONS, _MORE = 8, 24


def moment(at: int) -> datetime:
    """A moment as the tables have it."""
    return _EPOCH + at * _MICROSECOND


def microseconds(span: timedelta) -> int:
    """A span as the tables count."""
    return span // _MICROSECOND


class Database:
    """The database of one study. Threads may share it.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        AuditError: another database, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.is_sqlite = self.url.drivername == SQLITE
        self._engine = _engine(self.url, is_sqlite=self.is_sqlite)
        self._writing = self._engine.execution_options(writing=True)
        # SQLite has one writer at a time; threads that queue here are served in turn, while those that
        # wait for its file lock sleep and look again.
        self._queue = Queue() if self.is_sqlite else None

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is on disk when the block ends, or never was."""
        turn = nullcontext() if self._queue is None else self._queue.turn()
        with turn, self._writing.begin() as connection:
            yield connection

    def now(self, connection: Connection) -> int:
        """The moment by the clock of the database's machine, so that several servers agree."""
        if self.is_sqlite:
            return time.time_ns() // 1000
        asked = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")
        return int(connection.execute(asked).scalar_one())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def phase_in(connection: Connection, *, held: bool = False, shared: bool = False) -> Phase:
    """The phase; held: nobody ends it before this transaction ends; shared: others may hold it as well."""
    asked = select(STATE.c.phase)
    if held:
        asked = asked.with_for_update(read=shared)
    return cast("Phase", connection.execute(asked).scalar_one())


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise AuditError(
            "the database's address is no SQLAlchemy URL; sqlite:///FILE or "
            "postgresql+pg8000://USER:PASSWORD@HOST/DATABASE was expected"
        ) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername=POSTGRESQL)
    if parsed.drivername not in {SQLITE, POSTGRESQL}:
        raise AuditError(
            f"the database '{parsed.drivername}' is not known; sqlite:///FILE or "
            "postgresql+pg8000://USER:PASSWORD@HOST/DATABASE was expected"
        )
    if parsed.drivername == SQLITE and _in_memory(parsed.database or ""):
        raise AuditError("answers in memory would be lost; name a file: sqlite:///FILE")
    return parsed


def _in_memory(database: str) -> bool:
    return database in {"", ":memory:"} or database.startswith("file:")


def _engine(url: URL, *, is_sqlite: bool) -> Engine:
    options: dict[str, Any] = {"pool_size": _CONNECTIONS, "max_overflow": _MORE}
    if is_sqlite:
        options["connect_args"] = {"timeout": _PATIENCE}
    else:
        url, arguments = _secured(url)
        options |= {"pool_pre_ping": True, "connect_args": arguments}
    try:
        # A fault must not print answers, nor digests of tokens.
        engine = create_engine(url, hide_parameters=True, **options)
    except ModuleNotFoundError as error:
        raise AuditError(
            "answers in PostgreSQL need pg8000, which is not installed; "
            'run: pip install "pytest-auditkit[postgresql]"'
        ) from error
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _secured(url: URL) -> tuple[URL, dict[str, Any]]:
    """What the driver needs to know of TLS, which has no words for it in its URL.

    By default it takes TLS where the server has it, whoever the server is; ``sslmode=verify-full`` asks for a
    certificate that holds (of an authority in SSL_CERT_FILE, or known to the system).
    """
    mode = url.query.get("sslmode")
    if mode not in {None, "verify-full"}:
        raise AuditError(
            f"sslmode: '{mode}' is not known; verify-full was expected, or none at all"
        )
    if mode is not None:
        verifying = ssl.create_default_context()
        return url.difference_update_query(["sslmode"]), {"ssl_context": verifying}
    return url, {"ssl_context": False} if "unix_sock" in url.query else {}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions late, and never as writers: `_begin_sqlite` does it.
    connection.isolation_level = None
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise AuditError(
            f"SQLite cannot keep a write-ahead log there (its journal is '{mode}'); "
            "put the study on a local disk, or its answers into PostgreSQL"
        )
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer that begins as a reader may find, too late, that another one was faster.
    is_writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _prepare_postgresql(connection: Any, _record: object) -> None:
    # A server may be set up to say that something is kept before it is.
    cursor = connection.cursor()
    cursor.execute(
        "SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') = 'off'"
    )
    cursor.close()
    connection.commit()


def new_file(url: URL) -> None:
    """Make SQLite's file readable by its owner alone, before anything is in it."""
    assert url.database is not None
    path = Path(url.database)
    if not path.exists():
        path.touch(mode=0o600)
