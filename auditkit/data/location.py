"""Where a data set lies: relative to its card, or to the environment variable AUDITKIT_DATA."""

import os
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.regular import is_file, is_folder

VARIABLE = "AUDITKIT_DATA"


def data_folder(card: DataCard, how_to_get_it: str = "") -> Path:
    """The data set's folder, resolved.

    Args:
        card: the data card, of a format with ``folder``.
        how_to_get_it: where the data set is published, for the message.

    Raises:
        AuditError: it is at neither place.
    """
    assert card.folder is not None
    path = locate(card, card.folder)
    if not is_folder(path):
        raise AuditError(_missing(card, "folder", card.folder, how_to_get_it))
    return path.resolve()


def data_file(card: DataCard) -> Path:
    """The path of the card's ``file``; it may not exist."""
    assert card.file is not None
    return locate(card, card.file)


def present_file(card: DataCard) -> Path:
    """The path of the card's ``file``.

    Raises:
        AuditError: it is at neither place.
    """
    path = data_file(card)
    # A pipe is there, and is refused where it is read; a path that no system would accept is not there.
    if not os.path.exists(path):  # noqa: PTH110 Path.exists raises for such a path
        raise AuditError(_missing(card, "file", str(card.file), ""))
    return path


def locate(card: DataCard, text: str) -> Path:
    """``text`` relative to the card, or to AUDITKIT_DATA if it is only there."""
    beside, variable = card.path.parent / text, os.environ.get(VARIABLE)
    if variable and not _exists(beside) and _exists(Path(variable) / text):
        return Path(variable) / text
    return beside


def _exists(path: Path) -> bool:
    return is_file(path) or is_folder(path)


def _missing(card: DataCard, kind: str, text: str, how_to_get_it: str) -> str:
    variable = os.environ.get(VARIABLE)
    also = (
        f"nor {Path(variable) / text} (from {VARIABLE})"
        if variable
        else f"and {VARIABLE} is not set"
    )
    get = f"{how_to_get_it}, " if how_to_get_it else ""
    return (
        f"{card.path}: {kind} {card.path.parent / text} does not exist, {also}; {get}put it there, or "
        f"set {VARIABLE} to the folder that holds '{text}'"
    )
