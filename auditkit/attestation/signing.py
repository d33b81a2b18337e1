"""Signing a sealed run: people say in which role they answer for it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from auditkit.attestation.digests import canonical_json, sha256_of
from auditkit.attestation.dsse import IN_TOTO, Envelope, pae
from auditkit.attestation.keys import SigningKey
from auditkit.attestation.signed import SUFFIX
from auditkit.attestation.statement import (
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    descriptor,
    model_subjects,
    predicate_of,
)
from auditkit.errors import AuditError
from auditkit.results import read_results, write_whole
from auditkit.results.folder import MANIFEST, REPORT, RESULTS, SIGNATURES

Role = Literal["performed", "reviewed", "approved"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
MEANINGS: Final = MappingProxyType(
    {
        "performed": "I performed this audit and answer for how it was done.",
        "reviewed": "I reviewed this audit, its evidence and its report.",
        "approved": "I approve this audit and its report for the use that they state.",
    }
)


@dataclass(frozen=True)
class Signer:
    """Who signs.

    Attributes:
        role: what the signature means.
        name: of the person; may be empty.
        organisation: for whom; may be empty.
    """

    role: Role
    name: str = ""
    organisation: str = ""


def sign(folder: Path, key: SigningKey, signer: Signer) -> Path:
    """Write a signature over the folder's present manifest; the caller has verified the folder.

    Returns:
        The signature's file.

    Raises:
        AuditError: this key has already signed in this role.
    """
    path = folder / SIGNATURES / signature_name(signer.role, key.id)
    if path.exists():
        raise AuditError(
            f"{path} exists: this key has signed as '{signer.role}'; delete the file to sign anew"
        )
    payload = canonical_json(_payload(folder, signer))
    envelope = Envelope(payload, IN_TOTO, key.id, key.sign(pae(IN_TOTO, payload)))
    write_whole(path, envelope.to_bytes())
    return path


def signature_name(role: str, key_id: str) -> str:
    """The name of a signature's file."""
    return f"{role}-{key_id[:8]}{SUFFIX}"


def subjects(folder: Path) -> list[dict[str, Any]]:
    """What a signature is over: the manifest above all, and what people look for by digest."""
    files = [descriptor(file, sha256_of(folder / file)) for file in (MANIFEST, RESULTS, REPORT)]
    return [*files, *model_subjects(read_results(folder / RESULTS))]


def _payload(folder: Path, signer: Signer) -> dict[str, Any]:
    sign_off = {
        "role": signer.role,
        "meaning": MEANINGS[signer.role],
        "name": signer.name,
        "organisation": signer.organisation,
        "signedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    predicate = predicate_of(read_results(folder / RESULTS))
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects(folder),
        "predicateType": PREDICATE_TYPE,
        "predicate": {**predicate, "signOff": sign_off},
    }
