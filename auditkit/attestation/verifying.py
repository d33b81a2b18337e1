"""`auditkit verify`: a run's folder, offline, against its manifest, its results and people's keys."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from auditkit.attestation.contents import (
    check_pictures,
    check_sources,
    check_statement,
    results_of,
    run_folder,
    sealed_before,
    unreadable,
)
from auditkit.attestation.keys import TrustedKey
from auditkit.attestation.manifest import compare
from auditkit.attestation.outcome import Line, Verification, line
from auditkit.attestation.shards import check_evidence
from auditkit.attestation.signatures import check_signatures
from auditkit.errors import AuditError
from auditkit.results import Results

PageCheck = Callable[[Results, Path], Line]
# What follows from which line, and what from none.
LIMITS: Final = (
    "Digests show accidents and careless edits. Whoever can write the folder can make new digests.",
    "A signature by a key that you trust shows edits by anybody but its owner. It does not stop its owner.",
    "Times are claims of those who state them. Nothing here excludes back-dating by a signer.",
    "Nothing here proves that the numbers are right: that is for auditkit reproduce, and for people.",
)


def verify(
    folder: Path,
    keys: Sequence[TrustedKey] = (),
    store: Path | None = None,
    page: PageCheck | None = None,
) -> Verification:
    """Hold a sealed run against everything that it says of itself.

    Args:
        folder: the run's.
        keys: public keys whose owners the reader knows.
        store: where shards are that are not packed; by default the store that evidence.json names.
        page: renders the report again; it is asked only if the folder matches its manifest.

    Raises:
        AuditError: it is no run's folder, or was never sealed, or cannot be read.
    """
    run_folder(folder)
    if not sealed_before(folder):
        raise AuditError(f"{folder} was never sealed: it has no MANIFEST.sha256 and no signature")
    found = compare(folder)
    says = f"{len(found.digests)} files are those that MANIFEST.sha256 lists, and no others"
    proves = "no file was changed, lost or added by accident since the run was sealed"
    lines = [line("files", says, proves, found.problems)]
    results = results_of(folder)
    if results is None:
        lines.append(unreadable())
    else:
        lines.append(check_statement(folder, results, found.digests))
        lines.append(check_sources(results, found.digests))
        lines.append(check_pictures(results, found.digests))
        lines += check_evidence(folder, results, store)
        if page and not found.problems:
            lines.append(page(results, folder))
    return Verification(folder, tuple(lines), check_signatures(folder, results, keys))
