"""Editors show a sentence for every key of specs and of the two cards that everybody writes."""

import pytest

from auditkit.spec.schema import schema


def keys(node, place=""):
    """Every key of a schema that a file may have, with what is said of it."""
    if isinstance(node, list):
        for one in node:
            yield from keys(one, place)
    if isinstance(node, dict):
        for name, about in node.get("properties", {}).items():
            yield f"{place}.{name}", about
        for name, inner in node.items():
            yield from keys(inner, name if place in ("", "$defs") else place)


@pytest.mark.parametrize("kind", ["audit", "model", "data"])
def test_every_key_is_described(kind):
    silent = {
        place
        for place, about in keys(schema(kind))
        # A condition repeats the key `check`, and each check says what is under `with`.
        if "description" not in about and "const" not in about and "properties" not in about
    }
    assert silent <= {"allOf.with", "$defs.with"}
