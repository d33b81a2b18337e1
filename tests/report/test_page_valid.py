"""The page is HTML as the standard has it: a strict parser finds no error, ids are unique, links resolve."""

import re

import pytest
from report_hostile import BREAKING_OUT, everywhere, full
from report_pages import Page

from auditkit.report.html import render
from auditkit.report.language import languages

html5lib = pytest.importorskip("html5lib", reason='pip install "html5lib"')


@pytest.fixture(scope="module")
def pages(folder):
    run = full(folder)
    found = {language: render(run, folder, language) for language in languages()}
    return found | {"hostile": render(everywhere(run, BREAKING_OUT), folder)}


def test_a_strict_parser_finds_no_error(pages, page):
    for name, text in (pages | {"without script": page}).items():
        parser = html5lib.HTMLParser()
        parser.parse(text)
        errors = [(place, code) for place, code, _ in parser.errors]
        assert not errors, (
            name,
            errors[:5],
            [text.splitlines()[p[0] - 1][:300] for p, _ in errors[:2]],
        )


def test_every_id_is_unique_and_every_reference_resolves(pages):
    for text in pages.values():
        read = Page(text)
        ids = read.values("id")
        assert len(ids) == len(set(ids))
        links = {href[1:] for href in read.values("href") if href.startswith("#")}
        named = " ".join(
            read.values("aria-labelledby", "aria-describedby", "aria-controls")
        ).split()
        within = re.findall(r"url\(#([^)]+)\)", " ".join(read.values("style", "clip-path")))
        fors = read.values("for")
        assert {*links, *named, *within, *fors} <= set(ids)


def test_no_text_of_the_languages_is_left_open(pages):
    for name, text in pages.items():
        if name != "hostile":
            assert not re.search(r"\{[a-z_]+\}", Page(text).text)
