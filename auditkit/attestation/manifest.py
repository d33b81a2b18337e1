"""MANIFEST.sha256: the digest of every file of a folder, as ``sha256sum -c MANIFEST.sha256`` reads it."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from auditkit.attestation.digests import sha256_of
from auditkit.errors import AuditError
from auditkit.results import write_whole
from auditkit.results.folder import EVIDENCE, MANIFEST, SIGNATURES

# Signatures are over the manifest; shards are listed in evidence.json and may be packed later.
OUTSIDE: Final = (MANIFEST, SIGNATURES, EVIDENCE)
_LINE: Final = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<file>.+)")


class Problem(NamedTuple):
    """A file of the folder and what is wrong with it."""

    file: str
    what: str


@dataclass(frozen=True)
class Comparison:
    """A folder held against its manifest.

    Attributes:
        digests: sha256 of every file that is there.
        problems: files that are changed, missing, not listed, or no plain files.
    """

    digests: Mapping[str, str]
    problems: tuple[Problem, ...]


def write_manifest(folder: Path, outside: tuple[str, ...] = OUTSIDE) -> None:
    """List every file below a folder, but those ``outside``.

    Raises:
        AuditError: something there is no plain file or has a name that no list can hold.
    """
    refused = [problem for problem in _walk(folder, outside) if problem.what]
    if refused:
        file, what = refused[0]
        raise AuditError(f"{folder}: {file!r} {what}; take it out of the folder, then seal again")
    digests = _digests(folder, outside)
    lines = [f"{digests[file]}  {file}\n" for file in sorted(digests)]
    write_whole(folder / MANIFEST, "".join(lines).encode())


def read_manifest(folder: Path) -> dict[str, str]:
    """The listed files with their sha256.

    Raises:
        AuditError: there is no manifest, or it is not as `write_manifest` writes it.
    """
    path = folder / MANIFEST
    if path.exists() and not path.is_file():
        raise AuditError(f"{path} is not a plain file")
    try:
        content = path.read_bytes()
        lines = content.decode().split("\n")
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AuditError(f"{path} is not UTF-8 text") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines[:-1], 1):
        match = _LINE.fullmatch(line)
        if not match or match["file"] in found:
            raise AuditError(
                f"{path}, line {number}: a sha256, two spaces and a file were expected"
            )
        found[match["file"]] = match["sha256"]
    if lines[-1] or list(found) != sorted(found):
        raise AuditError(f"{path} does not end with a whole line, or is not sorted")
    return found


def compare(folder: Path, outside: tuple[str, ...] = OUTSIDE) -> Comparison:
    """Hash everything below a folder again.

    Raises:
        AuditError: a file cannot be read.
    """
    problems = [problem for problem in _walk(folder, outside) if problem.what]
    digests = _digests(folder, outside)
    try:
        listed = read_manifest(folder)
    except AuditError as error:
        return Comparison(digests, (*problems, Problem(MANIFEST, str(error))))
    for file in sorted(listed.keys() | digests.keys()):
        if file not in digests:
            problems.append(Problem(file, "is missing"))
        elif file not in listed:
            problems.append(Problem(file, "is not listed: it was added after sealing"))
        elif listed[file] != digests[file]:
            problems.append(Problem(file, "was changed after sealing"))
    return Comparison(digests, tuple(problems))


def _digests(folder: Path, outside: tuple[str, ...]) -> dict[str, str]:
    return {file: sha256_of(folder / file) for file, what in _walk(folder, outside) if not what}


def _walk(folder: Path, outside: tuple[str, ...], below: str = "") -> Iterator[Problem]:
    """Every file, with why it cannot be listed; links are never followed."""
    try:
        entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
    except OSError as error:
        raise AuditError(f"{folder / below} cannot be read: {error.strerror}") from error
    for entry in entries:
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.is_symlink():
            yield Problem(name, "is a symbolic link")
        elif name in outside:
            # What is not listed has to be what is looked at elsewhere, and no hiding place.
            if name == MANIFEST and not entry.is_file():
                yield Problem(name, "is not a plain file")
            if name != MANIFEST and not entry.is_dir():
                yield Problem(name, "is not a folder")
        elif not _plain(entry.name):
            yield Problem(
                name, "has a name with a backslash, a control character or spaces around it"
            )
        elif entry.is_dir():
            yield from _walk(folder, outside, name)
        else:
            yield Problem(name, "" if entry.is_file() else "is not a plain file")


def _plain(name: str) -> bool:
    """Whether every tool reads the name as it stands; sha256sum escapes backslashes and newlines."""
    return name.isprintable() and "\\" not in name and name == name.strip()
