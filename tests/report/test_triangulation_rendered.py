"""What lines of evidence say stands first in the page, and in Markdown and on the terminal as well."""

import pytest
from report_hostile import BREAKING_OUT, everywhere
from report_triangulation import triangulated

from auditkit.report import markdown, terminal
from auditkit.report.html import render
from auditkit.report.language import Language

TOLD = "pink tint: established. The model reads it: an effect by intervention (more of it raises the score)"


@pytest.fixture(scope="module")
def run(folder):
    return triangulated(folder)


def test_the_terminal_says_what_it_reads_the_strongest_first(run):
    told = terminal.render(run).splitlines()
    place = told.index("What it reads, by independent lines of evidence (what-it-reads):")
    assert told[place + 1].startswith(f"  {TOLD}")
    assert told[place + 2].startswith(
        "  dark skin: contradicted. The lines disagree: an effect by intervention"
    )
    names = [line.split(":")[0].strip() for line in told[place + 1 : place + 7]]
    assert names[3:] == ["ruler", "hair", "dark corner"]


def test_markdown_says_it_below_the_verdicts(run):
    told = markdown.summary(run)
    assert "**What it reads, by independent lines of evidence** (what-it-reads)" in told
    assert f"- {TOLD.replace('(', chr(92) + '(').replace(')', chr(92) + ')')}" in told
    german = markdown.summary(run, Language("de"))
    assert "**Worauf es achtet, nach unabhängigen Beweislinien** (what-it-reads)" in german


def test_names_of_attributes_are_text_and_no_more(run):
    hostile = everywhere(run, BREAKING_OUT)
    assert "<script" not in markdown.summary(run)
    assert "\x1b" not in terminal.render(hostile)
    assert "\u202e" not in terminal.render(hostile)


def test_the_page_says_it_before_the_verdicts(run, folder):
    page = render(run, folder)
    place = page.index('<h2 id="triangulation">')
    assert page.index('<h2 id="summary">') < place < page.index('<h2 id="verdicts">')
    assert page.index(TOLD) > place


def test_a_run_without_says_nothing_of_it(results, page):
    assert "independent lines of evidence" not in terminal.render(results)
    assert "independent lines of evidence" not in markdown.summary(results)
    assert 'id="triangulation"' not in page
