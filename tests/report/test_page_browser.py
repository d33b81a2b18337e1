"""The whole page in a real browser: accessible in light, dark and print, silent, inert whatever texts say."""

import re
import shutil

import pytest
from report_hostile import BREAKING_OUT, HARMLESS, everywhere, full
from test_browser import axe

from auditkit.report.html import render
from auditkit.report.language import languages

playwright = pytest.importorskip(
    "playwright.sync_api", reason='playwright is not installed: pip install "playwright"'
)
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]
WATCH = """
    window.violations = [];
    addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + e.sample));
"""
OPEN = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
AUDIT = """async () => {
    const found = await axe.run(document, {resultTypes: ['violations']});
    return found.violations.flatMap(each => each.nodes.map(
        node => `${each.impact} ${each.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`));
}"""
VIEWS = {
    "light": {"color_scheme": "light", "media": "screen"},
    "dark": {"color_scheme": "dark", "media": "screen"},
    "print": {"color_scheme": "light", "media": "print"},
}


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    return full(folder), folder


@pytest.fixture(scope="module")
def written(run):
    """Writes the page of a run in a language; the path."""
    known = {}

    def page(language="en"):
        results, folder = run
        if language not in known:
            known[language] = folder / f"{language}.html"
            known[language].write_text(render(results, folder, language), encoding="utf-8")
        return known[language]

    return page


def views():
    """Every view in English; in other languages one, since colours and structure are the same."""
    for language in languages():
        for view in VIEWS:
            if language == "en" or view == "light":
                yield language, view


@pytest.mark.parametrize(("language", "view"), list(views()))
def test_axe_finds_nothing(chromium, written, language, view):
    source = axe()
    # axe is a script of the test's, which the page's policy rightly refuses.
    context = chromium.new_context(bypass_csp=True, viewport={"width": 1200, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    tab.goto(written(language).as_uri())
    tab.emulate_media(**VIEWS[view])
    tab.evaluate(OPEN)
    tab.add_script_tag(content=source)
    found = tab.evaluate(AUDIT)
    context.close()
    assert found == []


@pytest.mark.parametrize("language", languages())
def test_every_figure_has_words_and_its_numbers(chromium, written, language):
    tab = chromium.new_page(java_script_enabled=True)
    tab.goto(written(language).as_uri())
    found = tab.evaluate("""() => {
        const named = each => (each.getAttribute('aria-label') || '').trim()
            || (each.getAttribute('aria-labelledby') || '').split(' ').map(
                id => document.getElementById(id)?.textContent ?? '').join(' ').trim();
        const drawn = [...document.querySelectorAll('.figures figure')];
        return {
            figures: drawn.length,
            unnamed: [...document.querySelectorAll('svg[role=img]')].filter(each => !named(each)).length,
            bare: [...document.querySelectorAll('svg:not([role=img]):not([aria-hidden=true])')].length,
            bareFigures: drawn.filter(each => !each.querySelector('details table tbody tr')).map(
                each => each.querySelector('figcaption').textContent),
            silent: drawn.filter(each => {
                const svg = each.querySelector('svg');
                return !svg.querySelector('title')?.textContent || !svg.querySelector('desc')?.textContent;
            }).length,
            imgs: [...document.querySelectorAll('img:not([alt])')].length,
        };
    }""")
    tab.close()
    assert found["figures"] > 5
    # One of the samples is a figure of nothing.
    assert [title for title in found["bareFigures"] if not title.startswith("Nothing")] == []
    assert {found[name] for name in ("unnamed", "bare", "silent", "imgs")} == {0}


ELEMENTS = """() => {
    const all = [...document.querySelectorAll('*')], count = {};
    for (const each of all) count[each.localName] = (count[each.localName] || 0) + 1;
    // Names may be broken in other places, and drawings have as many letters and ticks as there is room for.
    for (const name of ['wbr', 'g', 'path', 'use', 'text']) delete count[name];
    const handlers = all.flatMap(
        each => [...each.attributes].map(one => one.name).filter(name => name.startsWith('on')));
    const links = all.filter(each => !['use', 'image'].includes(each.localName)).flatMap(
        each => ['href', 'src', 'action', 'data'].map(name => each.getAttribute(name)).filter(Boolean));
    return {count, handlers, links};
}"""
LINK = re.compile(
    r"#[a-z0-9-]+$|data:image/webp;base64,|https://doi\.org/10\.|https://arxiv\.org/abs/"
)


class Witness:
    """Opens pages and hears whatever they do beyond being there."""

    def __init__(self, browser):
        self.context = browser.new_context(viewport={"width": 1200, "height": 900})
        self.told = []

    def elements(self, path):
        """Counts of the page's elements, its handlers and its links, once everything is unfolded."""
        tab = self.context.new_page()
        tab.add_init_script(WATCH)
        tab.on("dialog", self.dialog)
        tab.on("console", lambda message: self.told.append(message.text))
        tab.on("pageerror", lambda error: self.told.append(str(error)))
        tab.on("popup", lambda other: self.told.append(other.url))
        asked = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(path.as_uri())
        tab.evaluate(OPEN)
        self.told += tab.evaluate("window.violations")
        self.told += ["broken"] if tab.evaluate("'broken' in window") else []
        self.told += [url for url in asked if not url.startswith(("data:", path.as_uri()))]
        return tab.evaluate(ELEMENTS)

    def dialog(self, dialog):
        self.told.append(dialog.message)
        dialog.dismiss()


def test_page_is_inert_whatever_texts_say(chromium, run):
    results, folder = run
    witness, found = Witness(chromium), []
    for name, text in (("hostile", BREAKING_OUT), ("harmless", HARMLESS)):
        path = folder / f"{name}.html"
        path.write_text(render(everywhere(results, text), folder), encoding="utf-8")
        found.append(witness.elements(path))
    witness.context.close()
    assert witness.told == []
    hostile, harmless = found
    assert hostile["count"] == harmless["count"]
    assert hostile["handlers"] == []
    assert [link for link in hostile["links"] if not LINK.match(link)] == []


def test_page_asks_for_nothing_without_scripts_too(chromium, written):
    asked = []
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    path = written()
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    context.close()
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
