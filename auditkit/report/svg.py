"""Matplotlib's SVG made fit for a page: named, coloured by the page, with ids of its own."""

import re
import xml.etree.ElementTree as ET
from typing import Final

from markupsafe import Markup

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")


def inlined(text: str, name: str, title: str, description: str, colours: dict[str, str]) -> Markup:
    """An SVG document as an element of the page.

    Args:
        text: the document, as Matplotlib writes it.
        name: prefix of every id, unique on the page.
        title: accessible name.
        description: accessible description.
        colours: CSS colour by the colour that was drawn, so that the page's scheme decides.
    """
    for drawn, shown in colours.items():
        text = text.replace(drawn, shown)
    root = ET.fromstring(text)  # noqa: S314 Matplotlib's own output
    _drop(root, {"metadata", "style"})
    _rename_ids(root, name)
    width, height = root.get("viewBox", "0 0 1 1").split()[2:]
    root.attrib.pop("version", None)
    root.set("width", f"{float(width):g}")
    root.set("height", f"{float(height):g}")
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-description")
    for place, (tag, words) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{{{_SVG}}}{tag}", id=f"{name}-{('title', 'description')[place]}")
        element.text = words
        root.insert(place, element)
    ET.register_namespace("", _SVG)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 serialised, so escaped


def _drop(root: ET.Element, tags: set[str]) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in tags:
                parent.remove(child)


def _rename_ids(root: ET.Element, name: str) -> None:
    """Keep the ids that are referred to, under names of this figure's own."""
    used: set[str] = set()
    for element in root.iter():
        link = element.attrib.pop(f"{{{_XLINK}}}href", None)
        if link is not None:
            used.add(link.removeprefix("#"))
            element.set("href", f"#{name}-{link[1:]}" if link.startswith("#") else link)
        for key, value in element.attrib.items():
            used.update(_REFERENCE.findall(value))
            element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own in used:
            element.set("id", f"{name}-{own}")
