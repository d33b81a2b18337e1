"""All files of a project, or none: nothing that is there is overwritten."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.scaffolding.answers import Answers
from auditkit.scaffolding.around import IGNORED, WORKFLOW, next_steps, workflow
from auditkit.scaffolding.cards import data_card, model_card
from auditkit.scaffolding.settings import Settings
from auditkit.scaffolding.specs import specs
from auditkit.spec.catalogue import DATA_SUFFIX, MODEL_SUFFIX
from auditkit.spec.schema import schema

_SCHEMAS = ("audit", "model", "data")


def planned(root: Path, known: Answers, found: Settings) -> dict[Path, str]:
    """Every new file of the project with its text."""
    cards, schemas, audits = root / found.cards, root / "schemas", root / "audits"
    model, data = cards / f"{known.name}{MODEL_SUFFIX}", cards / f"{known.data_name}{DATA_SUFFIX}"
    texts = {
        model: model_card(known, model, root, schemas),
        data: data_card(known, data, root, schemas),
        **specs(known, audits, schemas),
        root / WORKFLOW: workflow(known),
    }
    shown = [(file.relative_to(root), text) for file, text in texts.items()]
    texts[audits / "README.md"] = next_steps(known, found.cards, shown)
    for kind in _SCHEMAS:
        text = json.dumps(schema(kind), indent=1, sort_keys=True, ensure_ascii=False)
        texts[schemas / f"{kind}.schema.json"] = f"{text}\n"
    if not (root / ".gitignore").exists():
        texts[root / ".gitignore"] = IGNORED
    return texts


def write(root: Path, texts: Mapping[Path, str], found: Settings) -> None:
    """Write everything, or nothing.

    Raises:
        AuditError: something is there already, or a file cannot be written.
    """
    there = sorted(file for file in texts if file.exists() or file.is_symlink())
    if there:
        names = ", ".join(file.relative_to(root).as_posix() for file in there)
        raise AuditError(
            f"{root}: nothing was written, because these exist and are not overwritten: {names}; move "
            "them away, or choose another folder or --name"
        )
    written: list[Path] = []
    try:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as handle:
                written.append(file)
                handle.write(text)
        _set(found)
    except OSError as error:
        for file in written:
            with suppress(OSError):
                file.unlink()
        raise AuditError(
            f"{error.filename or root}: {error.strerror}; nothing was kept of what was written"
        ) from error


def _set(found: Settings) -> None:
    """Put the settings in place whole, so that an interruption leaves the old ones."""
    if found.file is None:
        return
    if not found.existed:
        with found.file.open("x", encoding="utf-8", newline="") as handle:
            handle.write(found.text)
        return
    new = found.file.with_name(f"{found.file.name}.auditkit-new")
    new.write_bytes(found.text.encode())
    new.chmod(found.file.stat().st_mode)
    new.replace(found.file)
