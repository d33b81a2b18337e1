"""Both databases: every test here that asks for `url` or `open_store` runs against SQLite and PostgreSQL."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import study_storing_world as world

from auditkit.study.storing import Store

_NUMBERS = count()


def _binary(name: str) -> str | None:
    if found := shutil.which(name):
        return found
    config = shutil.which("pg_config")
    if config is None:
        return None
    told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
    return shutil.which(name, path=told.stdout.strip())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Path]:
    """A temporary server's folder, with its socket; nothing of it is left."""
    initdb, control = _binary("initdb"), _binary("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path has to be short
    options: dict = {"cwd": folder, "capture_output": True, "timeout": 60}
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "nobody")
        options |= {"user": "nobody", "extra_groups": []}
    data = folder / "data"
    settings = (
        f"-k {folder} -c listen_addresses= -c fsync=off -c autovacuum=off -c max_connections=60"
    )
    make = [initdb, "-D", data, "-A", "trust", "-U", "tester", "-E", "UTF8", "--locale=C", "-N"]
    start = [control, "-D", data, "-w", "-l", folder / "log", "-o", settings, "start"]
    try:
        for command in (make, start):
            done = subprocess.run(command, **options)
            if done.returncode:
                pytest.skip(f"PostgreSQL does not start here: {done.stderr.decode()[-300:]}")
        yield folder
        subprocess.run([control, "-D", data, "-m", "immediate", "stop"], **options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def administrator(postgresql):
    """A connection that makes roles."""
    pg8000 = pytest.importorskip("pg8000.dbapi")
    socket = str(postgresql / ".s.PGSQL.5432")
    with contextlib.closing(
        pg8000.connect(user="tester", database="postgres", unix_sock=socket, ssl_context=False)
    ) as connection:
        connection.autocommit = True
        yield connection.cursor()


@pytest.fixture
def sqlite_url(tmp_path) -> str:
    """A new SQLite database."""
    return f"sqlite:///{tmp_path / 'answers.sqlite'}"


@pytest.fixture
def postgresql_url(postgresql, administrator) -> str:
    """A role with a schema of its own: made at once, where a new database takes a while."""
    name = f"study{next(_NUMBERS)}"
    administrator.execute(f"CREATE ROLE {name} LOGIN")
    administrator.execute(f"CREATE SCHEMA AUTHORIZATION {name}")
    return f"postgresql+pg8000://{name}@/postgres?unix_sock={postgresql}/.s.PGSQL.5432"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request) -> str:
    """A new database."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def open_store(url):
    """Opens the test's database as often as it is called; closed at the end."""
    opened: list[Store] = []

    def _open(**changed) -> Store:
        opened.append(Store(url, world.study(**changed)))
        return opened[-1]

    yield _open
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store) -> Store:
    """The small study, in its first phase."""
    return open_store()


@pytest.fixture(scope="session")
def forks() -> Iterator[subprocess.Popen]:
    """A process that forks others: see there."""
    if not hasattr(os, "fork"):
        pytest.skip("processes cannot be forked here")
    command = [sys.executable, str(Path(__file__).with_name("study_forks.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        yield process
        process.kill()
