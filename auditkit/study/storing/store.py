"""The store of a running study: SQLite with a write-ahead log, or PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from auditkit.study.folder import Blinded
from auditkit.study.kinds import (
    AnyAnswer,
    Board,
    Event,
    Person,
    Phase,
    Progress,
    Revision,
    Saved,
    Session,
    Standing,
    Task,
)
from auditkit.study.storing.database import moment, phase_in
from auditkit.study.storing.grouping import Grouping
from auditkit.study.storing.opening import opened
from auditkit.study.storing.people import People
from auditkit.study.storing.phases import Phases
from auditkit.study.storing.refusing import Conflict, NotReady, Refused
from auditkit.study.storing.saving import Saving
from auditkit.study.storing.tables import STATE
from auditkit.study.storing.tasks import Tasks
from auditkit.study.storing.trail import Trail

__all__ = ["Conflict", "NotReady", "Refused", "Store"]


class Store:
    """One running study. All times are UTC; every method is one transaction; threads may share it."""

    def __init__(self, url: str, study: Blinded) -> None:
        """Open the database at an SQLAlchemy URL, making its tables and people on first use.

        Raises:
            AuditError: it cannot be opened, or it holds the answers of another study.
        """
        self._database = opened(url, study)
        self._trail = Trail(self._database)
        self._people = People(self._database, study, self._trail)
        self._tasks = Tasks(self._database, self._people)
        self._saving = Saving(self._database, study, self._people, self._tasks)
        self._grouping = Grouping(self._database, study, self._people, self._trail)
        self._phases = Phases(self._database, study, self._people, self._grouping, self._trail)

    # People

    def people(self) -> Sequence[Person]:
        """Experts in the plan's order, then the coordinator."""
        return self._people.all

    def invite(self, name: str, valid: timedelta) -> str:
        """A new invitation's token for somebody; only its digest is kept. Raises AuditError: unknown name."""
        return self._people.invite(name, valid)

    def revoke(self, name: str) -> None:
        """End all invitations and sessions of somebody."""
        self._people.revoke(name)

    def sign_in(self, invitation: str, valid: timedelta) -> str | None:
        """A new session's token for an invitation that holds; None otherwise."""
        return self._people.sign_in(invitation, valid)

    def session(self, token: str) -> Session | None:
        """Who is signed in with a session's token; None if nobody, or no longer."""
        return self._people.session(token)

    def sign_out(self, token: str) -> None:
        """End a session."""
        self._people.sign_out(token)

    # Phases

    @property
    def phase(self) -> Phase:
        """Where the study stands."""
        with self._database.reading() as connection:
            return phase_in(connection)

    def advance(self, person: Person, reason: str = "", expected: Phase | None = None) -> Phase:
        """End the phase and begin the next one that has anything to do.

        Args:
            person: the coordinator.
            reason: why it ends although somebody is not done; kept in the trail. "" if all are done.
            expected: the phase that is to end; any if None.

        Raises:
            Refused: not the coordinator, or closed already.
            Conflict: another phase than the expected one has begun.
            NotReady: somebody is not done (or did not agree to the grouping) and no reason was given; or
                no pair passed the screening.
        """
        return self._phases.advance(person, reason, expected)

    # Tasks

    def tasks(self, name: str, phase: Phase) -> Sequence[Task]:
        """All tasks of an expert in a phase, in order."""
        return self._tasks.all(name, phase)

    def task(self, name: str, slug: str) -> Task | None:
        """A task of that expert; None if there is none, or it is another's, or its phase is not reached."""
        return self._tasks.one(name, slug)

    def standing(self, task: Task) -> Standing:
        """Where a task stands in its phase; as quick with thousands of tasks as with twenty."""
        return self._tasks.standing(task)

    def next_task(self, name: str) -> Task | None:
        """The first task of the present phase that is not done."""
        return self._tasks.next(name)

    def save(
        self,
        name: str,
        slug: str,
        nonce: str,
        answer: AnyAnswer,
        *,
        submitted: bool,
        seconds: float | None = None,
    ) -> Saved:
        """Keep a revision of an answer; when this returns, it is on disk.

        Raises:
            Refused: no such task of that expert, its phase is over, the answer is of another kind than the
                task, or submitted while something is missing; a first prediction would change after the
                heatmap was shown.
            Conflict: the nonce came before with another answer.
        """
        return self._saving.save(name, slug, nonce, answer, submitted=submitted, seconds=seconds)

    def revisions(self, name: str, slug: str) -> Sequence[Revision]:
        """All revisions of an answer, the first one first."""
        return self._saving.revisions(name, slug)

    def progress(self) -> Sequence[Progress]:
        """How far everybody is in every phase that has tasks so far; without practice."""
        return self._tasks.progress()

    # Grouping

    def board(self) -> Board:
        """The grouping of free text of all answers in force (practice apart)."""
        return self._grouping.board()

    def group(self, name: str, category: str, text: str, attribute: str) -> None:
        """Group a free text into an attribute ('' undoes it); whoever agreed has to agree again.

        Raises:
            Refused: no phase of grouping, not an expert, no such text, or no name 'category/name' with a
                known category.
        """
        self._grouping.group(name, category, text, attribute)

    def agree(self, name: str, state: str) -> None:
        """Agree to the grouping as it stands. Raises Refused: it has changed, or texts are not grouped."""
        self._grouping.agree(name, state)

    def attributes(self) -> Sequence[str]:
        """What can be selected in stage 2: presets and what the grouping made of free text."""
        return self._grouping.standing().attributes

    def grouped(self) -> Mapping[tuple[str, str], str]:
        """From (category, `normalised` text) to 'category/name': free texts, and attributes' own names."""
        return self._grouping.standing().grouped

    # Trail and export

    def note(self, name: str, action: str, detail: Mapping[str, str] | None = None) -> None:
        """Add a line to the audit trail."""
        with self._database.writing() as connection:
            self._trail.note(connection, name, action, detail)

    def trail(self) -> Sequence[Event]:
        """The audit trail."""
        return self._trail.events()

    def answered(self) -> Sequence[tuple[Task, Revision]]:
        """Every task with the answer in force (its last submitted revision), in order; once closed.

        Raises:
            Refused: the study is not closed.
        """
        with self._database.writing() as connection:
            if phase_in(connection) != "closed":
                raise Refused("the study is not closed: until then nobody reads answers")
            found = self._saving.in_force(connection)
            self._trail.note(connection, "", "export", {"answers": str(len(found))})
        return found

    def closed_at(self) -> datetime | None:
        """When the study was closed; None while it runs."""
        with self._database.reading() as connection:
            at = connection.execute(select(STATE.c.closed_at)).scalar_one()
        return None if at is None else moment(at)

    def close(self) -> None:
        """Close all connections to the database."""
        self._database.close()
