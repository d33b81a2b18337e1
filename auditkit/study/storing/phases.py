"""How a study goes from phase to phase, when the coordinator says so, and which tasks that makes."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, case, delete, func, insert, select, update

from auditkit.errors import AuditError
from auditkit.study import assigning
from auditkit.study.folder import Blinded
from auditkit.study.kinds import ANSWERED, Person, Phase
from auditkit.study.storing.database import Database, phase_in
from auditkit.study.storing.grouping import Grouping, standing
from auditkit.study.storing.normalising import normalised
from auditkit.study.storing.people import People
from auditkit.study.storing.refusing import Conflict, NotReady, Refused
from auditkit.study.storing.tables import REVISIONS, STATE, TASKS, TEXTS
from auditkit.study.storing.tasks import PHASES, add_tasks, progress_in
from auditkit.study.storing.trail import Trail


def begin(connection: Connection, study: Blinded) -> None:
    """Make the first tasks of a new study.

    Raises:
        AuditError: nothing in it is to be looked at.
    """
    if all(item.practice for item in study.items):
        raise AuditError(f"study '{study.study}' has nothing to look at; build it again")
    first: Phase
    if study.kind == "heatmaps":
        first = "rating"
        for person, one in enumerate(study.experts):
            add_tasks(connection, person, assigning.ratings(study, one.expert))
    elif study.prescreen:
        first = "screening"
        for person, one in enumerate(study.experts):
            add_tasks(connection, person, assigning.screening(study, one.expert))
    else:
        first = "stage-1" if study.stage_one else "stage-2"
        _add_pairs(connection, study, assigning.references(study, frozenset()))
    connection.execute(insert(STATE).values(id=1, phase=first))


class Phases:
    """Where the study stands, and what comes next."""

    def __init__(
        self,
        database: Database,
        study: Blinded,
        people: People,
        grouping: Grouping,
        trail: Trail,
    ) -> None:
        self._database, self._study = database, study
        self._people, self._grouping, self._trail = people, grouping, trail

    def advance(self, person: Person, reason: str, expected: Phase | None) -> Phase:
        """As `Store.advance`."""
        number = self._people.number(person.name)
        if number is None or self._people.all[number].role != "coordinator":
            raise Refused("only the coordinator ends a phase")
        with self._database.writing() as connection:
            phase = phase_in(connection, held=True)
            if expected is not None and phase != expected:
                raise Conflict(f"{expected} has ended already")
            if phase == "closed":
                raise Refused("the study is closed already")
            missing = self._missing(connection, phase)
            if missing and not reason.strip():
                raise NotReady(f"{phase} is not done: {'; '.join(missing)}")
            told = self._end(connection, phase)
            following = self._following(connection, phase)
            now = self._database.now(connection)
            values = {"phase": following, "closed_at": now if following == "closed" else None}
            connection.execute(update(STATE).values(values))
            detail = {"from": phase, "to": following, "reason": reason.strip(), **told}
            if missing:
                detail["not done"] = "; ".join(missing)
            self._trail.note(connection, person.name, "advance", detail)
        return following

    def _missing(self, connection: Connection, phase: Phase) -> Sequence[str]:
        """Who is not done, by counts."""
        if phase in ANSWERED:
            return [
                f"{one.person} has answered {one.done} of {one.tasks}"
                for one in progress_in(connection, self._people)
                if one.phase == phase and one.done < one.tasks
            ]
        now = standing(connection, self._study)
        agreed = self._grouping.agreed(connection, now)
        left = sum(not one.attribute for one in now.free)
        open_texts = [f"{left} of {len(now.free)} texts are not grouped"] if left else []
        return open_texts + [
            f"{one.expert} does not agree to the grouping yet"
            for one in self._study.experts
            if one.expert not in agreed
        ]

    def _end(self, connection: Connection, phase: Phase) -> Mapping[str, str]:
        """Draw from a phase's answers what the next ones need; what the trail tells of it."""
        if phase in {"stage-1", "stage-2"}:
            _collect(connection)
        if phase != "screening":
            return {}
        shown = assigning.references(self._study, _rejected(connection))
        if not shown:
            raise NotReady("no pair passed the screening: every reference has a rejected image")
        _add_pairs(connection, self._study, shown)
        nobody, some = _unseen(connection)
        return {
            "references": str(len(shown)),
            "images that nobody screened, counted as not rejected": str(nobody),
            "images that some experts screened and others did not": str(some),
        }

    def _following(self, connection: Connection, phase: Phase) -> Phase:
        """The next phase that has anything to do."""
        begun = {phase}
        begun.update(one.phase for one in progress_in(connection, self._people))
        for one in PHASES[PHASES.index(phase) + 1 :]:
            if one in ANSWERED and one in begun:
                return one
            after = {"grouping": "stage-1", "final-grouping": "stage-2"}.get(one)
            if after in begun and not standing(connection, self._study).is_whole:
                return one
        return "closed"


def _add_pairs(connection: Connection, study: Blinded, shown: frozenset[str]) -> None:
    for person, one in enumerate(study.experts):
        add_tasks(connection, person, assigning.pairs(study, one.expert, shown))


def _rejected(connection: Connection) -> frozenset[str]:
    """Items with a picture that anybody's answer in force rejects."""
    kept = REVISIONS.c
    asked = (
        select(TASKS.c.item, kept.answer)
        .join(REVISIONS, (kept.task == TASKS.c.id) & (kept.number == TASKS.c.in_force))
        .where(TASKS.c.phase == "screening")
    )
    rows = connection.execute(asked)
    return frozenset(row.item for row in rows if json.loads(row.answer)["artifact"])


def _unseen(connection: Connection) -> tuple[int, int]:
    """Pictures without any answer, and those that some experts answered and others did not."""
    seen = func.sum(case((TASKS.c.in_force > 0, 1), else_=0))
    asked = (
        select(seen.label("seen"), func.count().label("asked"))
        .where(TASKS.c.phase == "screening")
        .group_by(TASKS.c.item, TASKS.c.pictures)
    )
    counts = [(int(row.seen), int(row.asked)) for row in connection.execute(asked)]
    return sum(not seen for seen, _ in counts), sum(0 < seen < asked for seen, asked in counts)


def _collect(connection: Connection) -> None:
    """Count what answers in force note, practice apart, once for good: the phase is over."""
    kept = REVISIONS.c
    asked = (
        select(kept.answer)
        .join(TASKS, (kept.task == TASKS.c.id) & (kept.number == TASKS.c.in_force))
        .where(TASKS.c.phase.in_(("stage-1", "stage-2")), TASKS.c.showing != "practice")
        .order_by(kept.at, kept.id)
    )
    counts: Counter[tuple[str, str]] = Counter()
    written: dict[tuple[str, str], str] = {}
    for answer in connection.execute(asked).scalars():
        noted = [(one["category"], one["attribute"]) for one in json.loads(answer)["noted"]]
        for category, attribute in noted:
            written.setdefault((category, normalised(attribute)), attribute)
        counts.update({(category, normalised(attribute)) for category, attribute in noted})
    rows = [
        {"category": key[0], "text": key[1], "written": written[key], "answers": count}
        for key, count in counts.items()
    ]
    connection.execute(delete(TEXTS))
    if rows:
        connection.execute(insert(TEXTS), rows)
