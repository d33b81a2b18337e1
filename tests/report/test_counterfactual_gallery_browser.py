"""Cases with their counterfactuals in a real browser: with the slider, without a script, on paper."""

import shutil

import pytest
from report_builders import HOSTILE
from report_counterfactuals import BINS, case, cases, run_with_cases
from report_galleries import gallery, item, run_with
from test_browser import axe
from test_gallery_browser import BREAKING_OUT, WATCH

from auditkit.report.html import render

playwright = pytest.importorskip(
    "playwright.sync_api", reason='playwright is not installed: pip install "playwright"'
)
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """What was found of the cases, with the page that shows them."""
    folder = tmp_path_factory.mktemp("cases")
    results = run_with_cases([cases([case(i) for i in range(3)])], folder)
    path = folder / "report.html"
    path.write_text(render(results, folder), encoding="utf-8")
    return results.audits[0].counterfactuals[0].cases, path


@pytest.fixture
def open_page(chromium):
    """Opens a file; at the end nothing must have been refused or complained about."""
    contexts, told = [], []

    def opened(path, **options):
        context = chromium.new_context(**({"viewport": {"width": 1200, "height": 900}} | options))
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.on("console", lambda message: told.append(message.text))
        tab.on("pageerror", lambda error: told.append(str(error)))
        if options.get("java_script_enabled", True):
            tab.add_init_script(WATCH)
        tab.goto(path.as_uri())
        return tab

    yield opened
    for context in contexts:
        for tab in context.pages:
            told += tab.evaluate("window.violations ?? []")
            told += ["broken"] if tab.evaluate("'broken' in window") else []
        context.close()
    assert told == []


@pytest.fixture
def tab(page, open_page):
    return open_page(page[1])


def source(place):
    return place.evaluate("image => image.src")


def test_slider_moves_picture_difference_and_words(page, tab):
    kept, reel = page[0][0], tab.locator(".reel").first
    slider = reel.get_by_role("slider")
    seen = set()
    for place in range(1, BINS + 1):
        slider.fill(str(place))
        frame, cell = kept.frames[place - 1], reel.locator(".frame").nth(place - 1)
        pictures = [source(reel.locator(f"{name} img")) for name in (".after", ".change")]
        assert pictures == [source(cell.locator(f".{name}")) for name in ("picture", "difference")]
        seen.update(pictures)
        said = f"score {frame.got:.3f}: {frame.decision}"
        assert reel.locator(".after .said").inner_text() == said
        label = reel.locator(".slide label")
        assert label.inner_text().split() == ["Score", "asked", "for", f"{frame.asked:.3g}"]
        text = f"asked for {frame.asked:.3g}: score {frame.got:.3f}, {frame.decision}"
        assert slider.get_attribute("aria-valuetext") == text
    assert len(seen) == 2 * BINS


def test_image_stays_beside_the_slider_with_its_own_score(page, tab):
    reel = tab.locator(".reel").first
    before = source(reel.locator(".before img"))
    assert before == source(reel.locator(".own .picture"))
    reel.get_by_role("slider").fill("5")
    assert source(reel.locator(".before img")) == before
    assert reel.locator(".before .said").inner_text() == "score 0.930: melanoma"
    boxes = [
        reel.locator(f"{name} img").bounding_box() for name in (".before", ".after", ".change")
    ]
    assert len({box["y"] for box in boxes}) == 1
    assert all(box["width"] == box["height"] > 150 for box in boxes)


def test_each_slider_starts_where_the_decision_changes_most_and_moves_alone(page, tab):
    sliders = tab.get_by_role("slider")
    assert [slider.input_value() for slider in sliders.all()] == ["1", str(BINS), "1"]
    assert tab.locator(".after .said.turned").count() == 3
    sliders.nth(1).fill("3")
    assert [slider.input_value() for slider in sliders.all()] == ["1", "3", "1"]
    assert tab.locator(".after .said.turned").count() == 2


def test_keyboard_reaches_and_moves_the_slider_with_a_visible_focus(page, tab):
    tab.locator(".film h4").evaluate("title => { title.tabIndex = -1; title.focus(); }")
    tab.keyboard.press("Tab")
    focused = "[document.activeElement.type, getComputedStyle(document.activeElement).outlineStyle]"
    assert tab.evaluate(focused) == ["range", "solid"]
    slider = tab.get_by_role("slider").first
    for key, place in (("ArrowRight", 2), ("ArrowUp", 3), ("ArrowLeft", 2), ("End", BINS)):
        tab.keyboard.press(key)
        assert slider.input_value() == str(place)
        asked = f"asked for {page[0][0].frames[place - 1].asked:.3g}"
        assert asked in slider.get_attribute("aria-valuetext")
        assert asked in tab.locator(".after img").first.get_attribute("alt")
    tab.keyboard.press("Home")
    assert slider.input_value() == "1"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_slider_has_a_name_and_room_for_a_finger(tab):
    first = tab.locator(".reel").first
    slider = first.get_by_role("slider", name="Score asked for")
    assert slider.bounding_box()["height"] >= 24
    assert first.get_by_role("article").get_attribute("aria-labelledby") == first.locator(
        "h5"
    ).get_attribute("id")


def test_marks_stand_below_the_places_of_the_slider(tab):
    reel = tab.locator(".reel").first
    track = reel.get_by_role("slider").bounding_box()
    marks = reel.locator(".ticks span").all()
    assert [mark.inner_text() for mark in marks] == [f"{(k + 0.5) / BINS:.3g}" for k in range(BINS)]
    places = [mark.bounding_box()["x"] for mark in marks]
    travel = track["width"] - 16  # the thumb is 16 pixels wide
    expected = [track["x"] + 8 + travel * k / (BINS - 1) for k in range(BINS)]
    assert places == pytest.approx(expected, abs=1)


def test_strip_is_folded_beside_the_slider_and_unfolds(tab):
    reel = tab.locator(".reel").first
    assert not reel.locator(".strip").is_visible()
    reel.get_by_text("All 10 bins").click()
    assert reel.locator(".strip .frame").last.is_visible()


def test_without_a_script_the_strip_is_there(page, open_page):
    tab = open_page(page[1], java_script_enabled=False)
    assert tab.get_by_role("slider").count() == 0
    assert tab.locator(".stage").count() == 0
    for each in tab.locator(".frame").all():
        assert each.is_visible()
    assert tab.locator(".frame").count() == 3 * BINS
    assert tab.locator(".frame .picture").first.bounding_box()["width"] > 60
    assert tab.evaluate(SIDEWAYS) == 0


@pytest.mark.parametrize("script", [True, False])
def test_telephone_shows_all_without_scrolling_sideways(page, open_page, script):
    tab = open_page(page[1], viewport={"width": 375, "height": 700}, java_script_enabled=script)
    if script:
        tab.get_by_text("All 10 bins").first.click()
        slider, picture = tab.get_by_role("slider").first, tab.locator(".after img").first
        below = slider.bounding_box()["y"] - picture.bounding_box()["y"]
        assert picture.bounding_box()["height"] < below < 320  # both on one screen
        marks = tab.locator(".ticks span").all()[:BINS]
        ranges = [
            mark.evaluate(
                "each => { const r = document.createRange(); r.selectNodeContents(each); "
                "const b = r.getBoundingClientRect(); return [b.left, b.right]; }"
            )
            for mark in marks
        ]
        ends = [0, *(end for pair in ranges for end in pair), 375]
        assert ends == sorted(ends)
    assert tab.evaluate(SIDEWAYS) == 0


def test_paper_has_the_strip_in_one_row_and_no_slider(page, open_page):
    tab = open_page(page[1], viewport={"width": 680, "height": 900})
    tab.emulate_media(media="print")
    assert not tab.get_by_role("slider").first.is_visible()
    strip = tab.locator(".strip").first
    tops = {each.bounding_box()["y"] for each in strip.locator("li").all()}
    assert len(tops) == 1
    assert strip.locator(".said").last.is_visible()
    assert tab.evaluate(SIDEWAYS) == 0


def test_page_of_a_gallery_and_cases_works_both(open_page, tmp_path):
    results = run_with_cases([cases([case(0)])], tmp_path)
    other = run_with([gallery([item(0), item(1)])], tmp_path)
    both = [*results.audits, *(each.model_copy(update={"audit": "b"}) for each in other.audits)]
    path = tmp_path / "report.html"
    whole = results.model_copy(update={"audits": both})
    path.write_text(render(whole, tmp_path), encoding="utf-8")
    tab = open_page(path)
    tab.locator(".film").get_by_role("slider").fill("4")
    assert tab.locator(".chosen").inner_text() == "0.35"
    tab.get_by_text("All 10 bins").click()
    assert tab.locator(".frame .said").nth(3).inner_text().split()[:2] == ["asked", "0.35"]
    sizes = "each => getComputedStyle(each).fontSize"
    assert tab.locator(".trait").first.evaluate(sizes) == "14px"
    tab.get_by_label("Image id contains").fill("nowhere")
    assert tab.locator(".tile").count() == 0


def test_case_that_is_not_embedded_says_why_and_has_no_slider(open_page, tmp_path):
    results = run_with_cases([cases([case(0), case(1)])], tmp_path)
    (tmp_path / results.audits[0].counterfactuals[0].cases[0].picture.file).unlink()
    path = tmp_path / "report.html"
    path.write_text(render(results, tmp_path), encoding="utf-8")
    tab = open_page(path)
    assert "missing from the run's folder" in tab.locator(".reel").first.inner_text()
    assert tab.get_by_role("slider").count() == 1


@pytest.mark.parametrize("text", [HOSTILE, BREAKING_OUT])
def test_hostile_names_are_seen_and_inert(text, open_page, tmp_path):
    facets = {"label": text, "decision": text, "case": text}
    frames = [
        type(frame)(frame.asked, frame.got, text, frame.picture, frame.difference)
        for frame in case(0).frames
    ]
    odd = cases([case(0, image_id=text, facets=facets, frames=frames)], title=text, legend=text)
    path = tmp_path / "report.html"
    path.write_text(render(run_with_cases([odd], tmp_path), tmp_path), encoding="utf-8")
    tab = open_page(path)
    tab.get_by_role("slider").fill("2")
    seen = text.replace("\u202e", "\ufffd")
    assert tab.locator(".after .decision-of").text_content() == seen
    assert seen in tab.locator(".after img").get_attribute("alt")
    assert seen in tab.get_by_role("slider").get_attribute("aria-valuetext")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("folded", [True, False])
def test_axe_finds_nothing(page, open_page, scheme, folded):
    source_of_axe = axe()
    tab = open_page(page[1], color_scheme=scheme)
    tab.evaluate(source_of_axe)
    if not folded:
        tab.get_by_text("All 10 bins").first.click()
    run = "axe.run('.film').then(f => f.violations.map(v => [v.id, v.nodes[0].html]))"
    assert tab.evaluate(run) == []
