"""What a run is of: its recipe, pictures, captions and the weights that it started from."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.spec.training import ConceptTraining

_UNKNOWN = "not stated"


def file_digests(folder: Path) -> dict[str, str]:
    """The sha256 of every file below a folder, by its path within it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files}


def identity(recipe: ConceptTraining, data_digest: str) -> dict[str, Any]:
    """What must be equal for a run to be continued, as plain data."""
    folders = [recipe.beside(recipe.start)]
    if recipe.text_encoder is not None:
        folders.append(recipe.beside(recipe.text_encoder))
    weights = json.dumps([file_digests(folder) for folder in folders]).encode()
    return {
        "recipe": recipe.effective(),
        "data": data_digest,
        "start": hashlib.sha256(weights).hexdigest(),
    }


def require_same(out: Path, there: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to continue another run.

    Raises:
        AuditError: saying what differs.
    """
    before, after = dict(there.get("recipe", {})), dict(now["recipe"])
    differences = [
        f"{key} ({before.get(key, _UNKNOWN)} there, {after.get(key, _UNKNOWN)} now)"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    if there.get("data") != now["data"]:
        differences.append("pictures or captions of the data set")
    if there.get("start") != now["start"]:
        differences.append("files of the pipeline to start from")
    if differences:
        raise AuditError(
            f"{out} holds a training run that differs in: {'; '.join(differences)}. Restore what it was "
            "started with to continue it, or give another folder with --out"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
