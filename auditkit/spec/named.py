"""One of several kinds of thing, as a user writes it: by name, or as a mapping with its parameters."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from auditkit.spec.problems import nearest
from auditkit.spec.typed import Strict, known_keys


def parse_named(value: Any, key: str, kinds: Mapping[str, type[Strict]], what: str) -> Any:
    """A kind from its name alone (``gradcam``), or from a mapping that names it under a key.

    Args:
        value: what was written.
        key: of the mapping, under which the name is.
        kinds: by name.
        what: they are, for messages: ``heatmap method``.

    Raises:
        ValueError: there is no such kind, or its parameters are wrong; pydantic makes it a located problem.
    """
    data = {key: value} if isinstance(value, str) else value
    name = data.get(key) if isinstance(data, dict) else None
    if not isinstance(name, str):
        raise ValueError(f"a {what} is a name or a mapping with the key '{key}'")  # noqa: TRY004
    if name not in kinds:
        raise ValueError(f"unknown {what} '{name}'; {nearest(name, kinds)}")
    try:
        return kinds[name].model_validate(data)
    except ValidationError as error:
        raise ValueError(_explain(name, kinds[name], dict(error.errors()[0]))) from None


def _explain(name: str, kind: type[Strict], detail: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        *inside, wrong = detail["loc"]
        known = known_keys(kind, tuple(inside))
        return f"{name} has no parameter '{place}'; {nearest(str(wrong), known)}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{name}: {place}: {message}" if place else f"{name}: {message}"
