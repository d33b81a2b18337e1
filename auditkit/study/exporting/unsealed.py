"""A closed study, opened: the only place that reads the key."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from auditkit.errors import AuditError
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.study import StudyPlan
from auditkit.spec.typed import typed
from auditkit.study.bounds import key_fault
from auditkit.study.folder import (
    KEY,
    PICTURES,
    PLAN,
    STUDY,
    Blinded,
    Item,
    Key,
    KeyItem,
    key_bytes,
    pictures_digest,
    read_blinded,
    read_key,
)
from auditkit.study.kinds import Event, Revision, Task
from auditkit.study.storing import Store

_SHARED: Final = (
    "title",
    "kind",
    "question",
    "instruction",
    "experts",
    "coordinator",
    "categories",
    "prescreen",
    "references",
    "stage_one",
    "set_size",
    "repeats",
)


@dataclass(frozen=True)
class Unsealed:
    """All that is known of a closed study.

    Attributes:
        folder: where it lies.
        plan: as the user wrote it.
        study: what the server knew.
        key: what everything is.
        closed: when it was closed, in UTC.
        answered: tasks with the answers in force.
        shown: names of the items that were given to experts, practice among them.
        repeated: experts who were to be shown an item again, by its name.
        attributes: presets, then what experts made of free text.
        grouped: attribute by (category, normalised text).
        trail: the audit trail, this opening included.
    """

    folder: Path
    plan: StudyPlan
    study: Blinded
    key: Key
    closed: datetime
    answered: Sequence[tuple[Task, Revision]]
    shown: frozenset[str]
    repeated: Mapping[str, Sequence[str]]
    attributes: Sequence[str]
    grouped: Mapping[tuple[str, str], str]
    trail: Sequence[Event]

    @cached_property
    def keys(self) -> Mapping[str, KeyItem]:
        """What each item is, by name."""
        return {one.item: one for one in self.key.items}

    @cached_property
    def items(self) -> Sequence[Item]:
        """Items in the order of models and images, from which nothing of the study's course can be told."""
        models = {name: place for place, name in enumerate(self.plan.models)}

        def order(item: Item) -> tuple[int, str, str]:
            known = self.keys[item.item]
            return models[known.model], known.image, item.item

        return sorted(self.study.items, key=order)

    @property
    def stand_in(self) -> str:
        """What is a substitute: as the plan and the cards say, and experts who are programs."""
        simulated = [one.expert for one in self.study.experts if one.simulated]
        told = f"simulated experts, whose answers a program gave: {', '.join(simulated)}"
        return "; ".join(part for part in (self.study.stand_in, told if simulated else "") if part)


def unsealed(folder: Path, store: Store) -> Unsealed:
    """Open a study that is closed.

    Raises:
        AuditError: it is not closed, or its plan or its key is not what it was built with.
    """
    study = read_blinded(folder)
    closed = store.closed_at()
    if closed is None:
        raise AuditError(
            f"{folder}: the study is not closed (it is in {store.phase}); answers stay sealed until the "
            "coordinator has ended its last phase"
        )
    answered = store.answered()
    key = read_key(folder)
    plan = _plan(folder, key)
    _check(folder, study, key, plan)
    asked = _asked(study, store)
    return Unsealed(
        folder,
        plan,
        study,
        key,
        closed,
        answered,
        frozenset(task.item for task in asked),
        _repeated(asked),
        store.attributes(),
        store.grouped(),
        store.trail(),
    )


def _asked(study: Blinded, store: Store) -> list[Task]:
    return [
        task
        for expert in study.experts
        for phase in ("stage-1", "stage-2", "rating")
        for task in store.tasks(expert.expert, phase)
    ]


def _repeated(asked: Sequence[Task]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for task in asked:
        if task.showing == "repeat":
            found.setdefault(task.item, []).append(task.person)
    return found


def _plan(folder: Path, key: Key) -> StudyPlan:
    document = read_yaml(folder / PLAN)
    if document.digest != key.plan_sha256:
        raise AuditError(
            f"{folder / PLAN} is not the plan that the study was built from (sha256 {key.plan_sha256}); "
            "restore it"
        )
    return typed(document, StudyPlan)


def _check(folder: Path, study: Blinded, key: Key, plan: StudyPlan) -> None:
    if not study.study == key.study == plan.study:
        raise AuditError(
            f"{folder}: {STUDY} is of study '{study.study}', {KEY} of '{key.study}', {PLAN} of "
            f"'{plan.study}'; restore the files that were built together"
        )
    _check_plan(folder, study, plan)
    fault = key_fault(study, key)
    if fault:
        raise AuditError(
            f"{folder / KEY}: {fault}; restore the key that was built together with {STUDY}"
        )
    digest = hashlib.sha256(key_bytes(key)).hexdigest()
    if study.key_sha256 not in {"", digest}:
        raise AuditError(f"{folder / KEY} is not the key of {STUDY}; restore it")
    if study.pictures_sha256 not in {"", pictures_digest(folder, study)}:
        raise AuditError(f"{folder / PICTURES}: pictures are not those of {STUDY}; restore them")
    strangers = sorted({one.model for one in key.items} - set(plan.models))
    if strangers:
        raise AuditError(f"{folder / KEY}: model '{strangers[0]}' is none of those in {PLAN}")


def _check_plan(folder: Path, study: Blinded, plan: StudyPlan) -> None:
    """The database remembers study.json alone, so that a plan must say the same wherever both do."""
    for shared in _SHARED:
        told, planned = getattr(study, shared), getattr(plan, shared)
        if told != (tuple(planned) if isinstance(planned, list) else planned):
            raise _differs(folder, shared)
    if study.presets != tuple(one.attribute for one in plan.presets):
        raise _differs(folder, "presets")
    # Without the user's words it has those of the cards.
    if plan.stand_in and study.stand_in != plan.stand_in:
        raise _differs(folder, "stand_in")
    if study.scale != (plan.heatmaps.scale if plan.heatmaps else None):
        raise _differs(folder, "heatmaps")


def _differs(folder: Path, shared: str) -> AuditError:
    return AuditError(
        f"{folder}: '{shared}' of {PLAN} is not that of {STUDY}; restore the files that were built together"
    )
