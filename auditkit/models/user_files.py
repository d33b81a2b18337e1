"""`auditkit weights`: a device's own files, copied into the user's folder with their sha256. No torch."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from auditkit.errors import AuditError
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.fallback import SUMS, own_files, weights_folder
from auditkit.spec.model_card import ModelCard


def add(card: ModelCard, files: Sequence[Path]) -> list[tuple[Path, str]]:
    """Copy a device's files to where its card looks for them: all of them, or none.

    Args:
        card: as written, not settled on a stand-in.
        files: the user's files, matched to the card's by name, else by suffix.

    Returns:
        Where each went, and its sha256.

    Raises:
        AuditError: the card has no fallback; a file is missing, does not fit any name, is not the one
            that the card describes, or would not lie in the user's folder; the folder cannot be written.
    """
    folder = _folder(card)
    pairs = _matched(own_files(card), files, card.model)
    targets = [_inside(folder, name) for name, _ in pairs]
    sums = {name: _digest(path) for name, path in pairs}
    _hold_to_card(card, pairs, sums)
    _refuse_parts(card, pairs)
    try:
        _install(folder, [(path, folder / name) for name, path in pairs], _known(card) | sums)
    except OSError as error:
        raise AuditError(f"{folder} cannot be written: {error.strerror or error}") from error
    return [(target, sums[name]) for target, (name, _) in zip(targets, pairs, strict=True)]


def _folder(card: ModelCard) -> Path:
    """The user's folder of a device that has one."""
    if card.fallback is None:
        raise AuditError(
            f"{card.path}: '{card.model}' has its weights beside its card, which 'auditkit weights' leaves "
            "alone; put the file there, or state it under 'weights'"
        )
    return weights_folder(card.model)


def _inside(folder: Path, name: str) -> Path:
    """Where a file of the folder lies, if that is in the folder and not behind a link out of it."""
    path = folder / name
    try:
        real, root = path.resolve(), folder.resolve()
    except (OSError, RuntimeError) as error:
        raise AuditError(f"{path} is a link in a circle; remove it by hand") from error
    if root not in real.parents:
        raise AuditError(
            f"{path} leads to {real}, out of the folder of this model; nothing is written or deleted "
            "there: correct the card, or remove the link by hand"
        )
    if real.is_dir():
        raise AuditError(f"{path} is a folder where a file was expected; move it away")
    return path


def _hold_to_card(
    card: ModelCard, pairs: Sequence[tuple[str, Path]], sums: Mapping[str, str]
) -> None:
    """Refuse files other than those that the card describes."""
    given = dict(pairs)
    for network in card.networks:
        name, stated = network.weights.file, network.weights.sha256
        if name in given and stated not in (None, sums[name]):
            raise AuditError(
                f"{given[name]} has sha256 {sums[name]}, but {card.path} describes '{name}' with "
                f"sha256 {stated}; give that file, or a card that states yours"
            )


def _refuse_parts(card: ModelCard, pairs: Sequence[tuple[str, Path]]) -> None:
    """Refuse ONNX models whose weights lie in files that would be left behind."""
    if card.format != "onnx" or find_spec("onnx") is None:
        return
    from auditkit.models.onnx import external_files

    models, names = {network.weights.file for network in card.networks}, own_files(card)
    for name, path in pairs:
        if name not in models:
            continue
        for part in external_files(path):
            within = part.relative_to(path.parent.resolve())
            if str(PurePosixPath(name).parent / within.as_posix()) not in names:
                raise AuditError(
                    f"{path} keeps weights in {within} beside it, which the card does not name; save "
                    "the model as one file, for instance with onnx.save(onnx.load(FILE), NEW)"
                )


def _known(card: ModelCard) -> dict[str, str]:
    """The sums of files that were added before and are still there."""
    folder = weights_folder(card.model)
    try:
        found = json.loads((folder / SUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    there = [name for name in own_files(card) if (folder / name).is_file()]
    return {name: found[name] for name in there if isinstance(found.get(name), str)}


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
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror or error}") from error


def _install(folder: Path, copies: Sequence[tuple[Path, Path]], sums: Mapping[str, str]) -> None:
    """Copy everything beside its place first, so that a full disk leaves what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    moves: list[tuple[Path, Path]] = []
    with tempfile.TemporaryDirectory(dir=folder, prefix=".adding-") as aside:
        for index, (source, target) in enumerate(copies):
            copy = Path(aside) / f"new-{index}"
            shutil.copyfile(source, copy)
            moves.append((copy, target))
        listed = Path(aside) / SUMS
        listed.write_text(json.dumps(sums, indent=1, sort_keys=True), encoding="utf-8")
        _move([*moves, (listed, _inside(folder, SUMS))], Path(aside))


def _move(moves: Sequence[tuple[Path, Path]], aside: Path) -> None:
    """All moves, or none: what a move replaces is kept aside until all are done."""
    done: list[tuple[Path, Path]] = []
    try:
        for index, (source, target) in enumerate(moves):
            target.parent.mkdir(parents=True, exist_ok=True)
            steps = [(source, target)]
            if target.exists():
                steps.insert(0, (target, aside / f"old-{index}"))
            for start, end in steps:
                start.replace(end)
                done.append((start, end))
    except BaseException:
        for start, end in reversed(done):
            end.replace(start)
        raise


def remove(card: ModelCard) -> list[Path]:
    """Delete a device's files from the user's folder; its stand-in is used again.

    Raises:
        AuditError: the card has no fallback, a file does not lie in the user's folder or cannot be
            deleted.
    """
    folder = _folder(card)
    paths = [_inside(folder, name) for name in (*own_files(card), SUMS)]
    found = [path for path in paths if path.is_file()]
    for path in found:
        try:
            path.unlink()
        except OSError as error:
            raise AuditError(f"{path} cannot be deleted: {error.strerror or error}") from error
    return found


def overview(cards: Catalogue) -> Iterator[tuple[str, str]]:
    """Each model that has a stand-in, and which of its files are there."""
    for name, card in sorted(cards.models().items()):
        if card.fallback is not None:
            yield name, _state(own_files(card), weights_folder(name))


def _state(files: Sequence[str], folder: Path) -> str:
    missing = [file for file in files if not (folder / file).is_file()]
    if not missing:
        return f"its own files, in {folder}"
    if len(missing) == len(files):
        return f"stand-in; expected in {folder}: {', '.join(files)}"
    return f"incomplete, and cannot be used; missing in {folder}: {', '.join(missing)}"
