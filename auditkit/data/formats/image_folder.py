"""One sub-folder per class: FOLDER/CLASS/..., or FOLDER/SPLIT/CLASS/... with the usual names of splits."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from auditkit.data.entry import Entry, Listing
from auditkit.data.location import data_folder
from auditkit.data.pictures import SUFFIXES
from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")
_TEXTS = (".txt", ".md", ".csv", ".json", ".html", ".db", ".ini")


def listing(card: DataCard) -> Listing:
    """All picture files below the class folders, sorted by path.

    Raises:
        AuditError: the folder is missing, holds no class folders, or holds files of unknown kinds.
    """
    root = data_folder(card)
    ignored: list[str] = []
    files = list(_pictures(root, ignored))
    depth = 1 if _has_splits(files) else 0
    shallow = next((file for file in files if len(PurePath(file).parts) < depth + 2), None)
    if not files or shallow is not None:
        found = f"{shallow} lies in none" if shallow else "there are no pictures"
        raise AuditError(
            f"{root}: one sub-folder per class was expected, with pictures in them; {found}"
        )
    return Listing(root, [_entry(root, file, depth) for file in files], ignored=ignored)


def _entry(root: Path, file: str, depth: int) -> Entry:
    parts, where = PurePath(file).parts, f"{root / file}"
    split = parts[0] if depth else ""
    return Entry(file, where, parts[depth], FileSource(root, file, where), split=split)


def _has_splits(files: list[str]) -> bool:
    """Whether the first level are splits and the second classes, rather than the first classes."""
    firsts = {PurePath(file).parts[0].lower() for file in files}
    deep = all(len(PurePath(file).parts) > 2 for file in files)
    return bool(firsts) and deep and firsts <= set(SPLITS)


def _pictures(root: Path, ignored: list[str]) -> Iterator[str]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            file = (Path(folder) / name).relative_to(root).as_posix()
            if name.lower().endswith(SUFFIXES):
                yield file
            elif name.startswith(".") or name.lower().endswith(_TEXTS):
                ignored.append(file)
            else:
                raise AuditError(
                    f"{root}: {file} is of no kind that can be read ({', '.join(SUFFIXES)}); convert it, "
                    "or move it out of the folder"
                )
