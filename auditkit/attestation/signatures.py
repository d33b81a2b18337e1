"""Verifying the signatures in a run's folder against the keys that a reader trusts."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditkit.attestation.dsse import IN_TOTO, Envelope, pae
from auditkit.attestation.keys import TrustedKey
from auditkit.attestation.outcome import SignatureLine
from auditkit.attestation.signed import manifest_of, signature_files
from auditkit.attestation.signing import MEANINGS, signature_name, subjects
from auditkit.attestation.statement import PREDICATE_TYPE, STATEMENT_TYPE, predicate_of
from auditkit.errors import AuditError
from auditkit.results import Results


def check_signatures(
    folder: Path, results: Results | None, keys: Sequence[TrustedKey]
) -> tuple[SignatureLine, ...]:
    """Every file in the folder's signatures."""
    return tuple(_check(path, folder, results, keys) for path in signature_files(folder))


def _check(
    path: Path, folder: Path, results: Results | None, keys: Sequence[TrustedKey]
) -> SignatureLine:
    file = f"{path.parent.name}/{path.name}"
    if path.is_symlink() or not path.is_file():
        return SignatureLine(file, "mismatch", problem="is not a plain file")
    try:
        envelope = Envelope.from_bytes(path.read_bytes())
        payload = json.loads(envelope.payload)
        found = _claimed(file, envelope, payload)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error) if type(error) is ValueError else "is not a signature of a run"
        return SignatureLine(file, "mismatch", problem=reason)
    message = pae(envelope.payload_type, envelope.payload)
    # The id is only a hint: every trusted key is tried.
    key = next((key for key in keys if key.verifies(envelope.signature, message)), None)
    problem = _problem(path, envelope, found.role, key, keys)
    problem = problem or _other_state(folder, results, payload)
    if problem:
        return replace(found, state="mismatch", problem=problem)
    return replace(found, state="trusted", trusted=str(key.path)) if key else found


def _claimed(file: str, envelope: Envelope, payload: Any) -> SignatureLine:
    sign_off = payload["predicate"]["signOff"]
    return SignatureLine(
        file,
        "unknown key",
        envelope.key_id,
        str(sign_off["role"]),
        str(sign_off["meaning"]),
        str(sign_off["name"]),
        str(sign_off["organisation"]),
        str(sign_off["signedAt"]),
    )


def _problem(
    path: Path,
    envelope: Envelope,
    role: str,
    key: TrustedKey | None,
    keys: Sequence[TrustedKey],
) -> str:
    """What is wrong with the signature itself."""
    if key is None and envelope.key_id in {one.id for one in keys}:
        return "does not verify: it was changed after it was signed"
    if key is not None and key.id != envelope.key_id:
        return "names another key than the one that signed"
    if envelope.payload_type != IN_TOTO:
        return f"is over {envelope.payload_type!r}, not over a statement"
    if role not in MEANINGS or path.name != signature_name(role, envelope.key_id):
        return "does not have the name of its role and key"
    return ""


def _other_state(folder: Path, results: Results | None, payload: Any) -> str:
    """How the signed statement differs from the folder as it is."""
    if (payload.get("_type"), payload.get("predicateType")) != (STATEMENT_TYPE, PREDICATE_TYPE):
        return "is not over the result of a test"
    try:
        present = subjects(folder)
        over = manifest_of(payload)
    except (AuditError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return "cannot be held against the folder, whose manifest or results cannot be read"
    if over != present[0]["digest"]["sha256"]:
        return (
            "is over another state of this folder, which was sealed again or changed since "
            f"(signed: a manifest with sha256 {over or 'unknown'})"
        )
    sign_off = payload["predicate"].pop("signOff")
    same = results is not None and payload["predicate"] == predicate_of(results)
    payload["predicate"]["signOff"] = sign_off
    if payload.get("subject") != present or not same:
        return "is over other results than those in results.json"
    return ""
