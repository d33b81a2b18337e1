"""The section of the guidelines in a real browser: on a telephone, in print, in the dark."""

import shutil

import pytest
from report_guidelines import sixteen
from test_browser import axe

from auditkit.report.html import render

playwright = pytest.importorskip(
    "playwright.sync_api", reason='playwright is not installed: pip install "playwright"'
)
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]
# Chips that reach beyond their cell, and thereby over the next one.
OVERLAPPING = """() => [...document.querySelectorAll(".guidelines td")].filter(cell =>
    [...cell.children].some(each =>
        each.getBoundingClientRect().right > cell.getBoundingClientRect().right + 1)).length"""
FITS = "() => document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guidelines")
    found = folder / "report.html"
    found.write_text(render(sixteen(folder), folder), encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium, path):
    """The page; its policy must refuse nothing, since it needs nothing."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    told = []
    opened = context.new_page()
    opened.on("console", lambda message: told.append(message.text))
    opened.goto(path.as_uri())
    yield opened
    context.close()
    assert told == []


@pytest.mark.parametrize(("width", "media"), [(1200, "screen"), (375, "screen"), (680, "print")])
def test_words_stay_inside_their_cells_and_the_page_inside_the_window(tab, width, media):
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(media=media)
    assert tab.evaluate(FITS)
    assert tab.locator(".guidelines td").count() == 5 * 16
    assert tab.evaluate(OVERLAPPING) == 0


def test_on_a_telephone_the_guideline_stays_while_its_cells_move(tab):
    tab.set_viewport_size({"width": 375, "height": 900})
    region = tab.locator(".scroll", has=tab.locator(".guidelines")).first
    head, cell = region.locator("tbody th").first, region.locator("tbody td").first
    before = head.bounding_box()["x"], cell.bounding_box()["x"]
    region.evaluate("each => { each.scrollLeft = 200; }")
    assert head.bounding_box()["x"] == pytest.approx(before[0], abs=1)
    assert cell.bounding_box()["x"] == pytest.approx(before[1] - 200, abs=1)


def test_no_table_of_guidelines_scrolls_where_there_is_room(tab):
    widths = "each => each.map(one => [one.scrollWidth, one.clientWidth])"
    found = tab.locator(".scroll", has=tab.locator(".guidelines")).evaluate_all(widths)
    assert len(found) == 3
    assert all(needed <= room for needed, room in found)


def test_a_cell_leads_to_its_audit(tab):
    tab.locator(".guidelines td a").first.click()
    assert tab.url.endswith("#audit-assessment-dermanet")


def test_pictures_of_a_case_stand_in_rows_of_its_modalities(tab):
    for width in (1200, 375):
        tab.set_viewport_size({"width": width, "height": 900})
        tops = (
            tab.locator(".panels")
            .first.locator(".panel")
            .evaluate_all("each => each.map(one => one.getBoundingClientRect().top)")
        )
        assert len(set(tops)) == 3
        assert len(set(tops[:4])) == len(set(tops[4:8])) == 1


def test_axe_finds_nothing_in_light_and_dark(tab):
    source = axe()
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        tab.evaluate(f"{source}; 0")
        found = tab.evaluate("async () => (await axe.run('section')).violations.map(v => v.id)")
        assert found == []
