"""`auditkit weights`: a device's own files, copied into the user's folder with their sha256. No torch."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from auditkit.errors import AuditError
from auditkit.spec.catalogue import Catalogue, read_unsettled
from auditkit.spec.fallback import SUMS, own_files, weights_folder
from auditkit.spec.model_card import ModelCard


def add(card: ModelCard, files: Sequence[Path]) -> list[tuple[Path, str]]:
    """Copy a device's files to where its card looks for them.

    Args:
        card: as written, not settled on a stand-in.
        files: the user's files, matched to the card's by name, else by suffix.

    Returns:
        Where each went, and its sha256.

    Raises:
        AuditError: the card has no fallback, a file is missing or does not fit any name.
    """
    if card.fallback is None:
        raise AuditError(
            f"{card.path}: '{card.model}' has its weights beside its card; put the file there, or state "
            "it under 'weights'"
        )
    folder = weights_folder(card.model)
    pairs = _matched(own_files(card), files, card.model)
    sums = {name: _digest(path) for name, path in pairs}
    try:
        for name, path in pairs:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(path, target)
        _write(folder / SUMS, json.dumps(_known(folder) | sums, indent=1, sort_keys=True))
    except OSError as error:
        raise AuditError(f"{folder} cannot be written: {error.strerror}") from error
    return [(folder / name, sums[name]) for name, _ in pairs]


def _known(folder: Path) -> dict[str, str]:
    """The sums of files that were added before and are still there."""
    try:
        found = json.loads((folder / SUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: value for name, value in found.items() if (folder / name).is_file()}


def _matched(names: Sequence[str], files: Sequence[Path], model: str) -> list[tuple[str, Path]]:
    """Each file with the name that the card gives it."""
    pairs: list[tuple[str, Path]] = []
    for path in files:
        if not path.is_file():
            raise AuditError(f"{path} is not a file; expected for '{model}': {', '.join(names)}")
        taken = {name for name, _ in pairs}
        free = [name for name in names if name not in taken]
        same = [name for name in free if PurePosixPath(name).name == path.name]
        alike = [name for name in free if PurePosixPath(name).suffix == path.suffix]
        if not same and len(alike) != 1:
            raise AuditError(
                f"{path}: it is not clear which file of '{model}' this is; name it as one of: "
                f"{', '.join(free or names)}"
            )
        pairs.append(((same or alike)[0], path))
    return pairs


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: Path, target: Path) -> None:
    """A whole copy or none."""
    handle, name = tempfile.mkstemp(dir=target.parent)
    os.close(handle)
    try:
        shutil.copyfile(source, name)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def remove(card: ModelCard) -> list[Path]:
    """Delete a device's files from the user's folder; its stand-in is used again."""
    folder = weights_folder(card.model)
    found = [folder / name for name in (*own_files(card), SUMS) if (folder / name).is_file()]
    for path in found:
        path.unlink()
    return found


def overview(cards: Catalogue) -> Iterator[tuple[str, str]]:
    """Each model that has a stand-in, and which of its files are there."""
    for name, card in sorted(cards.models().items()):
        written = read_unsettled(card.path)
        if written.fallback is None:
            continue
        files, folder = own_files(written), weights_folder(name)
        there = [file for file in files if (folder / file).is_file()]
        if len(there) == len(files):
            yield name, f"its own files, in {folder}"
        else:
            yield name, f"stand-in; expected in {folder}: {', '.join(files)}"
