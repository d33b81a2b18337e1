"""pytest's settings: where cards lie, added to what is there without changing a line of it."""

import re
from dataclasses import dataclass
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.spec.card_folders import (
    EARLY,
    KEY,
    LATE,
    TOML,
    configured,
    parsed,
    text_of,
    toml_options,
)

CARDS = "cards"
_TABLE = "[tool.pytest.ini_options]"
_IN_INI, _IN_TOML = f"{KEY} = {CARDS}", f'{KEY} = ["{CARDS}"]'


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
    folders = configured(root)
    if folders:
        return Settings(folders[0])
    for name, section in EARLY:
        if (root / name).is_file():
            return _added(root / name, f"[{section}]", _IN_INI)
    toml = root / TOML
    if toml_options(toml) is not None:
        return _added(toml, _TABLE, _IN_TOML)
    for name, section in LATE:
        if (root / name).is_file() and parsed(root / name).has_section(section):
            return _added(root / name, f"[{section}]", _IN_INI)
    if toml.is_file():
        return _added(toml, _TABLE, _IN_TOML)
    return Settings(CARDS, root / "pytest.ini", f"[pytest]\n{_IN_INI}\n")


def _added(file: Path, header: str, line: str) -> Settings:
    """A line behind the section's header, or both at the end; all other bytes stay."""
    text = text_of(file)
    end = "\r\n" if "\r\n" in text else "\n"
    found = re.search(rf"^[ \t]*{re.escape(header)}[^\n]*\n", text, re.MULTILINE)
    if found is not None:
        new = f"{text[: found.end()]}{line}{end}{text[found.end() :]}"
    elif file.name == TOML and toml_options(file) is not None:
        raise AuditError(f"{file}: add this to pytest's settings, then run again: {line}")
    else:
        gap = "" if not text else end if text.endswith("\n") else end * 2
        new = f"{text}{gap}{header}{end}{line}{end}"
    return Settings(CARDS, file, new, existed=True)
