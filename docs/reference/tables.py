"""JSON Schemas as Markdown tables: key, type, default, meaning, example."""

import html
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from meanings import MEANINGS

Schema = Mapping[str, Any]
Link = Callable[[str], str]
_BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
}


def plain(text: str) -> str:
    """Text that a cell shows as it is; what stands between backticks stays code."""
    parts = " ".join(text.split()).replace("|", "&#124;").split("`")
    for index in range(0, len(parts), 2):
        for sign in "*_[<":
            parts[index] = parts[index].replace(sign, f"\\{sign}" if sign != "<" else "&lt;")
    return "`".join(parts)


def code(value: Any) -> str:
    """A value as code."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if "|" in text:
        return "<code>" + html.escape(text, quote=False).replace("|", "&#124;") + "</code>"
    return f"`{text}`" if text else '`""`'


def kind(schema: Schema, link: Link) -> str:
    """What a value may be, in words."""
    if "words" in schema:
        return str(schema["words"])
    if "$ref" in schema:
        return link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema or "oneOf" in schema:
        parts = [kind(one, link) for one in schema.get("anyOf") or schema["oneOf"]]
        return " or ".join(dict.fromkeys(part for part in parts if part != "nothing"))
    if "enum" in schema or "const" in schema:
        return ", ".join(code(value) for value in schema.get("enum", [schema.get("const")]))
    return _simple(schema, link)


def _simple(schema: Schema, link: Link) -> str:
    found = schema.get("type", "any")
    if found == "array":
        items = (
            [*schema.get("prefixItems", ()), schema["items"]]
            if "items" in schema
            else schema["prefixItems"]
        )
        return "list of " + ", ".join(dict.fromkeys(kind(item, link) for item in items))
    if found == "object":
        inner = schema.get("additionalProperties")
        return f"mapping to {kind(inner, link)}" if isinstance(inner, dict) and inner else "mapping"
    words = {"string": "text", "boolean": "`true` or `false`", "null": "nothing", "any": "anything"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in _BOUNDS.items() if key in schema]
    return " ".join([words.get(found, found), ", ".join(bounds).replace("<", "&lt;")]).strip()


def table(schema: Schema, link: Link, examples: Mapping[str, str]) -> str:
    """One row per key of a mapping."""
    required = schema.get("required", ())
    rows = ["| key | type | default | meaning | example |", "|---|---|---|---|---|"]
    for key, inner in schema.get("properties", {}).items():
        default = "**required**" if key in required else _default(inner)
        example = code(examples[key]) if key in examples else ""
        meaning = plain(inner.get("description", ""))
        rows.append(f"| `{key}` | {kind(inner, link)} | {default} | {meaning} | {example} |")
    return "\n".join(rows) if len(rows) > 2 else "No keys."


def described(schema: Schema, parts: Schema) -> None:
    """Give keys without a meaning that of what they hold."""
    for inner in schema.get("properties", {}).values():
        held = re.findall(r"#/\$defs/(\w+)", json.dumps(inner))
        if "description" not in inner and held:
            inner["description"] = parts[held[0]].get("description", "").partition("\n")[0]
    for key, inner in schema.get("properties", {}).items():
        if not inner.get("description") and key in MEANINGS:
            inner["description"] = MEANINGS[key]


def _default(inner: Schema) -> str:
    value = inner.get("default")
    return "none" if value in (None, "", [], {}) and value is not False else code(value)
