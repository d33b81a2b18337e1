"""Serving a study, with a link for everybody who takes part."""

import logging
import signal
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auditkit.errors import AuditError
from auditkit.study.folder import DATABASE, PICTURES, Blinded, pictures_digest, read_blinded
from auditkit.study.place import Place

if TYPE_CHECKING:
    from uvicorn import Server

VALID: Final = timedelta(hours=72)

# Far more than experts' browsers open, and few enough that those who only wait do not use up memory.
_MOST_AT_ONCE: Final = 512
_LAST_SECONDS: Final = 10
_WAITING: Final = 256


def serve(
    folder: Path,
    place: Place,
    *,
    database: str = "",
    valid: timedelta = VALID,
    say: Callable[[str], None],
) -> None:
    """Serve a study until it is stopped (Ctrl-C, SIGTERM); requests under way are answered first.

    Args:
        folder: the study's.
        place: where.
        database: SQLAlchemy URL; SQLite in the folder if "".
        valid: how long the links hold that are made now.
        say: prints a line to the terminal: links are keys, and go nowhere else.

    Raises:
        AuditError: no study, an address in use, a database that cannot be opened, missing libraries.
    """
    study = read_blinded(folder)
    check_pictures(study, folder / PICTURES)
    _check_digest(study, folder)
    try:
        import uvicorn

        from auditkit.study.storing import Store
        from auditkit.study.web import create_app
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    store = Store(database_of(folder, database), study)
    app = create_app(store, study, folder / PICTURES, secure=place.secure, hosts=place.hosts)
    bound = _bound(place)
    address = place.address(bound.getsockname()[1])
    for person in store.people():
        say(f"{person.name} ({person.role}): {link(address, store.invite(person.name, valid))}")
    say(
        f"Links hold for {valid / timedelta(hours=1):g} hours. Each is a key: for its person alone."
    )
    say(f"'{study.study}' is served at {address}; stop with Ctrl-C.")
    _run(uvicorn.Server(uvicorn.Config(app, **_options(place))), bound)


def invite(
    folder: Path, name: str, address: str, *, database: str = "", valid: timedelta = VALID
) -> str:
    """A new link for somebody.

    Args:
        folder: the study's.
        name: of an expert, or of the coordinator.
        address: what the study is served at, as `serve` says, or `Place.address`.
        database: as `serve`.
        valid: how long it holds.

    Raises:
        AuditError: no study, nobody of that name, a database that cannot be opened, missing libraries.
    """
    study = read_blinded(folder)
    try:
        from auditkit.study.storing import Store
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    return link(address, Store(database_of(folder, database), study).invite(name, valid))


def link(address: str, invitation: str) -> str:
    """What an invitation's token is handed out as."""
    return f"{address}/invitation/{invitation}"


def check_pictures(study: Blinded, folder: Path) -> None:
    """That all pictures of a study are there, and that their length tells nothing about them.

    Raises:
        AuditError: one is missing or of another length, or its name leads out of the folder.
    """
    lengths: dict[int, str] = {}
    for name in sorted({name for item in study.items for name in item.pictures}):
        path = folder / f"{name}.png"
        if Path(name).name != name or path.is_symlink() or not path.is_file():
            raise AuditError(f"{path} is not a picture of the study; build it again")
        lengths[path.stat().st_size] = name
    if len(lengths) > 1:
        raise AuditError(
            f"{folder}: {' and '.join(lengths.values())} differ in length, which could tell experts which is "
            "which; build the study again"
        )


def _check_digest(study: Blinded, folder: Path) -> None:
    if study.pictures_sha256 not in {"", pictures_digest(folder, study)}:
        raise AuditError(
            f"{folder / PICTURES}: pictures are not those that the study was built with; restore them"
        )


def database_of(folder: Path, database: str) -> str:
    """The SQLAlchemy URL of a study's answers."""
    return database or f"sqlite:///{(folder / DATABASE).resolve()}"


def _not_installed(error: ModuleNotFoundError) -> AuditError:
    return AuditError(f'{error.name} is not installed; run: pip install "pytest-auditkit[study]"')


def _bound(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # asyncio turns off the delay of small segments only where the protocol is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((place.host, place.port))
        # Links are printed before the server runs; whoever is faster waits here.
        bound.listen(_WAITING)
    except OSError as error:
        bound.close()
        raise AuditError(
            f"{place.host}, port {place.port}, cannot be served: {error.strerror or error}; "
            "another port may do (--port)"
        ) from error
    return bound


def _options(place: Place) -> dict[str, Any]:
    from auditkit.study.connections import Connection, FromProxy

    return {
        "http": FromProxy if place.proxy else Connection,
        "ws": "none",
        "lifespan": "off",
        "log_config": None,
        "log_level": "warning",
        # Its access log has whole addresses, invitations among them.
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(place.proxy),
        "forwarded_allow_ips": place.proxy or None,
        "ssl_certfile": place.certificate,
        "ssl_keyfile": place.key,
        "limit_concurrency": _MOST_AT_ONCE,
        "backlog": _WAITING,
        "timeout_graceful_shutdown": _LAST_SECONDS,
    }


def _run(server: "Server", bound: socket.socket) -> None:
    _log_requests()
    if threading.current_thread() is threading.main_thread():
        # After its last answers uvicorn sends itself the signal again; both signals are an ordinary end here.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.run(sockets=[bound])
    except KeyboardInterrupt:
        return


def _log_requests() -> None:
    logger = logging.getLogger("auditkit.study.requests")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
