"""A device's own files if the user has added them, else its stand-in. No torch.

A card with a `fallback` describes a device whose files cannot be shipped. They are looked for in the
user's folder: ``$AUDITKIT_WEIGHTS/<model>/``, or ``<data home>/auditkit/weights/<model>/``.
"""

import json
import os
from pathlib import Path

from pydantic import ValidationError

from auditkit.errors import AuditError
from auditkit.spec.card_names import SUMS, own_files
from auditkit.spec.model_card import ModelCard
from auditkit.spec.regular import is_file

__all__ = ["SUMS", "WEIGHTS", "own_files", "settled", "weights_folder"]

WEIGHTS = "AUDITKIT_WEIGHTS"


def weights_folder(model: str) -> Path:
    """Where the user's files of a model lie."""
    root = os.environ.get(WEIGHTS)
    if not root:
        home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
        root = str(Path(home) / "auditkit" / "weights")
    return Path(root) / model


def settled(card: ModelCard) -> ModelCard:
    """The card of the device's own files if all are there, else of its stand-in.

    A card that is settled already stays as it is.

    Raises:
        AuditError: only some of the device's files are there.
    """
    if card.fallback is None:
        return card.model_copy(update={"folder": _beside(card)})
    folder = weights_folder(card.model)
    names = own_files(card)
    missing = [name for name in names if not is_file(folder / name)]
    if not missing:
        own: dict[str, object] = {
            "folder": folder,
            "fallback": None,
            "planted": [],
            "sums": _sums(folder),
        }
        return card.model_copy(update=own)
    if len(missing) < len(names):
        raise AuditError(
            f"{card.path}: {folder} holds only some files of '{card.model}'; missing: "
            f"{', '.join(missing)}; run: auditkit weights add {card.model} FILE..."
        )
    return _stand_in(card)


def _beside(card: ModelCard) -> Path:
    """The folder that the card was given (in Python), else its file's."""
    return card.path.parent if card.folder == Path() else card.folder


def _stand_in(card: ModelCard) -> ModelCard:
    assert card.fallback is not None
    given = card.fallback
    update = {name: getattr(given, name) for name in given.model_fields_set}
    update |= {"fallback": None, "folder": _beside(card)}
    if given.format not in (None, card.format):
        # Another format has another builder, or none.
        update = {"architecture": None, "arguments": {}} | update
    # Weights and members replace each other.
    if "weights" in update:
        update.setdefault("members", None)
    if "members" in update:
        update.setdefault("weights", None)
    merged = card.model_copy(update=update)
    try:
        ModelCard.model_validate(merged.model_dump(by_alias=True, exclude={"path"}))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the card"
        raise AuditError(
            f"{card.path}: with its fallback, {place} is not valid: {first['msg']}"
        ) from error
    return merged


def _sums(folder: Path) -> dict[str, str]:
    """The sha256 of each file as `auditkit weights add` recorded it; empty if put there by hand."""
    path = folder / SUMS
    if not is_file(path):
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuditError(f"{path} cannot be read ({error}); add the weights again") from error
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise AuditError(f"{path} is not a mapping from files to sha256; add the weights again")
    return content
