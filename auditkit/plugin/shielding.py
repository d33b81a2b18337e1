"""Patients' identifiers are found before anything is embedded: pictures are then withheld, ids replaced."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from auditkit.data.identifiers import identifiers
from auditkit.errors import AuditError
from auditkit.plugin.keys import IDENTIFIERS, OPTIONS, SHIELDS
from auditkit.plugin.sessions import session_of
from auditkit.results import AuditResult, DataResult, IdentifierFinding, VerdictResult
from auditkit.sharing.findings import uncleared
from auditkit.sharing.pseudonyms import read_key
from auditkit.sharing.renaming import Renaming
from auditkit.sharing.vocabulary import Vocabulary
from auditkit.spec.data_card import DataCard
from auditkit.spec.load import Audit
from auditkit.spec.model_card import ModelCard


@dataclass(frozen=True)
class Shield:
    """Between an audit and the report.

    Attributes:
        data: name of the audit's data set.
        renaming: what replaces ids; ``None`` where nothing has to be held back.
    """

    data: str
    renaming: Renaming | None = None

    @property
    def up(self) -> bool:
        """Whether pictures are withheld and ids replaced."""
        return self.renaming is not None

    def verdict(self, found: VerdictResult) -> VerdictResult:
        """A verdict as it may be shown."""
        return found if self.renaming is None else self.renaming.verdict(found, self.data)

    def of_data(self, found: DataResult) -> DataResult:
        """A data set's make-up as it may be shown."""
        return found if self.renaming is None else self.renaming.data(found)

    def audit(self, found: AuditResult) -> AuditResult:
        """Findings as they may be shown."""
        return found if self.renaming is None else self.renaming.audit(found)


def shielded(config: pytest.Config, audit: Audit, card: ModelCard) -> Shield:
    """The shield of an audit, once per process: up if any of its data sets may tell who a patient is."""
    made = config.stash.setdefault(SHIELDS, {})
    key = audit.id, card.model
    if key not in made:
        made[key] = _shield(config, audit, card)
    return made[key]


def _shield(config: pytest.Config, audit: Audit, card: ModelCard) -> Shield:
    every = (audit.data, *audit.beside.data.values())
    held = [one for one in every if _held_back(config, one, card)]
    if not held:
        return Shield(audit.data.data)
    session = session_of(config)
    ids = {
        one.data: [text for r in session.dataset(one, card).records for text in (r.id, r.patient)]
        for one in held
    }
    key = read_key(config.stash[OPTIONS].local_store)
    return Shield(audit.data.data, Renaming(Vocabulary(key, ids), paths=False))


def identifiers_of(
    config: pytest.Config, data: DataCard, card: ModelCard
) -> Sequence[IdentifierFinding]:
    """What may identify patients in a data set; looked for once per process."""
    known = config.stash.setdefault(IDENTIFIERS, {})
    key = str(data.path), data.digest
    if key not in known:
        known[key] = list(identifiers(session_of(config).dataset(data, card)))
    return known[key]


def _held_back(config: pytest.Config, data: DataCard, card: ModelCard) -> bool:
    try:
        found = identifiers_of(config, data, card)
    except AuditError:
        return (
            False  # the data cannot be read, which every verdict on them says, and nothing is shown
        )
    return bool(uncleared(found, data.dossier.deidentified))
