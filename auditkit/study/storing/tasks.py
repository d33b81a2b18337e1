"""What experts are asked, and how far they are. Nothing here reads more rows than it returns."""

import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

from sqlalchemy import Connection, Row, func, insert, select

from auditkit.study.assigning import Assigned
from auditkit.study.kinds import Phase, Progress, Standing, Task
from auditkit.study.storing.database import Database, phase_in
from auditkit.study.storing.people import People
from auditkit.study.storing.tables import PROGRESS, TASKS

PHASES: tuple[Phase, ...] = get_args(Phase)


def order_of(row: Row[Any]) -> tuple[int, ...]:
    """Which pictures of an item a row of a task shows, in order."""
    return tuple(int(one) for one in row.pictures.split(","))


def task_of(row: Row[Any], name: str) -> Task:
    """A row as a task."""
    return Task(
        slug=row.slug,
        person=name,
        phase=row.phase,
        sitting=row.sitting,
        place=row.place,
        showing=row.showing,
        item=row.item,
        order=order_of(row),
        done=row.done,
    )


def add_tasks(connection: Connection, person: int, assigned: Sequence[Assigned]) -> None:
    """Write what somebody is asked, and that none of it is done."""
    rows = [
        {
            "slug": secrets.token_urlsafe(16),
            "person": person,
            "phase": one.phase,
            "sitting": one.sitting,
            "place": one.place,
            "showing": one.showing,
            "item": one.item,
            "pictures": ",".join(str(place) for place in one.order),
        }
        for one in assigned
    ]
    if not rows:
        return
    # Asked for their numbers, rows travel by the thousand and not one by one.
    connection.execute(insert(TASKS).returning(TASKS.c.id), rows)
    counts = Counter(one.phase for one in assigned if one.showing != "practice")
    for phase, tasks in counts.items():
        row = {"person": person, "phase": phase, "done": 0, "tasks": tasks}
        connection.execute(insert(PROGRESS).values(row))


def progress_in(connection: Connection, people: People) -> Sequence[Progress]:
    """How far everybody is: experts in order, phases in order."""
    counts = [
        Progress(people.all[row.person].name, row.phase, row.done, row.tasks)
        for row in connection.execute(select(PROGRESS).order_by(PROGRESS.c.person))
    ]
    return sorted(counts, key=lambda one: (people.known(one.person), PHASES.index(one.phase)))


class Tasks:
    """Tasks as experts see them."""

    def __init__(self, database: Database, people: People) -> None:
        self._database, self._people = database, people

    def all(self, name: str, phase: Phase) -> Sequence[Task]:
        """As `Store.tasks`."""
        person = self._people.number(name)
        asked = (
            select(TASKS)
            .where(TASKS.c.person == person, TASKS.c.phase == phase)
            .order_by(TASKS.c.place)
        )
        with self._database.reading() as connection:
            return [task_of(row, name) for row in connection.execute(asked)]

    def one(self, name: str, slug: str) -> Task | None:
        """As `Store.task`."""
        with self._database.reading() as connection:
            row = self.row(connection, name, slug)
            return None if row is None else task_of(row, name)

    def row(
        self, connection: Connection, name: str, slug: str, *, held: bool = False
    ) -> Row[Any] | None:
        """The row of a task of somebody's in a phase that is reached; held: nobody else answers meanwhile."""
        person = self._people.number(name)
        if person is None or not (slug.isascii() and slug.isprintable()):
            return None
        asked = select(TASKS).where(TASKS.c.slug == slug, TASKS.c.person == person)
        if held:
            asked = asked.with_for_update()
        row = connection.execute(asked).one_or_none()
        if row is None or not _reached(row.phase, phase_in(connection)):
            return None
        return row

    def next(self, name: str) -> Task | None:
        """As `Store.next_task`."""
        with self._database.reading() as connection:
            asked = (
                select(TASKS)
                .where(
                    TASKS.c.person == self._people.number(name),
                    TASKS.c.phase == phase_in(connection),
                    TASKS.c.done.is_(False),
                )
                .order_by(TASKS.c.place)
                .limit(1)
            )
            row = connection.execute(asked).one_or_none()
        return None if row is None else task_of(row, name)

    def standing(self, task: Task) -> Standing:
        """As `Store.standing`: counts over ranges of an index, and one row."""
        own = (TASKS.c.person == self._people.number(task.person), TASKS.c.phase == task.phase)
        within = (*own, TASKS.c.sitting == task.sitting)
        counted = select(func.count()).select_from(TASKS)
        sets = (*own, TASKS.c.sitting > 0)
        with self._database.reading() as connection:
            many = connection.scalar(counted.where(*within)) or 0
            number = connection.scalar(counted.where(*within, TASKS.c.place <= task.place)) or 0
            first = connection.scalar(select(func.min(TASKS.c.sitting)).where(*sets))
            last = connection.scalar(select(func.max(TASKS.c.sitting)).where(*sets))
            before = connection.execute(
                select(TASKS).where(*own, TASKS.c.place == task.place - 1)
            ).one_or_none()
        return Standing(
            number=number,
            many=many,
            sitting=task.sitting - first + 1 if first is not None and task.sitting else 0,
            sittings=last - first + 1 if first is not None and last is not None else 0,
            previous=None if before is None else task_of(before, task.person),
        )

    def progress(self) -> Sequence[Progress]:
        """As `Store.progress`."""
        with self._database.reading() as connection:
            return progress_in(connection, self._people)


def _reached(phase: Phase, now: Phase) -> bool:
    return PHASES.index(phase) <= PHASES.index(now)
