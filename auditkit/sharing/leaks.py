"""The last look at a redacted copy: whether anything that was to be kept out is left in any file."""

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from auditkit.results.folder import REPORT
from auditkit.sharing.vocabulary import Vocabulary

_PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".pdf")
# So many letters do not turn up by chance among the bytes of a picture.
_NO_CHANCE: Final = 8
# Pictures inside a page, in which any short id turns up by chance.
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/=]{256,}")
_BREAK: Final = re.compile(r"<wbr\s*/?>")
_UNICODE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
# A report's pictures are WebP; dense figures may hold a PNG of dots.
_EMBEDDED: Final = re.compile(r"(?:UklGR|/9j/)[A-Za-z0-9+/]{60}")


class Leak(NamedTuple):
    """A file and what is left in it."""

    file: str
    what: str


def leaks(folder: Path, vocabulary: Vocabulary, paths: Iterable[str]) -> Iterator[Leak]:
    """Ids and paths that any file or its name holds, as written or as HTML, XML or JSON escapes it.

    Pixels are not looked at; ids that could be any word or number are found as `Vocabulary` says.
    """
    paths = sorted(set(paths))
    for file in _files(folder):
        name = file.relative_to(folder).as_posix()
        content, shortest = file.read_bytes(), 0
        texts = {content.decode("latin-1")} if name.endswith(_PICTURES) else _readings(content)
        if name.endswith(_PICTURES):
            shortest = _NO_CHANCE
        for text in (name, *texts):
            yield from (
                Leak(name, span.id) for span in vocabulary.found(text) if len(span.id) >= shortest
            )
            yield from (Leak(name, path) for path in paths if path in text)


def picture_leaks(folder: Path) -> Iterator[Leak]:
    """Pictures that are left where all were to be withheld."""
    for file in _files(folder):
        name = file.relative_to(folder).as_posix()
        if name.endswith(_PICTURES):
            yield Leak(name, "a picture")
    report = folder / REPORT
    if report.exists() and _EMBEDDED.search(report.read_text(encoding="utf-8")):
        yield Leak(REPORT, "an embedded picture")


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _readings(content: bytes) -> set[str]:
    """A file's text, and the same without the ways in which formats write letters otherwise."""
    text = _ENCODED.sub(" ", content.decode("utf-8", "replace"))
    plain = html.unescape(_BREAK.sub("", text))
    letters = _UNICODE.sub(lambda match: chr(int(match[1], 16)), plain)
    return {
        text,
        plain,
        letters,
        letters.replace("\\\\", "\\").replace('\\"', '"').replace("\\/", "/"),
    }
