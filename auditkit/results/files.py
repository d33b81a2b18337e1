"""Reading and writing results.json."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.results.schema import Results


def to_json(results: Results) -> str:
    """Canonical text: sorted keys, no NaN, newline at the end."""
    data = results.model_dump(mode="json")
    return json.dumps(data, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def read_results(path: Path) -> Results:
    """Read results.json back."""
    return Results.model_validate_json(path.read_text(encoding="utf-8"))


def results_schema() -> dict[str, Any]:
    """JSON Schema of results.json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "auditkit results",
        **Results.model_json_schema(),
    }


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: to a temporary one beside it, then moved into place.

    Raises:
        AuditError: the folder cannot be written or the disk is full.
    """
    _write(path, path.parent, [content], lambda _: path)


def write_by_digest(folder: Path, parts: Iterable[bytes], suffix: str) -> str:
    """Write a file that is named by its content, whole or not at all, part by part.

    Args:
        folder: where.
        parts: of the content, in order.
        suffix: of the name.

    Returns:
        The sha256 of the content, which is the name before the suffix.

    Raises:
        AuditError: as `write_whole`.
    """
    return _write(folder, folder, parts, lambda digest: folder / f"{digest}{suffix}")


def _write(what: Path, folder: Path, parts: Iterable[bytes], named: Callable[[str], Path]) -> str:
    """To a temporary file, then moved to where ``named`` says of its sha256; errors speak of ``what``."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".half-")
    total = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                total.update(part)
                file.write(part)
        Path(name).chmod(0o644)
        Path(name).replace(named(total.hexdigest()))
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise AuditError(f"{what} cannot be written: {error.strerror}; free some space") from error
    return total.hexdigest()
