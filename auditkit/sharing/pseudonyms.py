"""Pseudonyms: the same for the same id within one installation, and telling nothing without its key."""

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Final

from filelock import FileLock

from auditkit.errors import AuditError

KEY_FILE: Final = "pseudonyms.key"
DIGITS: Final = 10
_KEY: Final = re.compile(r"[0-9a-f]{64}\n?")


def pseudonym(key: bytes, data: str, text: str) -> str:
    """Ten hexadecimal digits that stand for an id of a data set.

    HMAC-SHA256 (RFC 2104): without the key nobody can try ids until one fits, as a plain digest would
    allow. Of 100 000 ids, two have the same pseudonym with a probability of 0.5 %.
    """
    return _keyed(key, data, text)[:DIGITS]


def keyed_digest(key: bytes, sha256: str) -> str:
    """What stands for the digest of a picture: equal pictures stay equal, none can be recognised by it."""
    return _keyed(key, "digest of a picture", sha256)


def _keyed(key: bytes, *parts: str) -> str:
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def key_path(store: Path) -> Path:
    """Where an installation's key lies: beside its evidence store."""
    return store.resolve().parent / KEY_FILE


def read_key(store: Path) -> bytes:
    """The installation's key; made at random, readable by its owner only, where there is none.

    Args:
        store: folder of the evidence store.

    Raises:
        AuditError: it cannot be read or written, or is no key.
    """
    path = key_path(store)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several workers may ask first at the same time.
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                _make(path)
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(
            f"{path}, the key of pseudonyms, cannot be read or made: {error}"
        ) from error
    if not _KEY.fullmatch(text):
        raise AuditError(
            f"{path} is not a key of pseudonyms (64 hexadecimal digits); restore it from a backup, or remove "
            "it: then all pseudonyms will be others"
        )
    return bytes.fromhex(text)


def _make(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
