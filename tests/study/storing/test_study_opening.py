"""Databases that are opened, and those that are refused."""

import sqlite3
import stat
import subprocess
import sys

import pytest
import study_storing_world as world
from sqlalchemy import create_engine, text

from auditkit.errors import AuditError
from auditkit.study.storing import Store
from auditkit.study.storing.database import Database, _prepare_sqlite


def test_what_was_made_on_first_use_is_found_again(open_store):
    first, second = open_store(), open_store()
    assert first.phase == second.phase == "screening"
    assert first.tasks("ann", "screening") == second.tasks("ann", "screening")
    assert first.trail() == second.trail() == []


def test_the_database_of_another_study_is_refused(store, url):
    other = world.study(order_seed="11aa")
    with pytest.raises(AuditError, match="it holds the answers of another study than 'moles'"):
        Store(url, other)


def test_tables_of_another_version_are_refused(store, url):
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE study_meta SET value = '99' WHERE name = 'schema'"))
    engine.dispose()
    with pytest.raises(AuditError, match="tables of version 99, 1 was expected"):
        Store(url, world.study())


def test_a_study_of_nothing_is_refused(url):
    with pytest.raises(AuditError, match="study 'moles' has nothing to look at"):
        Store(url, world.study(items=world.items(0)))


def test_other_databases_are_refused():
    for url, told in (
        ("mysql://host/answers", "the database 'mysql' is not known"),
        ("nonsense", "no SQLAlchemy URL"),
        ("sqlite://", "answers in memory would be lost"),
        ("sqlite:///:memory:", "answers in memory would be lost"),
    ):
        with pytest.raises(AuditError, match=told):
            Store(url, world.study())


def test_a_file_that_is_no_database_stays_as_it_was(tmp_path):
    path = tmp_path / "notes.sqlite"
    path.write_bytes(b"dear diary " * 100)
    with pytest.raises(AuditError, match="cannot be opened: file is not a database"):
        Store(f"sqlite:///{path}", world.study())
    assert path.read_bytes() == b"dear diary " * 100


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(AuditError, match=r"nowhere.*cannot be opened"):
        Store(f"sqlite:///{tmp_path / 'nowhere' / 'answers.sqlite'}", world.study())


def test_an_unreachable_server_is_named_without_its_password():
    with pytest.raises(AuditError, match="cannot be opened") as refused:
        Store("postgresql://me:secret@localhost:1/answers", world.study())
    assert "secret" not in str(refused.value)
    assert "localhost:1" in str(refused.value)


def test_a_server_without_tls_is_refused_where_it_has_to_prove_itself(postgresql_url):
    with pytest.raises(AuditError, match="Server refuses SSL"):
        Store(f"{postgresql_url}&sslmode=verify-full", world.study())
    with pytest.raises(AuditError, match="sslmode: 'maybe' is not known"):
        Store(f"{postgresql_url}&sslmode=maybe", world.study())


def test_without_the_driver_its_line_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(AuditError, match=r'pip install "pytest-auditkit\[postgresql\]"'):
        Database("postgresql+pg8000://localhost/answers")


def test_without_sqlalchemy_its_line_is_given():
    code = "import sys; sys.modules['sqlalchemy'] = None\nimport auditkit.study.storing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install "pytest-auditkit[study]"' in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("auditkit.errors.AuditError")


def test_sqlite_waits_for_the_disk_and_keeps_a_write_ahead_log(sqlite_url, tmp_path):
    store = Store(sqlite_url, world.study())
    asked = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}
    for transaction in (store._database.reading, store._database.writing):
        with transaction() as connection:
            for pragma, expected in asked.items():
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == expected
    store.close()
    mode = (tmp_path / "answers.sqlite").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_writer_is_a_writer_from_its_beginning(sqlite_url, tmp_path):
    store = Store(sqlite_url, world.study())
    other = sqlite3.connect(tmp_path / "answers.sqlite", timeout=0, isolation_level=None)
    with store._database.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    with store._database.reading():
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    other.close()
    store.close()


def test_a_disk_without_a_write_ahead_log_is_refused():
    with pytest.raises(AuditError, match="its journal is 'memory'"):
        _prepare_sqlite(sqlite3.connect(":memory:"), None)


def test_postgresql_waits_for_the_disk_even_where_servers_do_not(postgresql_url):
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER ROLE CURRENT_USER SET synchronous_commit = off"))
    engine.dispose()
    store = Store(postgresql_url, world.study())
    with store._database.writing() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
    store.close()
