"""One question at a time: an option answers it, or a person, or what was found by looking."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from auditkit.errors import AuditError
from auditkit.spec.problems import nearest
from auditkit.spec.regular import is_file

_TRIES = 3

Value = TypeVar("Value")


class Asker:
    """Asks on a terminal, else takes options and defaults; remembers what nobody confirmed."""

    def __init__(self, *, interactive: bool) -> None:
        self.interactive = interactive
        self.guessed: set[str] = set()

    def ask(
        self,
        key: str,
        question: str,
        given: str | None,
        default: str | None,
        read: Callable[[str], Value],
    ) -> Value:
        """An option's value, an answer, or the default, as ``read`` understands it.

        Raises:
            AuditError: there is neither, or it cannot be understood.
        """
        if given is not None:
            return self._read(key, given, read)
        if self.interactive:
            return self._answered(key, question, default, read)
        if default is None:
            raise AuditError(f"auditkit new project: --{key} is missing: {question} was expected")
        self.guessed.add(key)
        return self._read(key, default, read)

    def _answered(
        self, key: str, question: str, default: str | None, read: Callable[[str], Value]
    ) -> Value:
        shown = f" [{default}]" if default else ""
        for _ in range(_TRIES):
            try:
                answer = input(f"{question}{shown}: ").strip()
            except EOFError:
                break
            text = answer or default
            if text is None:
                continue
            try:
                return self._read(key, text, read)
            except AuditError as error:
                sys.stdout.write(f"  {error}\n")
        raise AuditError(f"auditkit new project: no answer for --{key}: {question} was expected")

    def _read(self, key: str, text: str, read: Callable[[str], Value]) -> Value:
        try:
            return read(text)
        except ValueError as error:
            raise AuditError(f"--{key} {text}: {error}") from None


def as_one_of(*known: str) -> Callable[[str], str]:
    """Reads one of these words."""

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(nearest(text, known))
        return text

    return read


def as_file(text: str) -> Path:
    """Reads the path of a file that is there."""
    if not is_file(Path(text)):
        raise ValueError("there is no such file")
    return Path(text)


def as_side(text: str) -> int:
    """Reads a number of pixels."""
    return int(text)


def as_words(text: str) -> list[str]:
    """Reads words parted by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def as_numbers(text: str) -> list[float]:
    """Reads numbers parted by commas."""
    return [float(word) for word in text.split(",")]
