"""Ids of images and patients, found in any text and replaced by their pseudonyms."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from auditkit.sharing.pseudonyms import pseudonym

_RUN: Final = re.compile(r"[^\W_]+")
# In front of an id that could be any word or number.
_CONTEXT: Final = re.compile(
    r"(?i)(?<![^\W_])(?:image|case|patient|lesion|exam|id)(?:\s*[:=]\s*|\s+)['\"‘“]?([^\s'\"’”,;:()<>]+)"
)
_SHORTEST, _SHORTEST_NUMBER = 4, 6


class Span(NamedTuple):
    """Where an id stands in a text."""

    start: int
    end: int
    id: str


def is_common(text: str) -> bool:
    """Whether an id could be any word or number, so that a text that holds it says nothing.

    Example:
        >>> [is_common(text) for text in ("1", "2026", "left", "p-12", "ISIC_0024306", "Huber")]
        [True, True, True, False, False, False]
    """
    plain = text.isascii() and text.isalpha() and text.islower()
    number = text.isdecimal() and len(text) < _SHORTEST_NUMBER
    return len(text) < _SHORTEST or plain or number


class Vocabulary:
    """The ids of a run's data sets.

    Ids that could be any word or number (`is_common`) are found in a text only behind a word that says what
    they are ("patient 12"); all others wherever no letter or digit is beside them.

    Attributes:
        replaced: ids for which a pseudonym was given.
    """

    def __init__(self, key: bytes, ids: Mapping[str, Iterable[str]]) -> None:
        self._key = key
        owners: dict[str, list[str]] = defaultdict(list)
        for data, texts in ids.items():
            for text in sorted(set(texts)):
                if text.strip():
                    owners[text].append(data)
        self._made = {pseudonym(key, data, text) for text, own in owners.items() for data in own}
        # A run whose ids were replaced when it was made is not renamed twice.
        self._owners = {text: own for text, own in owners.items() if text not in self._made}
        self._common = {text for text in self._owners if is_common(text)}
        self._places = _indexed(self._owners.keys() - self._common)
        self.replaced: set[str] = set()

    def __contains__(self, text: str) -> bool:
        return text in self._owners

    def is_pseudonym(self, text: str) -> bool:
        """Whether a text stands for one of the ids already."""
        return text in self._made

    def of(self, text: str, data: str) -> str:
        """The pseudonym of what is known to be an id of a data set."""
        if not text or text in self._made:
            return text
        owners = self._owners.get(text, [data])
        self.replaced.add(text)
        return pseudonym(self._key, data if data in owners else owners[0], text)

    def path(self, path: str) -> str:
        """What stands for an absolute path."""
        return pseudonym(self._key, "path", path)

    def in_text(self, text: str, data: str) -> str:
        """A text with every id in it replaced; ``data`` decides where several data sets have the id."""
        pieces, end = [], 0
        for span in self.found(text):
            pieces += [text[end : span.start], self.of(span.id, data)]
            end = span.end
        return "".join([*pieces, text[end:]])

    def found(self, text: str) -> list[Span]:
        """Ids in a text, from its beginning, the longest where they overlap."""
        spans = sorted(
            {*self._telling(text), *self._told(text)}, key=lambda span: (span.start, -span.end)
        )
        kept: list[Span] = []
        for span in spans:
            if not kept or span.start >= kept[-1].end:
                kept.append(span)
        return kept

    def _telling(self, text: str) -> Iterator[Span]:
        for run in _RUN.finditer(text):
            for word, offset in self._places.get(run[0], ()):
                start = run.start() - offset
                if start >= 0 and text.startswith(word, start) and _alone(text, start, word):
                    yield Span(start, start + len(word), word)

    def _told(self, text: str) -> Iterator[Span]:
        for match in _CONTEXT.finditer(text) if self._common else ():
            word = match[1].rstrip(".")
            if word in self._common:
                yield Span(match.start(1), match.start(1) + len(word), word)


def _indexed(texts: Iterable[str]) -> Mapping[str, list[tuple[str, int]]]:
    """Ids by the letters and digits in them that are in the fewest others, and where those begin."""
    runs = {text: list(_RUN.finditer(text)) for text in texts}
    counts = Counter(run[0] for found in runs.values() for run in found)
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for text, found in runs.items():
        if found:
            rarest = min(found, key=lambda run: counts[run[0]])
            places[rarest[0]].append((text, rarest.start()))
    return places


def _alone(text: str, start: int, word: str) -> bool:
    """Whether no letter or digit is beside a word, and a number is no part of a decimal."""
    end = start + len(word)
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if word[0].isalnum() and before[-1:].isalnum():
        return False
    if word[-1].isalnum() and after[:1].isalnum():
        return False
    if not word.isdecimal():
        return True
    tail = len(before) == 2 and before[0].isdecimal() and before[1] in ".,"
    head = len(after) == 2 and after[0] in ".," and after[1].isdecimal()
    return not tail and not head
