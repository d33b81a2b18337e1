"""Digests of files, and JSON that always has the same bytes."""

import hashlib
import json
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError


def canonical_json(data: Any) -> bytes:
    """Sorted keys, no NaN, UTF-8, newline at the end."""
    text = json.dumps(data, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def sha256_of(path: Path) -> str:
    """Of a file's bytes.

    Raises:
        AuditError: it cannot be read, or is no plain file: a pipe would be waited for without end.
    """
    if path.exists() and not path.is_file():
        raise AuditError(f"{path} is not a plain file")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror}") from error
