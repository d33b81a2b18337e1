"""The fixed texts of all renderings, in the languages of ``languages/*.yaml``: a translation needs no code.

Texts are named by dotted keys (``front.title``) and have named places: ``t("front.run", run="...")``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from auditkit.errors import AuditError
from auditkit.spec.problems import nearest
from auditkit.spec.strict_yaml import parse_yaml

ENGLISH: Final = "en"
_ENDING: Final = ".yaml"


@dataclass(frozen=True)
class Language:
    """The texts of one language; what a translation lacks is English.

    Attributes:
        name: of its file, such as 'de'; what ``<html lang>`` says.
        texts: by dotted key; none: those of the file.
    """

    name: str = ENGLISH
    texts: Mapping[str, str] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.texts is None and self.name not in languages():
            known = nearest(self.name, languages())
            raise AuditError(f"there is no report language '{self.name}'; {known}")

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def __call__(self, key: str, /, **values: object) -> str:
        """A text, its places filled; whole numbers are grouped as the language does."""
        return self._texts[key].format(
            **{name: self._plain(value) for name, value in values.items()}
        )

    def pattern(self, key: str) -> str:
        """A text with its places open."""
        return self._texts[key]

    def counted(self, noun: str, count: int) -> str:
        """A count with its noun: '1 image', '1,000 images'."""
        return self(f"count.{noun}.{'one' if count == 1 else 'other'}", count=count)

    def grouped(self, count: int) -> str:
        """A whole number with its thousands apart."""
        return f"{count:,}".replace(",", self._texts["number.thousands"])

    def or_else(self, key: str, otherwise: str) -> str:
        """A text without places, or what stands for it where the language has none."""
        return self._texts.get(key, otherwise)

    def under(self, group: str) -> list[str]:
        """Names of the texts of a group."""
        start = f"{group}."
        return [key.removeprefix(start) for key in self._texts if key.startswith(start)]

    @property
    def _texts(self) -> Mapping[str, str]:
        return texts_of(self.name) if self.texts is None else self.texts

    def _plain(self, value: object) -> str:
        return self.grouped(value) if isinstance(value, int) else str(value)


@cache
def languages() -> tuple[str, ...]:
    """Names of the languages that there are."""
    found = (each.name for each in _folder().iterdir() if each.name.endswith(_ENDING))
    return tuple(sorted(name.removesuffix(_ENDING) for name in found))


@cache
def texts_of(name: str) -> Mapping[str, str]:
    """All texts of a language by their dotted keys, the missing ones in English."""
    own = own_texts(name)
    return own if name == ENGLISH else {**texts_of(ENGLISH), **own}


def own_texts(name: str) -> dict[str, str]:
    """The texts that a language's own file has, by their dotted keys."""
    file = _folder().joinpath(name + _ENDING)
    document = parse_yaml(file.read_text(encoding="utf-8"), Path(file.name))
    return dict(_flat(document.data, ""))


def _folder() -> Traversable:
    return files("auditkit.report").joinpath("languages")


def _flat(part: Mapping[str, Any], before: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in part.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{before}{key}.")
        elif isinstance(value, str):
            # Folded blocks of YAML end with a line break.
            found.append((before + key, value.strip("\n")))
        else:
            raise AuditError(f"language file: '{before}{key}' must be a text, got {value!r}")
    return found


IN_ENGLISH: Final = Language()
"""What renderings speak unless they are told otherwise."""
