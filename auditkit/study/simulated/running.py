"""A whole study answered by programs: served on this machine, phase by phase, until it is closed."""

import logging
import multiprocessing
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from auditkit.errors import AuditError
from auditkit.study.folder import Blinded, read_blinded
from auditkit.study.place import Place
from auditkit.study.serving import serve
from auditkit.study.simulated.answering import simulate
from auditkit.study.simulated.answering_heatmaps import simulate_ratings
from auditkit.study.simulated.client import Acknowledged
from auditkit.study.simulated.coordinating import CLOSED, coordinate

_LINK: Final = re.compile(r"(?P<name>\S+) \([a-z]+\): (?P<url>\S+)/invitation/(?P<token>\S+)")
_STARTING: Final = 60.0
_STOPPING: Final = 15.0

Told = Callable[[str, Acknowledged], None]


def run_simulated(
    folder: Path,
    *,
    database: str = "",
    say: Callable[[str], None],
    acknowledged: Told | None = None,
) -> None:
    """Serve a study in a process of its own and have programs answer all that is left of it.

    Args:
        folder: of the study.
        database: as `auditkit.study.serving.serve`.
        say: told of every phase that begins.
        acknowledged: told of every answer that is kept, with the expert's name.

    Raises:
        AuditError: an expert is a person, or the study cannot be served or answered.
    """
    study = read_blinded(folder)
    people = [one.expert for one in study.experts if not one.simulated]
    if people:
        raise AuditError(
            f"{folder}: '{people[0]}' is not marked 'simulated: true' in the plan; a program answers for "
            "nobody else"
        )
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    server = context.Process(target=_serve, args=(folder, database, theirs), daemon=True)
    server.start()
    theirs.close()
    try:
        url, tokens = _links(study, ours)
        _to_the_end(study, url, tokens, say, acknowledged or (lambda *_: None))
    finally:
        server.terminate()
        server.join(_STOPPING)


def _serve(folder: Path, database: str, connection: Connection) -> None:
    # A handler that is there already keeps the server from writing a line for every request.
    logging.getLogger("auditkit.study.requests").addHandler(logging.NullHandler())
    try:
        serve(folder, Place(port=0), database=database, say=connection.send)
    except AuditError as error:
        connection.send(f"error: {error}")


def _links(study: Blinded, connection: Connection) -> tuple[str, Mapping[str, str]]:
    """The address of the study, and everybody's token."""
    tokens: dict[str, str] = {}
    while True:
        try:
            line = str(connection.recv()) if connection.poll(_STARTING) else ""
        except EOFError:
            line = ""
        found = _LINK.fullmatch(line)
        if not found:
            raise AuditError(f"study '{study.study}' cannot be served: {line or 'no answer'}")
        tokens[found["name"]] = found["token"]
        if len(tokens) == len(study.experts) + 1:
            return found["url"], tokens


def _to_the_end(
    study: Blinded, url: str, tokens: Mapping[str, str], say: Callable[[str], None], tell: Told
) -> None:
    answer = simulate_ratings if study.kind == "heatmaps" else simulate
    names = [one.expert for one in study.experts]
    with ThreadPoolExecutor(len(names)) as pool:
        phase = ""
        while phase != CLOSED:
            answering = [
                pool.submit(answer, url, tokens[name], name, acknowledged=partial(tell, name))
                for name in names
            ]
            counts = [one.result() for one in answering]
            told = ", ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True))
            phase = coordinate(url, tokens[study.coordinator])
            say(f"answered ({told}); then {phase}")
