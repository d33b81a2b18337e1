"""Sharing a report without betraying patients: what is withheld, pseudonyms, redacted copies."""

from auditkit.sharing.findings import DECLARED, held_back, uncleared
from auditkit.sharing.pseudonyms import pseudonym, read_key
from auditkit.sharing.renaming import Renaming
from auditkit.sharing.vocabulary import Vocabulary
from auditkit.sharing.withholding import withheld, without_pictures

__all__ = [
    "DECLARED",
    "Renaming",
    "Vocabulary",
    "held_back",
    "pseudonym",
    "read_key",
    "uncleared",
    "withheld",
    "without_pictures",
]
