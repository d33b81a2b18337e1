"""Cards below folders: whether they can be read, and whether their files are there and the right ones."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from auditkit.doctor.finding import Finding
from auditkit.errors import AuditError
from auditkit.spec.catalogue import DATA_SUFFIX, MODEL_SUFFIX, read_data_card, read_model_card
from auditkit.spec.data_card import DataCard
from auditkit.spec.formats import FORMATS
from auditkit.spec.model_card import ModelCard

# Seconds in which files are held to their digests; later ones are only looked for.
_SECONDS = 2.0
_SKIPPED = frozenset({"reports", "node_modules", "__pycache__", "build"})


@dataclass
class Cards:
    """What was found.

    Attributes:
        findings: about cards.
        extras: of auditkit, which their formats need.
    """

    findings: list[Finding] = field(default_factory=list)
    extras: set[str] = field(default_factory=set)


def carded(paths: Iterable[Path]) -> Cards:
    """Look at every model card and data card below the paths."""
    found, deadline = Cards(), time.monotonic() + _SECONDS
    files = sorted(set(_below(paths)))
    for kind, suffix in (("model", MODEL_SUFFIX), ("data", DATA_SUFFIX)):
        own = [file for file in files if file.name.endswith(suffix)]
        bad = [finding for file in own for finding in _look(file, found, deadline)]
        found.findings += bad
        problems = sum(finding.bad for finding in bad)
        if own and problems < len(own):
            said = f"{len(own) - problems} of {len(own)} with all their files"
            found.findings.append(Finding("ok", f"{kind} cards", said))
    if not files:
        mend = "auditkit new project, or auditkit doctor FOLDER"
        found.findings.append(Finding("note", "cards", "none found here", mend))
    return found


def _below(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
            continue
        for folder, below, names in os.walk(path):
            below[:] = [n for n in below if not n.startswith(".") and n not in _SKIPPED]
            yield from (
                Path(folder) / name for name in names if name.endswith((MODEL_SUFFIX, DATA_SUFFIX))
            )


def _look(file: Path, found: Cards, deadline: float) -> Iterator[Finding]:
    """What is wrong with a card, or worth knowing."""
    subject = file.name
    try:
        if file.name.endswith(DATA_SUFFIX):
            data = read_data_card(file)
            subject = f"data {data.data}"
            _check_data(data)
            return
        model = read_model_card(file)
        subject = f"model {model.model}"
        extra = FORMATS[model.format].extra
        found.extras |= {extra} if extra else set()
        yield from _model(model, subject, digests=time.monotonic() < deadline)
    except AuditError as error:
        missing = "exist" in str(error) or "not installed" in str(error)
        what, _, mend = str(error).partition("; ")
        yield Finding("missing" if missing else "wrong", subject, what, mend or "see docs/spec.md")


def _model(card: ModelCard, subject: str, *, digests: bool) -> Iterator[Finding]:
    from auditkit.models.identity import weights_digest, weights_path

    if digests:
        weights_digest(card)
    else:
        for network in card.networks:
            weights_path(card, network.weights)
        yield Finding(
            "note", subject, "files are there; not held to their sha256 (would take long)"
        )
    if any(network.weights.sha256 is None for network in card.networks) and not card.sums:
        mend = "add `sha256` to its card, so that another file is noticed"
        yield Finding("note", subject, "no sha256 is stated", mend)


def _check_data(card: DataCard) -> None:
    from auditkit.data.location import data_folder, present_file

    if card.folder is not None:
        data_folder(card)
    if card.file is not None:
        present_file(card)
