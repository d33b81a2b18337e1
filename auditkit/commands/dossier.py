"""`auditkit new dossier model|data NAME`: an empty dossier with guidance, to be filled in by people."""

import argparse
import sys
from pathlib import Path

from auditkit.errors import AuditError


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `dossier` to the forms that `auditkit new` writes."""
    command = commands.add_parser(
        "dossier", help="what only people know of a model or a data set, for its card"
    )
    command.add_argument("kind", choices=("model", "data"), help="what it is about")
    command.add_argument("name", metavar="NAME", help="name of the model or the data set")
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="default: NAME.dossier.yaml in this folder"
    )
    command.set_defaults(run=new_dossier)


def new_dossier(given: argparse.Namespace) -> int:
    """Write an empty dossier where there is no file yet.

    Raises:
        AuditError: the name is none, the file exists, or it cannot be written.
    """
    from auditkit.spec.audit import identifier
    from auditkit.spec.dossier import DOSSIER_SUFFIX
    from auditkit.spec.dossier_form import dossier_form

    try:
        name = identifier(given.name)
    except ValueError as error:
        raise AuditError(f"auditkit new dossier: {error}") from None
    file: Path = given.out or Path(f"{name}{DOSSIER_SUFFIX}")
    if not file.name.endswith(DOSSIER_SUFFIX):
        raise AuditError(f"--out {file}: a name that ends in {DOSSIER_SUFFIX} was expected")
    _write(file, dossier_form(given.kind, name, file.name))
    sys.stdout.write(
        f"{file} is to be filled in; name it in the card of {name} "
        f"(dossier: {{file: {file.name}}}), then run: auditkit validate {file}\n"
    )
    return 0


def _write(file: Path, text: str) -> None:
    """Write a form; what people may have filled in already is never overwritten."""
    try:
        with file.open("x", encoding="utf-8") as form:
            form.write(text)
    except FileExistsError:
        raise AuditError(f"{file} exists, and is not overwritten; choose another --out") from None
    except OSError as error:
        raise AuditError(f"{file} cannot be written: {error.strerror}") from error
