"""pytest's settings: where cards lie, added to what is there without changing a line of it."""

import configparser
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from auditkit.errors import AuditError

CARDS = "cards"
_KEY = "audit_cards"
# In the order in which pytest looks; each with its section.
_INI = (("pytest.ini", "pytest"), (".pytest.ini", "pytest"))
_LATE = (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest"))
_TOML, _TABLE = "pyproject.toml", "[tool.pytest.ini_options]"


@dataclass(frozen=True)
class Settings:
    """What is to be done about pytest's settings.

    Attributes:
        cards: the folder of cards that they name, or will.
        file: the file to write; None if nothing has to change.
        text: its new content.
        existed: whether the file is there.
    """

    cards: str
    file: Path | None = None
    text: str = ""
    existed: bool = False


def settings(root: Path) -> Settings:
    """The folder of cards that pytest knows in that project, and what to write so that it does.

    Raises:
        AuditError: the settings cannot be read, or cannot be added to.
    """
    for name, section in _INI:
        if (root / name).is_file():
            return _ini(root / name, section)
    toml = root / _TOML
    if toml.is_file() and "pytest" in _toml(toml).get("tool", {}):
        return _in_toml(toml)
    for name, section in _LATE:
        if (root / name).is_file() and _parsed(root / name).has_section(section):
            return _ini(root / name, section)
    if toml.is_file():
        text = _read(toml)
        return Settings(
            CARDS, toml, f'{text.rstrip()}\n\n{_TABLE}\n{_KEY} = ["{CARDS}"]\n', existed=True
        )
    return Settings(CARDS, root / "pytest.ini", f"[pytest]\n{_KEY} = {CARDS}\n")


def _ini(file: Path, section: str) -> Settings:
    found = _parsed(file)
    if found.has_option(section, _KEY):
        return Settings(_first(file, found.get(section, _KEY).split()))
    text = _read(file)
    if not found.has_section(section):
        return Settings(
            CARDS, file, f"{text.rstrip()}\n\n[{section}]\n{_KEY} = {CARDS}\n", existed=True
        )
    return Settings(
        CARDS, file, _after(file, text, f"[{section}]", f"{_KEY} = {CARDS}"), existed=True
    )


def _in_toml(file: Path) -> Settings:
    options = _toml(file)["tool"]["pytest"].get("ini_options", {})
    if _KEY in options:
        return Settings(_first(file, options[_KEY]))
    text, line = _read(file), f'{_KEY} = ["{CARDS}"]'
    if "ini_options" not in _toml(file)["tool"]["pytest"]:
        return Settings(CARDS, file, f"{text.rstrip()}\n\n{_TABLE}\n{line}\n", existed=True)
    return Settings(CARDS, file, _after(file, text, _TABLE, line), existed=True)


def _after(file: Path, text: str, header: str, line: str) -> str:
    """The text with a line behind the section's header; all other bytes stay."""
    found = re.search(rf"^[ \t]*{re.escape(header)}[^\n]*\n?", text, re.MULTILINE)
    if found is None:
        raise AuditError(f"{file}: add this to pytest's settings, then run again: {line}")
    end = found.group() if found.group().endswith("\n") else f"{found.group()}\n"
    return f"{text[: found.start()]}{end}{line}\n{text[found.end() :]}"


def _first(file: Path, folders: object) -> str:
    """The first folder of cards that is set."""
    if isinstance(folders, list) and folders and isinstance(folders[0], str):
        return folders[0]
    raise AuditError(f"{file}: {_KEY} names no folder; a list of folders was expected")


def _read(file: Path) -> str:
    try:
        # Line ends stay as they are.
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"{file} cannot be read: {error}") from error


def _parsed(file: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    try:
        found.read_string(_read(file))
    except configparser.Error as error:
        raise AuditError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
    return found


def _toml(file: Path) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    try:
        return tomllib.loads(_read(file))
    except tomllib.TOMLDecodeError as error:
        raise AuditError(f"{file} cannot be read: {error}") from error
