"""Free text grouped into attributes by the experts together. Decisions are added, never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, insert, select

from auditkit.evidence.identity import address
from auditkit.study.answers import MAX_NAME
from auditkit.study.folder import Blinded
from auditkit.study.kinds import Board, FreeText
from auditkit.study.storing.database import Database, phase_in
from auditkit.study.storing.normalising import normalised
from auditkit.study.storing.people import People
from auditkit.study.storing.refusing import Refused
from auditkit.study.storing.tables import AGREEMENTS, GROUPINGS, TEXTS
from auditkit.study.storing.trail import Trail

Key = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """The grouping as it stands.

    Attributes:
        presets: attributes of the plan.
        texts: what was noted, as `collect` counted it, attributes among it.
        decided: texts by (category, normalised text) with the attribute of the latest decision, in the
            order in which they were first decided.
        decisions: how many there were.
    """

    presets: tuple[str, ...]
    texts: tuple[tuple[Key, str, int], ...]
    decided: Mapping[Key, str]
    decisions: int

    @cached_property
    def attributes(self) -> Sequence[str]:
        """Presets, then what decisions made."""
        return list(dict.fromkeys([*self.presets, *self.decided.values()]))

    @cached_property
    def grouped(self) -> Mapping[Key, str]:
        """Every name that counts as an attribute: the attributes' own, and what was decided."""
        own = {key_of(attribute): attribute for attribute in self.attributes}
        return {**own, **self.decided}

    @cached_property
    def free(self) -> Sequence[FreeText]:
        """What was noted and is no attribute's own name, unless it was decided upon."""
        own = {key_of(attribute) for attribute in self.attributes}
        return [
            FreeText(key[0], written, count, self.decided.get(key, ""))
            for key, written, count in self.texts
            if key in self.decided or key not in own
        ]

    @property
    def is_whole(self) -> bool:
        """Whether no text is left."""
        return all(one.attribute for one in self.free)

    @cached_property
    def state(self) -> str:
        """Digest; how many decisions there were is part of it, so that an undone change is a change."""
        decided = [[*key, attribute] for key, attribute in self.decided.items()]
        return address({"texts": self.texts, "decided": decided, "decisions": self.decisions})


def key_of(attribute: str) -> Key:
    """(category, normalised name) of 'category/name'."""
    category, _, name = attribute.partition("/")
    return category, normalised(name)


def standing(connection: Connection, study: Blinded) -> Standing:
    """The grouping as it stands in the database."""
    texts = sorted(
        ((row.category, row.text), row.written, row.answers)
        for row in connection.execute(select(TEXTS))
    )
    latest: dict[Key, str] = {}
    made: dict[str, int] = {}
    rows = connection.execute(select(GROUPINGS).order_by(GROUPINGS.c.id)).all()
    for row in rows:
        latest[row.category, row.text] = row.attribute
        made.setdefault(row.attribute, len(made))
    # In the order in which attributes were first made, which is the order in which they are listed.
    decided = sorted(
        ((key, attribute) for key, attribute in latest.items() if attribute),
        key=lambda one: made[one[1]],
    )
    return Standing(study.presets, tuple(texts), dict(decided), len(rows))


class Grouping:
    """The board that all experts share."""

    def __init__(self, database: Database, study: Blinded, people: People, trail: Trail) -> None:
        self._database, self._study = database, study
        self._people, self._trail = people, trail

    def standing(self) -> Standing:
        """The grouping as it stands."""
        with self._database.reading() as connection:
            return standing(connection, self._study)

    def board(self) -> Board:
        """As `Store.board`."""
        with self._database.reading() as connection:
            now = standing(connection, self._study)
            agreed = self.agreed(connection, now)
        return Board(now.free, now.attributes, now.state, agreed)

    def agreed(self, connection: Connection, now: Standing) -> Sequence[str]:
        """Experts who agree to this state, in the plan's order."""
        asked = select(AGREEMENTS.c.person).where(AGREEMENTS.c.state == now.state)
        numbers = sorted(set(connection.scalars(asked)))
        return [self._people.all[number].name for number in numbers]

    def group(self, name: str, category: str, text: str, attribute: str) -> None:
        """As `Store.group`."""
        with self._database.writing() as connection:
            person = self._expert(connection, name)
            now = standing(connection, self._study)
            key = (category, normalised(text))
            written = {(one.category, normalised(one.text)): one for one in now.free}.get(key)
            if written is None:
                raise Refused(
                    f"nobody wrote '{text}' under {category}, or it is an attribute already"
                )
            target = self._target(now, attribute)
            if target == written.attribute:
                return
            _check_consistent(now, key, target)
            row = {
                "person": person,
                "category": category,
                "text": key[1],
                "attribute": target,
                "at": self._database.now(connection),
            }
            connection.execute(insert(GROUPINGS).values(row))
            # What experts wrote stays out of the trail, which the coordinator reads before the end.
            self._trail.note(connection, name, "group", {"decision": str(now.decisions + 1)})

    def agree(self, name: str, state: str) -> None:
        """As `Store.agree`."""
        with self._database.writing() as connection:
            person = self._expert(connection, name)
            now = standing(connection, self._study)
            if state != now.state:
                raise Refused("the grouping has changed since; look at it again")
            left = sum(not one.attribute for one in now.free)
            if left:
                raise Refused(f"not grouped yet: {left} of {len(now.free)} texts")
            if name in self.agreed(connection, now):
                return
            row = {"person": person, "state": state, "at": self._database.now(connection)}
            connection.execute(insert(AGREEMENTS).values(row))
            self._trail.note(connection, name, "agree", {"state": state})

    def _expert(self, connection: Connection, name: str) -> int:
        person = self._people.number(name)
        if person is None or self._people.all[person].role != "expert":
            raise Refused("only the experts of the study group what they wrote")
        if phase_in(connection, held=True) not in {"grouping", "final-grouping"}:
            raise Refused("free text is not grouped now")
        return person

    def _target(self, now: Standing, attribute: str) -> str:
        """An attribute as it is spelled already, or as given; '' for none."""
        if not attribute.strip():
            return ""
        category, _, given = attribute.partition("/")
        name = " ".join(given.split())
        if category not in self._study.categories or not name:
            raise Refused(
                f"'{attribute}' is not 'category/name' with one of {', '.join(self._study.categories)}"
            )
        if len(name) > MAX_NAME or not name.isprintable():
            raise Refused(
                f"the attribute's name is longer than {MAX_NAME} letters, or not readable"
            )
        spelled = {key_of(one): one for one in now.attributes}
        return spelled.get((category, normalised(name)), f"{category}/{name}")


def _check_consistent(now: Standing, key: Key, target: str) -> None:
    """Refuse that the name of an attribute is itself grouped into another attribute.

    An expert who selects that attribute would mean the other one.
    """
    decided = {**now.decided, key: target}
    for attribute in dict.fromkeys([*now.presets, *decided.values()]):
        if not attribute:
            continue
        elsewhere = decided.get(key_of(attribute), "")
        if elsewhere not in {"", attribute}:
            raise Refused(
                f"'{attribute}' cannot be an attribute while this text is grouped into '{elsewhere}'; "
                "undo one of the two"
            )
