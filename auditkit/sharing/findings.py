"""What findings of identifiers mean for a report."""

from collections.abc import Sequence
from typing import Final

from auditkit.results import DataResult, IdentifierFinding

# Where a finding is of a DICOM file that says by which method it was de-identified.
DECLARED: Final = "DICOM header, in files that say how they were de-identified"


def uncleared(found: Sequence[IdentifierFinding], cleared: str) -> Sequence[IdentifierFinding]:
    """Findings that nobody answers for: neither the data card's dossier nor the files themselves."""
    if cleared.strip():
        return ()
    return [finding for finding in found if finding.where != DECLARED]


def held_back(data: DataResult) -> bool:
    """Whether pictures and ids of a data set are kept out of a report."""
    return bool(uncleared(data.identifiers, data.cleared))
