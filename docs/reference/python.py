"""The Python interface as a page: what scripts call, and what checks of plug-in packages build upon."""

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tables import code, plain

import auditkit
from auditkit import findings, metrics, stats
from auditkit.checks.measuring import Measuring
from auditkit.evidence import Evidence
from auditkit.spec.declaration import CheckDeclaration, Measure

_SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Example")
_OF_CHECKS = (
    CheckDeclaration,
    Measure,
    Measuring,
    findings.Findings,
    findings.Measurement,
    findings.Table,
    findings.Figure,
    findings.Series,
)


def _parts(about: str) -> Iterator[tuple[str, str]]:
    """The text of a docstring, and its sections, each without its indentation."""
    name, lines = "", list[str]()
    for line in about.splitlines():
        if line.rstrip(":") in _SECTIONS and line.endswith(":"):
            yield name, inspect.cleandoc("\n".join(lines))
            name, lines = line.rstrip(":"), []
        else:
            lines.append(line)
    yield name, inspect.cleandoc("\n" + "\n".join(lines))


def _prose(text: str) -> str:
    """Paragraphs and lists; formulas, which are indented, as they are."""
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("    "):
            blocks.append(f"```text\n{inspect.cleandoc(block)}\n```")
        elif block.startswith("* "):
            items = re.split(r"\n\* ", block.removeprefix("* "))
            blocks.append("\n".join(f"- {_sentence(item)}" for item in items))
        elif block.strip():
            blocks.append(_sentence(block))
    return "\n\n".join(blocks)


def _sentence(text: str) -> str:
    return plain(text.replace("``", "`"))


def _named(text: str) -> str:
    """Arguments: one item each, whose further lines are indented."""
    items = re.split(r"\n(?=\S)", text)
    pairs = [item.partition(": ") for item in items]
    return "\n".join(f"- {code(name)}: {_sentence(about)}" for name, _, about in pairs)


def _described(thing: Any) -> str:
    """A docstring as Markdown."""
    text = []
    for name, body in _parts(inspect.getdoc(thing) or ""):
        if name == "Example":
            text.append("\n".join(["```pycon", *_imports(thing, body), body, "```"]))
        elif name in {"Args", "Attributes"}:
            text.append(f"**{name}**\n\n{_named(body)}")
        elif name:
            text.append(f"**{name}** {_sentence(body)}")
        else:
            text.append(_prose(body))
    return "\n\n".join(filter(None, text))


def _imports(thing: Any, example: str) -> Iterator[str]:
    """What a reader has to import for an example; docstrings are run inside their module."""
    if "np." in example and "import numpy" not in example:
        yield ">>> import numpy as np"
    for name, there in sorted(thing.__globals__.items()):
        if inspect.isfunction(there) and re.search(rf"(?<![\w.]){name}\(", example):
            module = "auditkit.stats" if name in stats.__all__ else there.__module__
            yield f">>> from {module} import {name}"


def _call(thing: Any, name: str) -> str:
    """How something is called: parameters and defaults, without types, which are in the text."""
    signature = inspect.signature(thing)
    bare = [
        one.replace(annotation=inspect.Parameter.empty)
        for one in signature.parameters.values()
        if one.name not in {"self", "cls"} and not one.name.startswith("_")
    ]
    shown = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return f"{name}{re.sub(r'<[^>]*>', '...', shown)}"


def _section(thing: Any, name: str) -> str:
    return f"\n\n### {name.rpartition('.')[2]}{_body(thing, name)}"


def _body(thing: Any, name: str) -> str:
    return f"\n\n```text\n{_call(thing, name)}\n```\n\n{_described(thing)}"


def _functions(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isfunction(thing):
            yield name, thing


def _first(thing: Any) -> str:
    return _sentence((inspect.getdoc(thing) or "").partition("\n\n")[0])


def _members(of: type) -> Iterator[str]:
    """Rows for the public methods and properties of a class."""
    for name, thing in vars(of).items():
        if name.startswith("_"):
            continue
        if inspect.isfunction(thing):
            yield f"| {code(_call(thing, name))} | {_first(thing)} |"
        elif isinstance(thing, property) or hasattr(thing, "attrname"):
            yield f"| {code(name)} | {_first(thing)} |"


def _rows(rows: Iterator[str]) -> str:
    return "\n\n| | |\n|---|---|\n" + "\n".join(rows)


def python(note: str) -> str:
    """The page."""
    text = (
        f"# Python\n\n{note}For scripts and notebooks, and for [checks of your own](../plugins.md)."
    )
    text += "\n\n## Scripts\n\nThe same audits without a spec:"
    for name in auditkit.__all__:
        thing = getattr(auditkit, name)
        if inspect.isfunction(thing):
            text += _section(thing, f"auditkit.{name}")
    text += "\n\n## Checks\n\nWhat a check declares, and what its function returns."
    for kind in _OF_CHECKS:
        text += _section(kind, f"{kind.__module__}.{kind.__name__}")
        if "__call__" in vars(kind):
            text += f"\n\nIs called itself:{_body(vars(kind)['__call__'], kind.__name__.lower())}"
    text += _section(stats.Estimate, "auditkit.stats.Estimate")
    text += (
        "\n\n## Evidence\n\n`auditkit.evidence.Evidence` is what a check's function gets: of one model on "
        "one data set. Arrays have one row per image, in the order of `records`, each of which has `id`, "
        "`label`, `patient` and `groups`; `card` is the model's card, `data` the data set."
    )
    text += _rows(_members(Evidence))
    text += (
        "\n\n## Estimates\n\n`auditkit.stats`: estimates with intervals; images of one patient count "
        "together."
    )
    for name, thing in _functions(stats):
        text += _section(thing, f"stats.{name}")
    text += (
        "\n\n## Quantities\n\n`auditkit.metrics`: every quantity of the papers as a plain function; "
        "`help(...)` has formula, shapes and source."
    )
    text += _rows(
        f"| {code(_call(thing, name))} | {_first(thing)} |" for name, thing in _functions(metrics)
    )
    return text + "\n"
