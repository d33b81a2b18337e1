"""Reading and writing results.json."""

import json
import os
import tempfile
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
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".half-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise AuditError(f"{path} cannot be written: {error.strerror}; free some space") from error
