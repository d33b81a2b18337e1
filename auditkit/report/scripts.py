"""The one program of the page, and data beside it; the page's policy allows that program by its digest."""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from auditkit.report.language import Language


def in_script(value: object) -> Markup:
    """JSON that may stand inside a script element: ASCII, and nothing that could end the element."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 no markup is left in it


@cache
def script(*names: str) -> Markup:
    """The browser's program, of these parts; empty if there are none."""
    folder = files("auditkit.report").joinpath("templates")
    parts = [folder.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in names]
    return Markup("\n".join(parts))  # noqa: S704 our own


def script_digest(program: str) -> str:
    """By which the page's policy allows the program and no other."""
    return base64.b64encode(hashlib.sha256(program.encode("utf-8")).digest()).decode("ascii")


def script_texts(t: Language) -> Markup:
    """What the program says, in the language of the page."""
    said = {key: t.pattern(f"script.{key}") for key in t.under("script")}
    return in_script({**said, "thousands": t.pattern("number.thousands")})
