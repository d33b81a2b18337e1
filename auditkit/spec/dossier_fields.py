"""What the fields of a dossier have in common: title, guidance, sources, whether a release needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator

from auditkit.spec.typed import Strict

FDA = "FDA draft guidance (2025)"
AI_ACT = "EU AI Act"
CLAIM = "CLAIM 2024"
MODEL_CARDS = "Model Cards (2019)"
MDR = "EU MDR"
GMLP = "IMDRF GMLP (2025)"

DOSSIER_SUFFIX = ".dossier.yaml"

_NEEDED, _SOURCES = "needed_for_release", "sources"


def _nothing(value: Any) -> Any:
    """A line of a form that was left empty."""
    return "" if value is None else value.strip() if isinstance(value, str) else value


def _nobody(value: Any) -> Any:
    """A list of a form that was left empty."""
    return [] if value is None else value


Text = Annotated[str, BeforeValidator(_nothing)]


def asked(title: str, guidance: str, *sources: str, needed: bool = True) -> Any:
    """A field of a dossier.

    Args:
        title: as a report shows it.
        guidance: what to write, with an example.
        sources: who asks for it.
        needed: whether release mode refuses a run in which it is empty.
    """
    about: dict[str, Any] = {_NEEDED: needed, _SOURCES: list(sources)}
    return Field("", title=title, description=guidance, json_schema_extra=about)


@dataclass(frozen=True)
class DossierField:
    """What is known of a field before anybody fills it in.

    Attributes:
        key: in YAML and in results.json.
        title: as a report shows it; English.
        guidance: what to write, with an example.
        needed: whether release mode refuses a run in which it is empty.
        sources: who asks for it.
    """

    key: str
    title: str
    guidance: str
    needed: bool
    sources: tuple[str, ...]


class Person(Strict):
    """Somebody who answers for a model, a data set or an audit."""

    name: str = Field(min_length=1, description="Of the person.")
    role: str = Field(min_length=1, description="What the person does there.")
    organisation: str = Field(min_length=1, description="For whom.")
    responsibility: str = Field(
        min_length=1,
        description="performed, reviewed, approved, or other words: what the signature would mean.",
    )


class Dossier(Strict):
    """What no tool can know and a regulator asks for; a file may hold it, or a part of it."""

    # Left out of dumps, which hold the texts by field.
    file: str = Field(
        "",
        exclude=True,
        description="A `*.dossier.yaml`, relative to the card; what the card states itself replaces the "
        "file's.",
    )
    people: Annotated[list[Person], BeforeValidator(_nobody)] = Field(
        default_factory=list, exclude=True, description="Who answers for it."
    )
    _path: Path | None = PrivateAttr(default=None)
    _digest: str = PrivateAttr(default="")

    @field_validator("file")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.endswith(DOSSIER_SUFFIX):
            raise ValueError(f"a name that ends in {DOSSIER_SUFFIX} was expected")
        return value

    @property
    def path(self) -> Path | None:
        """The file that was read; None if the card states everything itself."""
        return self._path

    @property
    def digest(self) -> str:
        """The sha256 of the file that was read; empty if there is none."""
        return self._digest

    @classmethod
    def fields(cls) -> Mapping[str, DossierField]:
        """All fields that hold a text, in their order."""
        return _fields(cls)

    def read_from(self, path: Path, digest: str) -> Self:
        """The same, with the file that it was read from."""
        found = self.model_copy()
        found._path, found._digest = path, digest  # noqa: SLF001 its own attributes, on its own copy
        return found


@cache
def _fields(kind: type[Dossier]) -> Mapping[str, DossierField]:
    found = {}
    for key, field in kind.model_fields.items():
        about = field.json_schema_extra
        if isinstance(about, dict):
            sources = about[_SOURCES]
            assert isinstance(sources, list)
            found[key] = DossierField(
                key,
                field.title or key,
                field.description or "",
                bool(about[_NEEDED]),
                tuple(str(source) for source in sources),
            )
    return found
