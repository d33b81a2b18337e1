"""The command line as a page: every command of ``auditkit`` with its arguments."""

import argparse
from collections.abc import Iterator

from tables import code, plain

from auditkit.cli import _parser

_HIDDEN = (argparse._HelpAction, argparse._VersionAction)  # noqa: SLF001 argparse has no public way to ask
_COMMANDS = argparse._SubParsersAction  # noqa: SLF001 the same


def _leaves(
    name: str, parser: argparse.ArgumentParser, about: str
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Each command that does something: its words, what it is for, its parser."""
    inner = [action for action in parser._actions if isinstance(action, _COMMANDS)]  # noqa: SLF001
    if not inner:
        yield name, about, parser
    for action in inner:
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
        for word, below in action.choices.items():
            yield from _leaves(f"{name} {word}", below, helps.get(word, ""))


def _rows(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, _HIDDEN):
            continue
        named = ", ".join(action.option_strings) or _metavar(action)
        value = f" {_metavar(action)}" if action.option_strings and action.nargs != 0 else ""
        # An argument whose help is suppressed is no promise to users.
        if action.help != argparse.SUPPRESS:
            default = action.default if isinstance(action.default, str | int | float) else None
            shown = "" if default in (None, False, argparse.SUPPRESS, "") else code(str(default))
            yield f"| {code(named + value)} | {plain(action.help or '')} | {shown} |"


def _metavar(action: argparse.Action) -> str:
    if action.choices and not action.metavar:
        return "|".join(str(choice) for choice in action.choices)
    found = action.metavar or action.dest.upper()
    return found if isinstance(found, str) else " ".join(found)


def commands(note: str) -> str:
    """The page."""
    options = "../spec.md#options-each-also-an-ini-setting-with-audit_-prefix"
    text = f"# Command line\n\n{note}Audits are run by pytest, with [these options]({options})."
    text += " Exit status of `auditkit`: 0 fine, 1 problems found, 2 bad input."
    for name, about, parser in _leaves("auditkit", _parser(), ""):
        rows = list(_rows(parser))
        text += f"\n\n## {name}\n\n{plain(about)}"
        if rows:
            text += "\n\n| argument | meaning | default |\n|---|---|---|\n" + "\n".join(rows)
    return text + "\n"
