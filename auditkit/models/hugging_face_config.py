"""What config.json of Hugging Face Transformers says, read without torch."""

import json
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError

_MOST_BYTES = 16 * 2**20


def hugging_face_classes(config: Path) -> list[str]:
    """Names of the classes in the order of the outputs, from ``id2label``.

    Raises:
        AuditError: the file is damaged, or its ids are not 0 to K - 1.
    """
    names = read_config(config).get("id2label")
    if not isinstance(names, dict) or not names:
        raise AuditError(
            f"{config} names no classes (id2label); name them in the card: output.classes"
        )
    try:
        by_place = {int(place): str(name) for place, name in names.items()}
    except ValueError as error:
        raise AuditError(f"{config}: id2label has a key that is no number") from error
    if sorted(by_place) != list(range(len(names))):
        raise AuditError(f"{config}: id2label must number the classes from 0 to {len(names) - 1}")
    return [by_place[place] for place in range(len(names))]


def read_config(config: Path) -> dict[str, Any]:
    """The mapping of a config.json.

    Raises:
        AuditError: the file is missing, damaged or no mapping.
    """
    try:
        if config.stat().st_size > _MOST_BYTES:
            raise AuditError(f"{config} is larger than any config.json; give the model's own")
        content = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AuditError(
            f"{config} cannot be read as JSON ({error}); fetch config.json again"
        ) from error
    if not isinstance(content, dict):
        raise AuditError(f"{config} is no config.json: it holds no mapping")
    return content
