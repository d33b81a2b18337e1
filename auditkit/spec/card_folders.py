"""Where cards lie when a command is not told: where pytest looks for them."""

import configparser
import tomllib
from pathlib import Path

from auditkit.errors import AuditError

KEY = "audit_cards"
OTHERWISE = "fixtures"
# In the order in which pytest looks; pyproject.toml comes between the two.
EARLY = (("pytest.ini", "pytest"), (".pytest.ini", "pytest"))
LATE = (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest"))
TOML = "pyproject.toml"


def card_folders(root: Path = Path()) -> list[Path]:
    """The folders of the ini setting `audit_cards` in that folder; `fixtures` where there is none.

    Raises:
        AuditError: the settings cannot be read.
    """
    return [root / name for name in configured(root) or [OTHERWISE]]


def configured(root: Path) -> list[str] | None:
    """The setting itself; None if it is not made."""
    for name, section in EARLY:
        if (root / name).is_file():
            return _of_ini(root / name, section)
    options = toml_options(root / TOML)
    if options is not None:
        folders = options.get(KEY)
        if folders is not None and not isinstance(folders, list):
            raise AuditError(f"{root / TOML}: {KEY}: a list of folders was expected")
        return None if folders is None else [str(folder) for folder in folders]
    for name, section in LATE:
        if (root / name).is_file() and parsed(root / name).has_section(section):
            return _of_ini(root / name, section)
    return None


def _of_ini(file: Path, section: str) -> list[str] | None:
    found = parsed(file)
    return found.get(section, KEY).split() if found.has_option(section, KEY) else None


def toml_options(file: Path) -> dict[str, object] | None:
    """Pytest's options in a pyproject.toml; None if there are none."""
    if not file.is_file():
        return None
    try:
        options = tomllib.loads(text_of(file)).get("tool", {}).get("pytest", {}).get("ini_options")
    except (tomllib.TOMLDecodeError, AttributeError) as error:
        raise AuditError(f"{file} cannot be read: {error}") from error
    return options if isinstance(options, dict) else None


def parsed(file: Path) -> configparser.ConfigParser:
    """An ini file.

    Raises:
        AuditError: it cannot be read.
    """
    found = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        found.read_string(text_of(file))
    except configparser.Error as error:
        raise AuditError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
    return found


def text_of(file: Path) -> str:
    """A file of settings, line ends as they are.

    Raises:
        AuditError: it cannot be read.
    """
    try:
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"{file} cannot be read: {error}") from error
