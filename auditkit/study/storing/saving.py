"""Answers with all their revisions: added, never changed."""

import json
import math
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from auditkit.study.answers import Answer
from auditkit.study.folder import Blinded
from auditkit.study.kinds import AnyAnswer, Revision, Saved, Task
from auditkit.study.storing.database import Database, moment, phase_in
from auditkit.study.storing.people import People
from auditkit.study.storing.refusing import Conflict, Refused
from auditkit.study.storing.rules import check, check_kept
from auditkit.study.storing.tables import PROGRESS, REVISIONS, TASKS
from auditkit.study.storing.tasks import PHASES, Tasks, task_of

_ANSWER: TypeAdapter[AnyAnswer] = TypeAdapter(Answer)
_LONGEST_NONCE = 200
_TRIES = 5


class Saving:
    """What experts answered."""

    def __init__(self, database: Database, study: Blinded, people: People, tasks: Tasks) -> None:
        self._database, self._study = database, study
        self._people, self._tasks = people, tasks

    def save(
        self,
        name: str,
        slug: str,
        nonce: str,
        answer: AnyAnswer,
        *,
        submitted: bool,
        seconds: float | None,
    ) -> Saved:
        """As `Store.save`."""
        if not (0 < len(nonce) <= _LONGEST_NONCE and nonce.isascii() and nonce.isprintable()):
            raise Refused("the form has no valid number of its own; load the page again")
        given = {
            "nonce": nonce,
            "answer": answer.model_dump_json(),
            "submitted": submitted,
            "seconds": _credible(seconds),
        }
        for left in reversed(range(_TRIES)):
            try:
                with self._database.writing() as connection:
                    return self._saved(connection, name, slug, answer, given)
            except IntegrityError:
                # The same form was kept at the same moment: the next look finds it.
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")  # pragma: no cover

    def _saved(
        self,
        connection: Connection,
        name: str,
        slug: str,
        answer: AnyAnswer,
        given: dict[str, Any],
    ) -> Saved:
        # Always in this order, so that nobody waits in a circle: phase, task, progress.
        phase = phase_in(connection, held=True, shared=True)
        task = self._tasks.row(connection, name, slug, held=True)
        if task is None:
            raise Refused("there is no such task")
        kept = _kept_under(connection, task, given)
        if kept is not None:
            return kept
        if task.phase != phase:
            raise Refused(f"{task.phase} is over: answers can no longer change")
        check(self._study, task.phase, answer, submitted=given["submitted"])
        check_kept(_first_prediction(connection, task), answer)
        number = task.revisions + 1
        ours = {"task": task.id, "person": task.person, "number": number}
        connection.execute(
            insert(REVISIONS).values(**given, **ours, at=self._database.now(connection))
        )
        _count(connection, task, number, submitted=given["submitted"])
        return Saved(number, again=False)

    def revisions(self, name: str, slug: str) -> Sequence[Revision]:
        """As `Store.revisions`."""
        with self._database.reading() as connection:
            task = self._tasks.row(connection, name, slug)
            if task is None:
                return []
            asked = (
                select(REVISIONS).where(REVISIONS.c.task == task.id).order_by(REVISIONS.c.number)
            )
            return [_revision(row) for row in connection.execute(asked)]

    def in_force(self, connection: Connection) -> Sequence[tuple[Task, Revision]]:
        """Every answered task with its last submitted revision; people, phases and places in order."""
        kept = REVISIONS.c
        asked = (
            select(TASKS, kept.number, kept.answer, kept.submitted, kept.at, kept.seconds)
            .join(REVISIONS, (kept.task == TASKS.c.id) & (kept.number == TASKS.c.in_force))
            .order_by(TASKS.c.person, TASKS.c.place)
        )
        found = [
            (task_of(row, self._people.all[row.person].name), _revision(row))
            for row in connection.execute(asked)
        ]
        number = self._people.known
        return sorted(
            found,
            key=lambda one: (number(one[0].person), PHASES.index(one[0].phase), one[0].place),
        )


def _credible(seconds: float | None) -> float | None:
    """Seconds as a browser counts them; None where its clock cannot be right."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return seconds


def _kept_under(connection: Connection, task: Row[Any], given: dict[str, Any]) -> Saved | None:
    asked = select(REVISIONS).where(
        REVISIONS.c.person == task.person, REVISIONS.c.nonce == given["nonce"]
    )
    row = connection.execute(asked).one_or_none()
    if row is None:
        return None
    same = json.loads(row.answer) == json.loads(given["answer"])
    if row.task != task.id or row.submitted != given["submitted"] or not same:
        raise Conflict("this form was sent before with another answer; load the page again")
    return Saved(row.number, again=True)


def _first_prediction(connection: Connection, task: Row[Any]) -> Any:
    """Of a heatmap, the first prediction: as it never changes, the latest revision has it."""
    if task.phase != "rating" or not task.revisions:
        return None
    asked = select(REVISIONS.c.answer).where(
        REVISIONS.c.task == task.id, REVISIONS.c.number == task.revisions
    )
    answer = _ANSWER.validate_json(connection.execute(asked).scalar_one())
    return getattr(answer, "before", None)


def _count(connection: Connection, task: Row[Any], number: int, *, submitted: bool) -> None:
    changed: dict[str, Any] = {"revisions": number}
    if submitted:
        changed |= {"in_force": number, "done": True}
    connection.execute(update(TASKS).where(TASKS.c.id == task.id).values(changed))
    if submitted and not task.done and task.showing != "practice":
        theirs = (PROGRESS.c.person == task.person, PROGRESS.c.phase == task.phase)
        connection.execute(update(PROGRESS).where(*theirs).values(done=PROGRESS.c.done + 1))


def _revision(row: Row[Any]) -> Revision:
    answer = _ANSWER.validate_json(row.answer)
    return Revision(row.number, answer, row.submitted, moment(row.at), row.seconds)
