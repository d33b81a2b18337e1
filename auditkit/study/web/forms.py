"""What a form sends, parsed strictly: known fields of bounded number and length, valid text, nothing else."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.exceptions import HTTPException

from auditkit.spec.typed import Strict

MAX_BODY: Final = 256 * 1024
MAX_FIELDS: Final = 250
MAX_VALUE: Final = 5000

FORM: Final = "application/x-www-form-urlencoded"

# Control characters break databases and logs; marks that turn the direction of writing disguise text.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Given = TypeVar("Given", bound=Strict)


@dataclass(frozen=True)
class Fields:
    """Which fields a form has.

    Attributes:
        single: those that come at most once.
        repeated: those that come once per row.
    """

    single: Collection[str] = ()
    repeated: Collection[str] = ()


@dataclass(frozen=True)
class Form:
    """What was sent: text in NFC with plain newlines."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The value of a field that comes at most once; "" if it did not come."""
        return next(iter(self.values.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        """The values of a repeated field, in the order of the rows."""
        return self.values.get(name, ())

    def yes(self, name: str) -> bool:
        """Whether a field says yes; absent or empty is no.

        Raises:
            HTTPException: 422, it says something else.
        """
        if self.one(name) not in {"yes", ""}:
            raise HTTPException(422, f"{name}: expected 'yes' or nothing")
        return self.one(name) == "yes"


def parse(body: bytes, content_type: str, fields: Fields) -> Form:
    """A form from the body of a request.

    Raises:
        HTTPException: 415 not a form; 422 an unknown or repeated field, too many or too long ones, bad text.
    """
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415, f"expected a form ({FORM})")
    values: dict[str, tuple[str, ...]] = {}
    for name, value in _pairs(body):
        if name not in fields.single and name not in fields.repeated:
            raise HTTPException(422, "The form has a field that is not known here.")
        if name in values and name not in fields.repeated:
            raise HTTPException(422, f"{name}: it came twice")
        values[name] = (*values.get(name, ()), _text(name, value))
    return Form(values)


def _pairs(body: bytes) -> list[tuple[str, str]]:
    if not body:
        return []
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:  # of which UnicodeDecodeError is one
        raise HTTPException(
            422, f"The form cannot be read: UTF-8 and at most {MAX_FIELDS} fields are expected."
        ) from None


def _text(name: str, value: str) -> str:
    if len(value) > MAX_VALUE:
        raise HTTPException(422, f"{name}: longer than {MAX_VALUE} characters")
    plain = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if _UNPRINTABLE.search(plain):
        raise HTTPException(422, f"{name}: it has characters that cannot be printed")
    return plain


def checked(kind: type[Given], values: Mapping[str, object]) -> Given:
    """An answer of a kind from its values.

    Raises:
        HTTPException: 422, with the first thing that is wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise HTTPException(422, f"{place}: {first['msg']}" if place else first["msg"]) from None
