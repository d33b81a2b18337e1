"""The process that reads damaged input, as a user's command would; it may die of it.

One request per line (JSON), one outcome per line. Peaks of memory are the system's, reset before each
request.
"""

import contextlib
import io
import json
import os
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from auditkit import cli
from auditkit.errors import AuditError
from auditkit.spec import catalogue as cards

ADDRESS_SPACE = 16 << 30


def load(card: str) -> None:
    """What an audit reads of a data set: records, the first pictures or volumes, their regions."""
    from auditkit.data import load_data

    data: Any = load_data(cards.read_data_card(Path(card)))
    for index in range(min(20, len(data.records))):
        if hasattr(data, "volume"):
            data.volume(index)
            data.regions(index)
        else:
            data.image(index)
            data.mask(index)


def answers(card: str) -> None:
    """The tables of an expert study."""
    from auditkit.data.answers import read_answers

    read_answers(cards.read_answers_card(Path(card)))


def ratings(card: str) -> None:
    """A table of ratings."""
    from auditkit.data.ratings import ratings_digest, read_ratings

    found = cards.read_ratings_card(Path(card))
    ratings_digest(found)
    read_ratings(found)


def model(card: str) -> None:
    """What is known of a model before it is loaded: its files, their digests, its classes."""
    from auditkit.models.identity import class_names, model_digest

    found = cards.read_model_card(Path(card))
    class_names(found)
    model_digest(found)


def plan(spec: str, profile: str, model_name: str) -> None:
    """A spec under a profile, as commands select audits."""
    from auditkit.spec.profile import find_profile
    from auditkit.spec.selection import selected

    found = find_profile(profile, [Path(spec)], Path.cwd()) if profile else None
    chosen = selected([Path(spec)], shipped((Path("fixtures"),)), [model_name], profile=found)
    for audit, _ in chosen.pairs():
        audit.check.measures(audit.parameters)


def pairs(plan_file: str) -> None:
    """The pairs of pictures of a study's plan, as `auditkit study new` reads them."""
    from auditkit.spec.study import read_plan
    from auditkit.study.building.table import table_material

    for reference in table_material(read_plan(Path(plan_file))).references:
        for pair in reference:
            pair.pictures()


@cache
def shipped(folders: tuple[Path, ...]) -> cards.Catalogue:
    """The shipped cards, read once."""
    return cards.catalogue(folders)


OPERATIONS: dict[str, Callable[..., None]] = {
    one.__name__: one for one in (load, answers, ratings, model, plan, pairs)
}


_CATALOGUE = cli._catalogue


def _remembered(given: Any) -> cards.Catalogue:
    return _CATALOGUE(given) if given.cards else shipped((Path("fixtures"),))


def status_of(operation: str, arguments: list[str]) -> int:
    """What the command's exit status is."""
    if operation == "cli":
        return cli.main(arguments)
    try:
        OPERATIONS[operation](*arguments)
    except AuditError as error:
        sys.stderr.write(f"auditkit: {error}\n")
        return 2
    return 0


def outcome(operation: str, arguments: list[str]) -> dict[str, Any]:
    """Status, what was written, and what escaped."""
    # As a terminal's: what cannot be encoded fails on one and is escaped on the other.
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    status, escaped = None, ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("default" if operation == "cli" else "ignore")
                warnings.simplefilter("ignore", DeprecationWarning)  # as for every user
                status = status_of(operation, arguments)
            out.flush()
        except SystemExit as error:
            status = error.code
        except BaseException as error:  # noqa: BLE001 that is what is looked for
            frames = traceback.extract_tb(error.__traceback__)
            own = [f for f in frames if "/auditkit/" in f.filename] or frames
            places = ", ".join(f"{Path(f.filename).name}:{f.lineno}" for f in (own[-1], frames[-1]))
            escaped = f"{type(error).__name__} at {places}: {error}"[:300]
        err.flush()
    said = [wrapper.buffer.getvalue().decode("utf-8", "replace") for wrapper in (out, err)]
    return {"status": status, "out": said[0][-5000:], "err": said[1], "escaped": escaped}


def _memory(name: str) -> int:
    """Bytes that this process holds (VmRSS), or held at most since the last reset (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) << 10
    return 0


def serve() -> None:
    """Answer requests until there are none."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    cli._catalogue = _remembered
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that write to the descriptor do not disturb the pipe
    for line in sys.stdin:
        operation, arguments = json.loads(line)
        Path("/proc/self/clear_refs").write_text("5")
        before, started = _memory("VmRSS"), time.process_time()
        found = outcome(operation, arguments)
        found["seconds"] = time.process_time() - started
        found["bytes"] = max(0, _memory("VmHWM") - before)
        replies.write(json.dumps(found) + "\n")
        replies.flush()


if __name__ == "__main__":
    serve()
