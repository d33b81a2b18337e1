"""Signatures that lie in a run's folder."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from auditkit.attestation.digests import sha256_of
from auditkit.attestation.dsse import Envelope
from auditkit.results.folder import MANIFEST, SIGNATURES

SUFFIX: Final = ".dsse.json"


def signature_files(folder: Path) -> list[Path]:
    """All that lies in the folder's signatures, sorted."""
    place = folder / SIGNATURES
    return sorted(place.iterdir()) if place.is_dir() else []


def orphaned(folder: Path) -> tuple[str, ...]:
    """Signatures over another state of the folder than the present one."""
    present = sha256_of(folder / MANIFEST)
    return tuple(path.name for path in signature_files(folder) if _over(path) != present)


def manifest_of(payload: Any) -> str:
    """The sha256 of the manifest that a signed statement is about; empty if it names none."""
    for subject in payload["subject"]:
        if subject.get("name") == MANIFEST:
            return str(subject["digest"]["sha256"])
    return ""


def key_id_of(public: bytes) -> str:
    """A key's id: sha256 of the public key (DER of SubjectPublicKeyInfo)."""
    return hashlib.sha256(public).hexdigest()


def _over(path: Path) -> str:
    try:
        return manifest_of(json.loads(Envelope.from_bytes(path.read_bytes()).payload))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
