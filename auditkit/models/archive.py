"""Zip archives read whole and checked, before any other reader sees what they hold."""

import zipfile
import zlib
from pathlib import Path

from auditkit.errors import AuditError

_MOST_MEMBERS = 100_000
_MOST_INFLATED = 64 * 2**20
_MOST_RATIO = 1000


def read_archive(path: Path, what: str) -> dict[str, bytes]:
    """The members of an archive by name.

    Stored members cost no more memory than the file has bytes; compressed ones (source text, JSON)
    may grow to 64 MiB together. Checksums are verified, so that a flipped bit is noticed here.

    Args:
        path: the file.
        what: the format, for messages, such as "TorchScript".

    Raises:
        AuditError: the file is no zip archive, is damaged, is a zip bomb, or a name in it is absolute,
            leads out of the archive or occurs twice.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _refuse(entries, path, what)
            return {entry.filename: _read(archive, entry, path, what) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, what, str(error)) from error
    except (EOFError, RuntimeError, MemoryError, OverflowError, IndexError) as error:
        raise _damaged(path, what, str(error) or type(error).__name__) from error


def _refuse(entries: list[zipfile.ZipInfo], path: Path, what: str) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > _MOST_MEMBERS or len(set(names)) < len(names):
        raise _damaged(path, what, "too many members, or two of one name")
    for name in names:
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise _damaged(path, what, f"the member '{name}' leads out of the archive")
    stored = sum(e.file_size for e in entries if e.compress_type == zipfile.ZIP_STORED)
    inflated = [e for e in entries if e.compress_type != zipfile.ZIP_STORED]
    bomb = any(e.file_size > _MOST_RATIO * (e.compress_size + 16) for e in inflated)
    total = sum(e.file_size for e in inflated)
    if bomb or stored > path.stat().st_size or total > _MOST_INFLATED:
        raise _damaged(path, what, f"its members claim {stored + total} bytes: a zip bomb")


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, what: str) -> bytes:
    with archive.open(entry) as member:
        content = member.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise _damaged(path, what, f"the member '{entry.filename}' has another size than stated")
    return content


def _damaged(path: Path, what: str, why: str) -> AuditError:
    return AuditError(f"{path} is not a whole {what} archive ({why}); fetch or save the file again")
