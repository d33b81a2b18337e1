"""Ed25519 keys in PEM files. cryptography is imported when a key is first needed."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auditkit.attestation.signed import key_id_of
from auditkit.errors import AuditError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PASSPHRASE: Final = "AUDITKIT_KEY_PASSPHRASE"  # noqa: S105 the variable's name
PRIVATE_SUFFIX: Final = ".key"
PUBLIC_SUFFIX: Final = ".pub"


@dataclass(frozen=True)
class SigningKey:
    """A private key.

    Attributes:
        id: sha256 of its public key.
    """

    id: str
    _key: "Ed25519PrivateKey" = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """64 bytes, the same for the same message."""
        return self._key.sign(message)


@dataclass(frozen=True)
class TrustedKey:
    """A public key whose owner the user knows.

    Attributes:
        id: sha256 of it.
        path: its file.
    """

    id: str
    path: Path
    _key: "Ed25519PublicKey" = field(repr=False)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the key's owner signed the message."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def new_keys(path: Path) -> tuple[Path, Path, str]:
    """Make a pair of keys: PATH.key, readable by its owner alone, and PATH.pub.

    The private key is encrypted if the environment variable AUDITKIT_KEY_PASSPHRASE is set.

    Returns:
        Both files and the key's id.

    Raises:
        AuditError: one of the files exists, or cannot be written.
    """
    serialization = _serialization()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, passphrase = Ed25519PrivateKey.generate(), os.environ.get(PASSPHRASE, "")
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    files = path.with_name(path.name + PRIVATE_SUFFIX), path.with_name(path.name + PUBLIC_SUFFIX)
    for file in files:
        if file.exists():
            raise AuditError(f"{file} exists, and keys are never overwritten; choose another name")
    _write_new(files[0], private, 0o600)
    _write_new(files[1], public, 0o644)
    return *files, key_id_of(_der(key.public_key()))


def read_signing_key(path: Path) -> SigningKey:
    """A private key from its file.

    Raises:
        AuditError: it is none, or its passphrase is not in the environment.
    """
    serialization = _serialization()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    content, passphrase = _content(path), None
    if b"ENCRYPTED" in content:
        passphrase = os.environ.get(PASSPHRASE, "").encode()
        if not passphrase:
            raise AuditError(f"{path} is encrypted; set {PASSPHRASE} to its passphrase")
    try:
        key = serialization.load_pem_private_key(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        wrong = f"; is {PASSPHRASE} right?" if passphrase else ""
        raise AuditError(f"{path} cannot be read as a private key in PEM{wrong}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditError(f"{path} is not an Ed25519 key; make one with: auditkit keygen NAME")
    return SigningKey(key_id_of(_der(key.public_key())), key)


def read_trusted_keys(files: Sequence[Path], folder: Path | None = None) -> tuple[TrustedKey, ...]:
    """Public keys from files, and from every *.pub of a folder.

    Raises:
        AuditError: one of them is none, or the folder has none.
    """
    found: Iterable[Path] = files
    if folder is not None:
        inside = sorted(folder.glob(f"*{PUBLIC_SUFFIX}")) if folder.is_dir() else []
        if not inside:
            raise AuditError(f"--keys {folder}: no public key (*{PUBLIC_SUFFIX}) was found there")
        found = (*files, *inside)
    return tuple(_read_trusted_key(path) for path in found)


def _read_trusted_key(path: Path) -> TrustedKey:
    serialization = _serialization()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = serialization.load_pem_public_key(_content(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AuditError(
            f"{path} cannot be read as a public key in PEM; the file NAME.pub of the signer was expected"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise AuditError(f"{path} is not an Ed25519 key")
    return TrustedKey(key_id_of(_der(key)), path, key)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuditError(f"the key {path} cannot be read: {error.strerror}") from error


def _der(key: "Ed25519PublicKey") -> bytes:
    serialization = _serialization()
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that was not there, with its mode from its first moment."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except OSError as error:
        raise AuditError(f"{path} cannot be written: {error.strerror}") from error


def _serialization() -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise AuditError(
            'signatures need the package cryptography; run: pip install "pytest-auditkit[sign]"'
        ) from error
    return serialization
