"""Free text that tells the value of a concept: a caption that changes the concept then contradicts itself.

Jabbour et al., ECCV 2024, section 5 (arXiv:2407.14509), name this limit: permuting the age of a patient
whose report says "72 year old" leaves the generator two ages to choose from.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from auditkit.data.captions import concept_of
from auditkit.spec.concepts import Concept
from auditkit.spec.data_card import DataCard

# After a full stop, or at an empty line: reports are wrapped within sentences.
_ENDS = re.compile(r"(?<=[.!?;])\s+|\n\s*\n")
_BETWEEN = re.compile(r"[\s_-]+")


class Mention(NamedTuple):
    """A sentence of a picture's free text that tells a concept."""

    id: str
    concept: str
    sentence: str


class Written(Protocol):
    """A record or an entry, of which only id and text matter here."""

    @property
    def id(self) -> str:
        """Unique in the data set."""
        ...

    @property
    def text(self) -> str:
        """Free text of the caption."""
        ...


def mentions(card: DataCard, records: Iterable[Written], names: Sequence[str]) -> list[Mention]:
    """The sentences of free text that mention concepts, in the order of records and names.

    A concept is mentioned by its name or one of the card's ``mentions``: whole words in any case, also in
    the plural (-s, -es, -ies); spaces and hyphens are the same. Values are not looked for: where words
    such as "female" tell one, list them in ``mentions``. A negated sentence mentions its concept, too.

    Args:
        card: the data card, with concepts.
        records: records or entries of its data set.
        names: names of the concepts that are permuted.

    Returns:
        One mention per sentence and concept.

    Raises:
        AuditError: the card has no such concept.

    Example:
        With ``{name: Age, mentions: [year old]}``, the text "72-year-old man. No effusion." has one
        mention, ("a", "Age", "72-year-old man.").
    """
    patterns = {name: _pattern(concept_of(card, name)) for name in names}
    return [
        Mention(record.id, name, sentence)
        for record in records
        for sentence in _sentences(record.text)
        for name, pattern in patterns.items()
        if pattern.search(sentence)
    ]


def _sentences(text: str) -> Iterator[str]:
    for part in _ENDS.split(text):
        sentence = " ".join(part.split())
        if sentence:
            yield sentence


def _pattern(concept: Concept) -> re.Pattern[str]:
    words = "|".join(_words(phrase) for phrase in [concept.name, *concept.mentions])
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def _words(phrase: str) -> str:
    """A pattern of the words of a phrase, each in the singular or the plural."""
    return r"[\s_-]+".join(_word(word) for word in _BETWEEN.split(phrase.strip()) if word)


def _word(word: str) -> str:
    if word.lower().endswith("y"):
        return f"{re.escape(word[:-1])}(?:ies|ys?)"
    return f"{re.escape(word)}(?:e?s)?"
