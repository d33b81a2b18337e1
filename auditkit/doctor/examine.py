"""Everything that can be looked at, in one list."""

from collections.abc import Sequence
from pathlib import Path

from auditkit.doctor.carded import carded
from auditkit.doctor.finding import Finding
from auditkit.doctor.machine import machine
from auditkit.doctor.packages import packages
from auditkit.doctor.plugins import plugins
from auditkit.doctor.stored import stored
from auditkit.doctor.variables import variables


def examine(paths: Sequence[Path], store: str) -> list[Finding]:
    """All findings.

    Args:
        paths: folders of cards, or cards.
        store: place of the evidence store.
    """
    cards = carded(paths)
    local = Path() if "://" in store else Path(store)
    return [
        *packages(cards.extras),
        *machine(local),
        *stored(store),
        *cards.findings,
        *plugins(),
        *variables(),
    ]
