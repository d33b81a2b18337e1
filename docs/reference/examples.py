"""What shipped files and the documentation write under each key: the examples of the reference."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from auditkit.spec.strict_yaml import parse_yaml

ROOT = Path(__file__).parents[2]
_LONGEST = 60
Examples = dict[str, dict[str, str]]


def documents() -> Iterator[Mapping[str, Any]]:
    """All YAML of the documentation's pages, then that of the shipped audits and cards."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            if not block.startswith("apiVersion:"):
                yield parse_yaml(block, page).data
    for folder in ("audits", "fixtures", "studies"):
        for path in sorted((ROOT / folder).rglob("*.yaml")):
            yield parse_yaml(path.read_text(encoding="utf-8"), path).data


def collect(
    value: Any, schema: Mapping[str, Any], name: str, parts: Mapping[str, Any], into: Examples
) -> None:
    """Keep the first short value of each key of the mapping ``name``, and go into what it holds."""
    if isinstance(value, list):
        for item in value:
            collect(item, schema.get("items", {}), name, parts, into)
        return
    named, found = _fitting(value, schema, name, parts)
    if found is None:
        if isinstance(value, dict) and isinstance(
            inner := schema.get("additionalProperties"), dict
        ):
            for item in value.values():
                collect(item, inner, name, parts, into)
        return
    for key, inner in value.items():
        text = yaml.safe_dump(inner, default_flow_style=True, width=1000, allow_unicode=True)
        text = text.removesuffix("...\n").strip()
        if len(text) <= _LONGEST:
            into.setdefault(named, {}).setdefault(key, text)
        for one in _alternatives(found["properties"].get(key, {})):
            collect(inner, one, "", parts, into)


def _alternatives(schema: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for one in schema.get("anyOf") or schema.get("oneOf") or [schema]:
        yield from _alternatives(one) if "anyOf" in one or "oneOf" in one else [one]


def _fitting(
    value: Any, schema: Mapping[str, Any], name: str, parts: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any] | None]:
    """The definition that a mapping follows, with its name."""
    for one in _alternatives(schema):
        named = one["$ref"].rpartition("/")[2] if "$ref" in one else name
        found = parts.get(named, {}) if "$ref" in one else one
        if isinstance(value, dict) and named and _fits(value, found):
            return named, found
    return "", None


def _fits(value: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    given = found.get("properties", {})
    fixed = {key: inner["const"] for key, inner in given.items() if "const" in inner}
    named = all(value.get(key, fixed[key]) == fixed[key] for key in fixed)
    return (
        bool(given)
        and value.keys() <= given.keys()
        and named
        and value.keys() >= set(found.get("required", ()))
    )
