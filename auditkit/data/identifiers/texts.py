"""What a text looks like: a detector per kind of identifier, each with a shape and a test.

A shape that hardly anything else has is claimed of a single text. Where many a number would pass by chance
(one in eleven ten-digit numbers has an NHS number's check digit), it is claimed of a collection only: see
`systematic`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from auditkit.data.identifiers import national
from auditkit.data.identifiers.given_names import GIVEN_NAMES

# Of a systematic detector: so many different texts at least, this share of all, this share of the shape.
_LEAST, _OF_ALL, _OF_SHAPE = 3, 0.5, 0.9
_OLDEST = 1900
# San_Francisco and Saint_Louis are places.
_SAINTS = frozenset({"san", "santa", "sankt", "saint", "sainte", "st", "são", "sao"})


@dataclass(frozen=True)
class Detector:
    """One kind of identifier.

    Attributes:
        what: said of a finding.
        shape: letters and digits right before or after it are excluded by the detector itself.
        holds: whether a text of that shape is one.
        systematic: claimed only of collections in which it is the rule.
    """

    what: str
    shape: re.Pattern[str]
    holds: Callable[[str], bool]
    systematic: bool = False

    def matches(self, text: str) -> list[bool]:
        """Per text of the shape, whether it holds."""
        return [self.holds(match[0]) for match in self.shape.finditer(text)]


def _alone(pattern: str) -> re.Pattern[str]:
    """A pattern with neither a letter nor a digit beside it."""
    return re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])")


def _always(text: str) -> bool:  # noqa: ARG001 the interface's
    return True


def is_date(text: str) -> bool:
    """Whether eight digits, with or without separators, are a day from 1900 to today.

    Example:
        >>> is_date("1970-01-31"), is_date("31.01.1970"), is_date("19700231")
        (True, True, False)
    """
    digits = re.sub(r"\D", "", text)
    year_last = not text[:4].isdecimal()
    parts = (
        (digits[4:], digits[2:4], digits[:2])
        if year_last
        else (digits[:4], digits[4:6], digits[6:])
    )
    year, month, day = map(int, parts)
    try:
        return year >= _OLDEST and date(year, month, day) <= date.today()  # noqa: DTZ011 any zone's
    except ValueError:
        return False


def _is_phone(text: str) -> bool:
    return 9 <= sum(map(str.isdecimal, text)) <= 15


def _is_personal(text: str) -> bool:
    words = [word.casefold() for word in re.split(r"[^\w]+|_", text)]
    return _SAINTS.isdisjoint(words) and any(word in GIVEN_NAMES for word in words)


_LETTERS = r"[^\W\d_]"
_DATE = (
    r"(?:19|20)\d\d([-_.])\d\d\1\d\d",
    r"\d\d([./_-])\d\d\2(?:19|20)\d\d",
)
DETECTORS = (
    Detector("e-mail address", _alone(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}"), _always),
    Detector(
        "telephone number",
        re.compile(
            r"(?<![\w+])\+[1-9]\d{0,2}(?:[ ()/-]{0,2}\d{2,})+(?![\w.])|(?<!\w)\(\d{3}\) ?\d{3}-\d{4}(?!\w)"
        ),
        _is_phone,
    ),
    Detector("full date", _alone("|".join(_DATE)), is_date),
    Detector("full date", _alone(r"(?:19|20)\d{6}"), is_date, systematic=True),
    Detector(
        "name in DICOM's form", _alone(rf"{_LETTERS}{{2,}}\^{_LETTERS}{{2,}}[^/\\]*"), _always
    ),
    Detector("US social security number (shape)", _alone(r"\d{3}-\d{2}-\d{4}"), national.is_ssn),
    Detector(
        "NHS number (check digit)", _alone(r"\d{3}([ -])\d{3}\1\d{4}"), national.is_nhs_number
    ),
    Detector(
        "NHS number (check digit)", _alone(r"\d{10}"), national.is_nhs_number, systematic=True
    ),
    Detector(
        "Swiss AHV number (check digit)",
        _alone(r"756([. ]?)\d{4}\1\d{4}\1\d{2}"),
        national.is_ahv_number,
    ),
    Detector(
        "French NIR (key)",
        _alone(r"[12] \d\d (?:0[1-9]|1[0-2]) (?:\d\d|2[ABab]) \d{3} \d{3} \d\d"),
        national.is_nir,
    ),
    Detector(
        "French NIR (key)",
        _alone(r"[12]\d\d(?:0[1-9]|1[0-2])(?:\d\d|2[ABab])\d{8}"),
        national.is_nir,
        systematic=True,
    ),
    Detector("German KVNR (check digit)", _alone(r"[A-Z]\d{9}"), national.is_kvnr, systematic=True),
)
# A capitalised word beside another of which one is a common given name: Lastname_Firstname and the like.
PERSONAL = Detector(
    "name of a person (a common given name beside a capitalised word)",
    re.compile(
        rf"(?<!{_LETTERS})(?=((?-i:[^\W\d_a-zß-öø-ÿ]){_LETTERS}+(?:, ?|[_ -])"
        rf"(?-i:[^\W\d_a-zß-öø-ÿ]){_LETTERS}+)(?!{_LETTERS}))"
    ),
    _is_personal,
)


def single(text: str) -> Iterator[str]:
    """What a text shows by itself; names of persons are not looked for."""
    for detector in DETECTORS:
        if not detector.systematic and any(detector.matches(text)):
            yield detector.what


def personal(text: str) -> bool:
    """Whether a text holds what looks like ``Lastname_Firstname``."""
    return any(_is_personal(match[1]) for match in PERSONAL.shape.finditer(text))


def collection(texts: Mapping[str, int], *, names: bool) -> Counter[str]:
    """What the texts of a column, or the names of files, show.

    Args:
        texts: how often each occurs.
        names: whether names of persons are looked for.

    Returns:
        Number of occurrences by kind.
    """
    found: Counter[str] = Counter()
    for text, count in texts.items():
        kinds = set(single(text)) | ({PERSONAL.what} if names and personal(text) else set())
        found.update(dict.fromkeys(kinds, count))
    for detector in DETECTORS:
        if detector.systematic:
            count = systematic(detector, texts)
            found[detector.what] += count
    return +found


def systematic(detector: Detector, texts: Mapping[str, int]) -> int:
    """Occurrences of a kind, if it is the rule among these texts; else 0.

    The rule: at least three different texts, half of all of them, and nine tenths of those that have the
    shape. Three numbers that pass a check of modulus 11 by chance are one in 1331.
    """
    answers = {text: answer for text in texts if (answer := detector.matches(text))}
    right = [text for text, answer in answers.items() if any(answer)]
    if len(right) < max(_LEAST, _OF_ALL * len(texts), _OF_SHAPE * len(answers)):
        return 0
    return sum(texts[text] for text in right)
