"""Specs and cards as they were read: byte copies in the run's folder, so that a report stands alone."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from auditkit.errors import AuditError
from auditkit.plugin.keys import OPTIONS
from auditkit.plugin.shielding import shielded
from auditkit.provenance import relative
from auditkit.results import SourceFile, write_whole
from auditkit.results.folder import SOURCES
from auditkit.spec.load import SPEC_SUFFIXES, Audit
from auditkit.spec.model_card import ModelCard

Kind = Literal["spec", "test", "profile", "model card", "data card", "other card"]


def sources(config: pytest.Config, audit: Audit, card: ModelCard) -> Iterator[SourceFile]:
    """The files behind an audit of a model, each copied into the run's folder.

    Raises:
        AuditError: a file has changed since it was read.
    """
    written = audit.path.name.endswith(SPEC_SUFFIXES)
    if not written and shielded(config, audit, card).up:
        # A test may name a patient; its digest says which test it was.
        name = relative(audit.path, config.rootpath)
        yield SourceFile(kind="test", file=name, kept="", sha256=audit.digest)
    else:
        yield kept(config, "spec" if written else "test", audit.path, audit.digest)
    yield kept(config, "model card", card.path, card.digest)
    yield kept(config, "data card", audit.data.path, audit.data.digest)
    for dossier in (card.dossier, audit.data.dossier):
        if dossier.path is not None:
            yield kept(config, "other card", dossier.path, dossier.digest)
    for other in audit.beside.cards:
        if other.digest:
            yield kept(config, "other card", other.path, other.digest)


def kept(config: pytest.Config, kind: Kind, path: Path, digest: str) -> SourceFile:
    """A file of which these bytes were read, and its copy.

    Raises:
        AuditError: it has changed since.
    """
    options = config.stash[OPTIONS]
    name = relative(path, config.rootpath)
    # Files of elsewhere have no place below the root folder.
    inside = name if not Path(name).is_absolute() else f"elsewhere/{digest[:12]}-{path.name}"
    copy = f"{SOURCES}/{inside}"
    if not (options.folder / copy).exists():
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise AuditError(f"{path} was changed while the audit ran; run it again")
        write_whole(options.folder / copy, content)
    return SourceFile(kind=kind, file=name, kept=copy, sha256=digest)
