"""Which audits are asked for of which models: specs found, loaded, under a profile, held to the tasks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.spec.applying import Planned, apply, unchanged
from auditkit.spec.beside import beside
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.data_card import DataCard
from auditkit.spec.load import SPEC_SUFFIXES, Audit, check_assumptions, find_specs, load_audit
from auditkit.spec.model_card import ModelCard
from auditkit.spec.profile import Profile


def planned_audit(
    path: Path,
    cards: Catalogue,
    profile: Profile | None,
    data_of: Callable[[Audit], DataCard],
) -> Planned:
    """A spec as a profile wants it, on the data that stand for its own.

    Args:
        path: of the spec.
        cards: what it may name.
        profile: in force, if any.
        data_of: the data of an audit: its own, or what replaces them.

    Raises:
        AuditError: it cannot be read, or something does not suit it.
    """
    read = load_audit(path, cards)
    planned = apply(profile, read) if profile else unchanged(read)
    audit = planned.audit
    data = data_of(audit)
    # What replaces the data may be what they were to be compared with.
    named = beside(audit.parameters, data, cards)
    return replace(planned, audit=replace(audit, data=data, beside=named))


@dataclass(frozen=True)
class Selection:
    """Audits and models, each audit with the models of its task.

    Attributes:
        planned: the specs, in the order of their paths.
        models: in the order in which they were named.
    """

    planned: Sequence[Planned]
    models: Sequence[ModelCard]

    @property
    def audits(self) -> dict[str, Audit]:
        """By id."""
        return {one.audit.id: one.audit for one in self.planned}

    def pairs(self) -> Iterator[tuple[Audit, ModelCard]]:
        """Every audit that is not left out, with every model that it concerns."""
        for one in self.planned:
            for card in self.models:
                if not one.left_out and card.task == one.audit.data.task:
                    yield one.audit, card


def selected(
    paths: Sequence[Path],
    cards: Catalogue,
    models: Sequence[str],
    *,
    data: str = "",
    profile: Profile | None = None,
) -> Selection:
    """What was asked for on a command line.

    Args:
        paths: specs, or folders of them.
        cards: what specs may name.
        models: names or paths of model cards.
        data: name or path of a data card that replaces the specs' data of its task.
        profile: in force, if any.

    Raises:
        AuditError: a path has no spec, a name is not known, or no audit concerns any of the models.
    """
    files = [path for path in find_specs(list(paths)) if path.name.endswith(SPEC_SUFFIXES)]
    named = ", ".join(map(str, paths))
    if not files:
        raise AuditError(f"{named}: no spec (*.audit.yaml) was found there")
    if not models:
        known = ", ".join(cards.models()) or "none"
        raise AuditError(f"no model was named; add --model NAME (known: {known})")
    devices = [cards.model(name) for name in dict.fromkeys(models)]
    other = cards.data(data) if data else None
    tasks = ", ".join(sorted({card.task for card in devices}))
    if other is not None and other.task not in {card.task for card in devices}:
        raise AuditError(
            f"the data {data} are about {other.task}, the models about {tasks}; they would replace nothing"
        )

    def data_of(audit: Audit) -> DataCard:
        return other if other is not None and other.task == audit.data.task else audit.data

    planned = [planned_audit(path, cards, profile, data_of) for path in files]
    by_folder: dict[Path, list[Audit]] = {}
    for one in planned:
        by_folder.setdefault(one.audit.path.parent, []).append(one.audit)
    for path, audits in by_folder.items():
        whole = [load_audit(spec, cards) for spec in find_specs([path]) if spec not in files]
        check_assumptions([*audits, *whole])
    found = Selection(planned, devices)
    if not any(True for _ in found.pairs()):
        left_out = next((one for one in planned if one.left_out), None)
        why = f", or it is left out by the profile ({left_out.left_out})" if left_out else ""
        raise AuditError(
            f"{named}: no audit there is about {tasks}, which the models are about{why}"
        )
    return found
