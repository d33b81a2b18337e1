"""The page's tree made ready for paper: a layout engine for print knows less of SVG and CSS than a browser.

Pictures that the page keeps once and shows by reference become images of their own; variables in drawings
become their values; what is hidden from screen readers becomes background, which a tagged PDF leaves unread.
"""

import base64
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import lru_cache
from io import BytesIO
from typing import Final
from xml.etree import ElementTree as ET

from PIL import Image

MOST_ROWS: Final = 100
SVG: Final = "{http://www.w3.org/2000/svg}"
_WEBP: Final = "data:image/webp;base64,"
_LINK: Final = "{http://www.w3.org/1999/xlink}href"
_VARIABLE: Final = re.compile(r"var\(--([\w-]+)\)")
# What colours the icons within; the last that holds.
_INKS: Final = {
    "pass": "pass",
    "fail": "fail",
    "error": "fail",
    "blocked": "fail",
    "inconclusive": "open",
    "not-interpretable": "void",
    "fault": "page",
}
_MUTED: Final = "muted"
_OF_SCREENS: Final = frozenset({"script", "template", "dialog", "button", "nav"})
_PAINTS: Final = re.compile(r"(?<![\w-])(?:fill|stroke)(?:-[\w]+)?\s*:")
_RULE: Final = re.compile(r"([^{}]+)\{([^{}]*)\}")


def for_paper(root: ET.Element, sheet: str, left_out: Callable[[int], str]) -> None:
    """Change a page's tree in place.

    Args:
        root: the ``html`` element, its own elements without a namespace.
        sheet: the style sheet of print, which has the last word.
        left_out: says that so many rows are not here.
    """
    for place in root.iter("div"):
        if "values" in (place.get("class") or "").split():
            _shorten(place, left_out)
    style = next(root.iter("style"))
    rules = _uncommented(style.text or "")
    inks = variables(rules)
    style.text = f"{style.text}\n{sheet}"
    painter = _Painter(inks, _painting(rules, inks), _symbols(root))
    painter.visit(root, "")


def _shorten(place: ET.Element, left_out: Callable[[int], str]) -> None:
    """Keep the first rows of an image browser's table, which has one for every image."""
    for body in list(place.iter("tbody")):
        over = body.findall("tr")[MOST_ROWS:]
        for row in over:
            body.remove(row)
        if over:
            ET.SubElement(place, "p", {"class": "how"}).text = left_out(len(over))


def variables(sheet: str) -> dict[str, str]:
    """Values of a style sheet's variables as they are in daylight: those of the first ``:root``."""
    found = re.search(r":root\s*\{([^}]*)\}", sheet)
    given = re.findall(r"--([\w-]+)\s*:\s*([^;}]+)", found[1]) if found else []
    return {name: value.strip() for name, value in given}


def _uncommented(sheet: str) -> str:
    return re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)


def _painting(sheet: str, inks: Mapping[str, str]) -> str:
    """Rules that draw: an SVG inside a page sees the page's style sheet in browsers only."""
    rules = [(head, body) for head, body in _RULE.findall(_outside_media(sheet))]
    kept = [f"{head.strip()}{{{body}}}" for head, body in rules if _PAINTS.search(body)]
    return _filled("\n".join(kept), inks)


def _outside_media(sheet: str) -> str:
    """The sheet without its at-rules and what they hold."""
    return re.sub(r"@[\w-]+[^{}]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", sheet)


def _filled(text: str, inks: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: inks.get(found[1], "currentColor"), text)


def _symbols(root: ET.Element) -> dict[str, ET.Element]:
    return {f"#{each.get('id')}": each for each in root.iter(f"{SVG}symbol")}


class _Painter:
    """Walks the tree and replaces drawings."""

    def __init__(
        self, inks: Mapping[str, str], rules: str, symbols: Mapping[str, ET.Element]
    ) -> None:
        self.inks, self.rules, self.symbols = inks, rules, symbols

    def visit(self, parent: ET.Element, ink: str) -> None:
        """Replace the drawings below an element; ``ink`` is the colour of icons there."""
        classes = (parent.get("class") or "").split()
        ink = next((_INKS[name] for name in reversed(_INKS) if name in classes), ink)
        for place, child in enumerate(list(parent)):
            new = self.replaced(child, ink)
            if new is not child:
                new.tail = child.tail
                parent[place] = new

    def replaced(self, element: ET.Element, ink: str) -> ET.Element:
        """What stands for one element."""
        if element.tag in _OF_SCREENS or element.find(f"{SVG}symbol") is not None:
            return ET.Element("span", {"hidden": ""})
        if element.tag == f"{SVG}svg":
            return self.drawing(element, ink)
        if element.tag == "img":
            element.set("src", _photograph(element.get("src", "")))
            return element if element.get("alt") else _background(element, element.get("src", ""))
        self.visit(element, ink)
        return element

    def drawing(self, svg: ET.Element, ink: str) -> ET.Element:
        """What stands for one drawing."""
        symbol = self.referred(svg)
        picture = None if symbol is None else symbol.find(f"{SVG}image")
        if picture is not None:
            source = _photograph(picture.get("href") or picture.get(_LINK) or "")
            return ET.Element("img", {"src": source, "alt": svg.get("aria-label", "")})
        if symbol is not None:
            svg = _inlined(svg, symbol)
        self.paint(svg, ink)
        if svg.get("aria-hidden") == "true":
            svg.attrib.pop("style", None)
            content = base64.b64encode(ET.tostring(svg, "utf-8")).decode("ascii")
            return _background(svg, f"data:image/svg+xml;base64,{content}")
        _name(svg)
        return svg

    def referred(self, svg: ET.Element) -> ET.Element | None:
        """The symbol that a drawing consists of, if it is one."""
        use = svg.find(f"{SVG}use")
        if use is None:
            return None
        return self.symbols.get(use.get("href") or use.get(_LINK) or "")

    def paint(self, svg: ET.Element, ink: str) -> None:
        """Give a drawing its rules, and its variables their values."""
        for element in svg.iter():
            for name in ("style", "fill", "stroke"):
                if name in element.attrib:
                    element.set(name, _filled(element.attrib[name], self.inks))
        svg.set("color", self.inks.get(ink or _MUTED, "black"))
        if svg.get("class") or any(each.get("class") for each in svg.iter()):
            rules = ET.Element(f"{SVG}style")
            rules.text = self.rules
            svg.insert(0, rules)


def _inlined(svg: ET.Element, symbol: ET.Element) -> ET.Element:
    new = ET.Element(svg.tag, dict(svg.attrib))
    new.set("viewBox", symbol.get("viewBox", "0 0 16 16"))
    new.extend(deepcopy(list(symbol)))
    return new


@lru_cache(maxsize=64)
def _photograph(uri: str) -> str:
    """A WebP picture as JPEG, which a PDF holds as it is; one with transparency stays what it was."""
    if not uri.startswith(_WEBP):
        return uri
    with Image.open(BytesIO(base64.b64decode(uri.removeprefix(_WEBP)))) as image:
        if "A" in image.getbands():
            return uri
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _background(element: ET.Element, source: str) -> ET.Element:
    """A picture that repeats what stands beside it: seen, and not read out."""
    span = ET.Element("span", {"class": f"drawing {element.get('class', '')}".strip()})
    span.set("style", f"background-image: url({source})")
    return span


def _name(svg: ET.Element) -> None:
    """One title that holds all that a screen reader is told: tagged PDF has room for no more."""
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    told = [
        svg.get("aria-label"),
        *(each.text for each in (title, description) if each is not None),
    ]
    if title is None:
        title = ET.Element(f"{SVG}title")
        svg.insert(0, title)
    title.text = ". ".join(part.strip().rstrip(".") for part in told if part)
