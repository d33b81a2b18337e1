"""Strict YAML with line numbers: what an audit may rest on without surprises.

The subset is the YAML 1.2 core schema (``no`` is a string, ``010`` is ten, only ``true`` and ``false``
are booleans), one document, no anchors, aliases, tags or duplicate keys.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from auditkit.errors import AuditError
from auditkit.spec.problems import Problem, SpecError
from auditkit.spec.regular import read_ordinary

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_DIGITS = 30

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """Plain data read from a file, and the line on which each part of it stands."""

    path: Path
    data: Any
    lines: dict[Place, int] = field(repr=False)
    digest: str = ""

    def line(self, place: Place) -> int:
        """Line (from 1) of the nearest known part at or above ``place``."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 1


class _Loader(yaml.SafeLoader):
    """A private loader, so that nobody else's changes to PyYAML's tables reach it."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 PyYAML's own attribute
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            raise yaml.composer.ComposerError(
                None,
                None,
                f"anchors and aliases (here '{anchor}') are not allowed",
                event.start_mark,
            )
        if getattr(event, "tag", None) not in (None, "!"):
            raise yaml.composer.ComposerError(
                None, None, f"tags (here '{event.tag}') are not allowed", event.start_mark
            )
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise yaml.composer.ComposerError(
                None,
                None,
                f"more than {MAX_NODES} keys and values are not allowed",
                event.start_mark,
            )
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )


def read_yaml(path: Path) -> Document:
    """Read one YAML mapping strictly.

    Raises:
        SpecError: the file is missing, no ordinary file, not UTF-8, empty, too large (`MAX_BYTES`,
            `MAX_NODES`) or too deep, is not one mapping, or uses tabs, duplicate keys, anchors or tags; the
            message names file and line.
    """
    import hashlib

    try:
        raw = read_ordinary(path, MAX_BYTES)
    except OSError as error:
        raise SpecError([Problem(path, 1, f"cannot be read: {error.strerror}")]) from error
    except AuditError as error:
        message = str(error).removeprefix(f"{path} ")
        raise SpecError([Problem(path, 1, message)]) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SpecError([Problem(path, line, "is not UTF-8 text; save it as UTF-8")]) from error
    return parse_yaml(text, path, hashlib.sha256(raw).hexdigest())


def parse_yaml(text: str, path: Path, digest: str = "") -> Document:
    """As `read_yaml`, from a text that is already in hand."""
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise SpecError([Problem(path, _line(error), _explain(error))]) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise SpecError([Problem(path, 1, f"is not valid YAML: {error}")]) from error
    except RecursionError as error:
        raise SpecError([Problem(path, 1, f"is nested deeper than {MAX_DEPTH} levels")]) from error
    if root is None:
        raise SpecError([Problem(path, 1, "is empty; a mapping of keys was expected")])
    lines: dict[Place, int] = {}
    data = _Builder(path, lines).build(root, ())
    if not isinstance(data, dict):
        raise SpecError([Problem(path, 1, "must be a mapping of keys (`key: value` lines)")])
    return Document(path, data, lines, digest)


def _line(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark is not None else 1


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or str(error)
    if "\\t" in problem:
        return "has a tab character; YAML is indented with spaces only, replace the tab"
    if "expected a single document" in f"{error.context} {problem}":
        return "has more than one document (`---`); write one per file"
    if "not allowed" in problem:
        return problem
    return f"is not valid YAML: {problem}"


@dataclass(frozen=True)
class _Builder:
    path: Path
    lines: dict[Place, int]

    def build(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if len(place) > MAX_DEPTH:
            raise self._problem(node, f"is nested deeper than {MAX_DEPTH} levels")
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, place))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*place, i)) for i, child in enumerate(node.value)]
        return self._scalar(node)

    def _pairs(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._problem(key_node, "has a key that is not plain text")
            key = self._text(key_node)
            if key in seen:
                raise self._problem(
                    key_node, f"key '{key}' is given twice (first on line {seen[key]}); keep one"
                )
            seen[key] = line
            self.lines[(*place, key)] = line
            yield key, self.build(value_node, (*place, key))

    def _scalar(self, node: yaml.Node) -> Any:
        kind, text = node.tag.rsplit(":", 1)[-1], str(node.value)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            if len(text) > MAX_DIGITS:
                raise self._problem(
                    node, f"has a number of {len(text)} digits; put a text (a sha256) in quotes"
                )
            return int(text, 16) if text.lower().startswith("0x") else int(text)
        if kind == "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return self._text(node)

    def _text(self, node: yaml.Node) -> str:
        """Text without lone surrogates and control characters, which no file could hold."""
        text = str(node.value)
        if any(0xD800 <= ord(c) <= 0xDFFF or (ord(c) < 32 and c not in "\n\t") for c in text):
            raise self._problem(node, "has control characters or broken Unicode in a text")
        return text

    def _problem(self, node: yaml.Node, message: str) -> SpecError:
        return SpecError([Problem(self.path, node.start_mark.line + 1, message)])
