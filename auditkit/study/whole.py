"""Folders that appear when all of them is there."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditkit.errors import AuditError


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder beside the wanted one, which takes its name when all went well and is gone otherwise.

    Raises:
        AuditError: there is something of that name already, or it cannot be written.
    """
    refuse_existing(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".half-"))
    except OSError as error:
        raise AuditError(f"{folder} cannot be made: {error.strerror}; give another") from error
    try:
        yield half
        refuse_existing(folder)
        half.rename(folder)
    except OSError as error:
        raise AuditError(
            f"{folder} cannot be written: {error.strerror}; free some space"
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)


def refuse_existing(folder: Path) -> None:
    """Hold a folder to be new.

    Raises:
        AuditError: there is something of that name.
    """
    if folder.exists() or folder.is_symlink():
        raise AuditError(f"{folder} exists already; give the name of a new folder")
