"""Pages of the documentation, and what stands in them."""

import itertools
import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
READ_BY_PEOPLE = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")),
    *PAGES,
]


@cache
def _tokens(page):
    return (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .parse(page.read_text(encoding="utf-8"))
    )


def blocks(page, language):
    """Fenced blocks of a language: (line, text)."""
    return [
        (token.map[0] + 2, token.content)
        for token in _tokens(page)
        if token.type == "fence" and token.info.split()[:1] == [language]
    ]


def links(page):
    """Targets of links and pictures, also in HTML."""
    inline = [child for token in _tokens(page) for child in token.children or ()]
    found = [token.attrGet("href") for token in inline if token.type == "link_open"]
    found += [token.attrGet("src") for token in inline if token.type == "image"]
    html = [token.content for token in [*_tokens(page), *inline] if token.type.startswith("html")]
    return found + re.findall(r'(?:src|href)="([^"]+)"', " ".join(html))


def anchors(page):
    """What a `#` may name in a page: its headings, as the site and code hosts write them."""
    tokens = _tokens(page)
    heads = [b.content for a, b in itertools.pairwise(tokens) if a.type == "heading_open"]
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", head.lower()).strip()) for head in heads}


def titled(page):
    """Fenced blocks with a title, which are files: {title: text}."""
    found = [token for token in _tokens(page) if token.type == "fence"]
    names = [(re.search(r'title="([^"]+)"', token.info), token.content) for token in found]
    return {name[1]: text for name, text in names if name}


def write_files(page, folder):
    """Write the files that a page shows."""
    for name, text in titled(page).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
