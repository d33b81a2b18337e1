"""`auditkit verify REGISTRATION.json`: the chain of a record, and who signed its entries."""

from collections.abc import Sequence
from pathlib import Path

from auditkit.attestation.keys import TrustedKey
from auditkit.attestation.manifest import Problem
from auditkit.attestation.outcome import Line, SignatureLine, Verification, line
from auditkit.attestation.record import Entry, read_record
from auditkit.errors import AuditError

_PROVES = (
    "no entry was changed or taken out without making all later ones anew; not when they were made"
)


def verify_record(path: Path, keys: Sequence[TrustedKey] = ()) -> Verification:
    """Hold a record's chain and signatures against the keys that a reader trusts.

    Only the signature of the last entry speaks for the record: it covers all entries before it.
    """
    try:
        record = read_record(path)
    except AuditError as error:
        problem = Problem(path.name, str(error))
        return Verification(path, (line("chain", "it does not hold", "", (problem,)),), ())
    signed = [
        (number == len(record.entries), _check(f"{path.name}, entry {number}:", entry, keys))
        for number, entry in enumerate(record.entries, 1)
        if entry.signature
    ]
    says = f"entries: {len(record.entries)}, each follows from the one before it"
    earlier = [_earlier(found) for last, found in signed if not last]
    final = tuple(found for last, found in signed if last)
    return Verification(path, (line("chain", says, _PROVES), *earlier), final)


def _earlier(found: SignatureLine) -> Line:
    """A signature that says nothing of the entries after it."""
    if found.state == "unknown key":
        return Line(found.file, "not checked", f"signed by the unknown key {found.key_id}", "")
    problems = (Problem(found.file, found.problem),) if found.problem else ()
    return line(
        found.file, f"signed by {found.trusted or found.key_id}", "of this entry only", problems
    )


def _check(name: str, entry: Entry, keys: Sequence[TrustedKey]) -> SignatureLine:
    assert entry.signature is not None
    stated, key = entry.signature.keyid, entry.signed_by(keys)
    found = {"file": name, "key_id": stated, "role": "registered", "signed_at": entry.time}
    if key and key.id == stated:
        return SignatureLine(**found, state="trusted", trusted=str(key.path))
    if key or stated in {one.id for one in keys}:
        return SignatureLine(**found, state="mismatch", problem="the signature does not verify")
    return SignatureLine(**found, state="unknown key")
