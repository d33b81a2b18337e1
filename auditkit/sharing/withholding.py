"""Pictures that are not shown: they stand there with their digest, and never vanish."""

import hashlib
from collections.abc import Iterator
from typing import Any

from auditkit.results import PictureFile
from auditkit.results.folder import IMAGES


def withheld(png: bytes) -> PictureFile:
    """A picture that is not written, with the digest that its file would have."""
    return PictureFile(file="", sha256=hashlib.sha256(png).hexdigest())


def without_pictures(part: Any) -> Any:
    """Results as JSON with every picture withheld."""
    if isinstance(part, list):
        return [without_pictures(item) for item in part]
    if not isinstance(part, dict):
        return part
    if is_picture(part):
        return part | {"file": ""}
    return {key: without_pictures(value) for key, value in part.items()}


def is_picture(part: dict[str, Any]) -> bool:
    """Whether a part of results is a picture's file: one named by its digest."""
    return bool(part.get("file")) and part["file"] == f"{IMAGES}/{part.get('sha256')}.png"


def pictures_in(part: Any) -> set[str]:
    """Files of all pictures that results show."""
    return {one["file"] for one in _parts(part) if is_picture(one)}


def withheld_in(part: Any) -> set[str]:
    """Digests of all pictures that results withhold."""
    return {one["sha256"] for one in _parts(part) if one.get("file") == "" and one.get("sha256")}


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON document."""
    if isinstance(part, dict):
        yield part
    inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for value in inside:
        yield from _parts(value)
