"""The image browser in a real browser, driven as a reader drives it; the page's policy stays in force."""

import shutil
from pathlib import Path

import pytest
from report_builders import HOSTILE
from report_galleries import COUNT, FACETS, gallery, item, run_with
from test_browser import axe

from auditkit.report.galleries import FIRST, ranked
from auditkit.report.html import render

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
    addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective));
"""
BREAKING_OUT = "</script><script>window.broken = 1</script>\u2028<img src=x onerror=broken=1>"


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """Items of the gallery in ranked order, with the page that shows them."""
    folder = tmp_path_factory.mktemp("gallery")
    results = run_with([gallery([item(i) for i in range(COUNT)])], folder)
    path = folder / "report.html"
    path.write_text(render(results, folder), encoding="utf-8")
    return ranked(results.audits[0].galleries[0]), path


@pytest.fixture
def open_page(chromium):
    """Opens a file; at the end nothing must have been loaded, refused or complained about."""
    contexts, told = [], []

    def opened(path: Path, query: str = "", **options):
        context = chromium.new_context(**({"viewport": {"width": 1200, "height": 900}} | options))
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.on("console", lambda message: told.append(message.text))
        tab.on("pageerror", lambda error: told.append(str(error)))
        tab.on(
            "request", lambda request: told.append(request.url) if _foreign(request, path) else None
        )
        if options.get("java_script_enabled", True):
            tab.add_init_script(WATCH)
        tab.goto(path.as_uri() + query)
        return tab

    yield opened
    for context in contexts:
        for tab in context.pages:
            told += tab.evaluate("window.violations ?? []")
            told += ["broken"] if tab.evaluate("'broken' in window") else []
        context.close()
    assert told == []


def _foreign(request, path):
    return not request.url.startswith(("data:", path.as_uri()))


@pytest.fixture
def tab(items, open_page):
    """The page of the gallery."""
    return open_page(items[1])


def shown(tab):
    """Ids on the cards, in order, all of them built."""
    while tab.locator(".more").is_visible():
        tab.locator(".more").click()
    return tab.locator(".tile .id").all_text_contents()


def choose(tab, facet, value):
    tab.get_by_role("group", name=facet, exact=True).get_by_label(value).check()


def matching(items, **wanted):
    return [each for each in items if all(each.facets[k] in v for k, v in wanted.items())]


def test_filters_of_several_facets_hold_together(items, tab):
    choose(tab, "Label", "melanoma")
    choose(tab, "Decision", "wrong")
    choose(tab, "Case", "confuser")
    choose(tab, "Case", "undecided")
    expected = matching(
        items[0], label=["melanoma"], decision=["wrong"], case=["confuser", "undecided"]
    )
    assert 0 < len(expected) < COUNT
    assert shown(tab) == [each.image_id for each in expected]
    assert tab.get_by_role("status").inner_text().startswith(f"{len(expected)} of {COUNT} images")
    assert tab.locator(".filters summary").inner_text() == "Filters: 3 set"
    tab.get_by_role("button", name="Clear filters").click()
    assert len(shown(tab)) == COUNT


def test_counts_say_what_choosing_a_value_would_give(items, tab):
    choose(tab, "Label", "melanoma")
    choose(tab, "Skin tone", "dark")
    chosen = {"label": ["melanoma"], "skin_tone": ["dark"]}
    for i, facet in enumerate(FACETS):
        others = {name: values for name, values in chosen.items() if name != facet}
        field = tab.locator(f"fieldset[data-facet='{i}']")
        for value in {each.facets[facet] for each in items[0]}:
            label = field.locator("label").filter(has_text=value)
            expected = matching(items[0], **others, **{facet: [value]})
            assert label.locator(".count").inner_text() == str(len(expected))


@pytest.mark.parametrize("score", ["IoU", "explanation_coverage"])
@pytest.mark.parametrize("order", ["lowest first", "highest first"])
def test_order_is_that_of_the_numbers(items, tab, score, order):
    tab.get_by_label("Sort by").select_option(label=score[0].upper() + score[1:].replace("_", " "))
    tab.get_by_label("Order").select_option(label=order)
    known = [each for each in items[0] if each.scores[score] is not None]
    sign = 1 if order == "lowest first" else -1
    known.sort(key=lambda each: sign * each.scores[score])
    lost = [each for each in items[0] if each.scores[score] is None]
    assert shown(tab) == [each.image_id for each in (*known, *lost)]
    numbers = [each.scores[score] for each in known]
    ranks = [str(numbers.index(number) + 1) for number in numbers] + ["–"] * len(lost)
    assert tab.locator(".tile .place").all_text_contents() == ranks
    assert f"{len(lost)} not evaluable, last" in tab.get_by_role("status").inner_text()


def test_range_keeps_scores_between_its_limits_and_drops_the_lost(items, tab):
    tab.get_by_label("IoU from").fill("0.3")
    tab.get_by_label("to, IoU").fill("0.6")
    expected = [each for each in items[0] if 0.3 <= (each.scores["IoU"] or 0) <= 0.6]
    assert shown(tab) == [each.image_id for each in expected]
    tab.get_by_label("Sort by").select_option(label="Explanation coverage")
    assert tab.get_by_label("Explanation coverage from").input_value() == ""
    assert len(shown(tab)) == COUNT


def test_search_finds_part_of_an_id_in_either_case(items, tab):
    tab.get_by_label("Image id contains").fill("isic_00")
    expected = [each.image_id for each in items[0] if "isic_00" in each.image_id.lower()]
    assert 0 < len(expected) < COUNT
    assert shown(tab) == expected
    tab.get_by_label("Image id contains").fill("nowhere")
    assert shown(tab) == []
    assert tab.get_by_role("status").inner_text() == f"0 of {COUNT} images"


def test_cards_are_built_sixty_at_a_time_and_the_focus_goes_on(tab):
    assert tab.locator(".tile").count() == 60
    tab.get_by_role("button", name="Show 4 more of 4").press("Enter")
    assert tab.locator(".tile").count() == COUNT
    assert (
        tab.evaluate("[...document.querySelectorAll('.tile')].indexOf(document.activeElement)")
        == 60
    )


def test_image_heatmap_and_outline_lie_over_each_other(items, tab):
    tile = tab.locator(".tile").first
    boxes = [tile.locator(name).bounding_box() for name in (".picture", ".heat", ".edge")]
    assert boxes[0] == boxes[1] == boxes[2]
    assert boxes[0]["width"] == boxes[0]["height"] > 80
    assert tile.locator(".edge .line").get_attribute("d") == items[0][0].outline
    assert tile.locator(".picture").evaluate("image => image.naturalWidth") == 16
    tab.get_by_label("Opacity").fill("25")
    assert tile.locator(".heat").evaluate("image => getComputedStyle(image).opacity") == "0.25"
    tab.get_by_label("Heatmap", exact=True).uncheck()
    tab.get_by_label("Annotated outline").uncheck()
    assert not tile.locator(".heat").is_visible()
    assert not tile.locator(".edge").is_visible()
    assert tile.locator(".picture").is_visible()


def test_larger_view_tells_everything_and_goes_on_by_arrow_keys(items, tab):
    tab.locator(".tile").nth(58).press("Enter")
    dialog = tab.get_by_role("dialog")
    for step in range(58, 63):
        each = items[0][step]
        assert dialog.locator("h5").inner_text() == f"{each.image_id} {step + 1} of {COUNT}"
        said = dialog.locator("dd").all_inner_texts()
        assert said[2:] == list(each.facets.values())
        assert dialog.locator(".note").inner_text() == each.note
        assert dialog.locator(".covered .heat").count() == (each.heatmap is not None)
        tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert dialog.locator("h5").inner_text().endswith(f"{COUNT} of {COUNT}")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Escape")
    assert not dialog.is_visible()
    # The card of the image seen last, which had not been built before.
    focused = tab.evaluate("document.activeElement.querySelector('.id').textContent")
    assert focused == items[0][COUNT - 2].image_id


def test_everything_is_reached_and_worked_by_keyboard_with_a_visible_focus(tab):
    tab.locator(".browser h4").evaluate("title => { title.tabIndex = -1; title.focus(); }")
    reached = []
    for _ in range(60):
        tab.keyboard.press("Tab")
        name, outline = tab.evaluate(
            """() => {
                const element = document.activeElement;
                return [element.name || element.className || element.tagName,
                        getComputedStyle(element).outlineStyle];
            }"""
        )
        assert outline != "none", name
        reached.append(name)
        if name == "tile":
            break
    expected = ["score", "order", "low", "high", "id", "heatmap", "opacity", "outline", "SUMMARY"]
    assert reached[:9] == expected
    assert reached[-2:] == ["clear", "tile"]
    assert len(reached) == 9 + tab.locator("fieldset input").count() + 2
    tab.keyboard.press("Space")
    assert tab.get_by_role("dialog").is_visible()
    tab.keyboard.press("Escape")
    tab.locator("fieldset input").first.focus()
    tab.keyboard.press("Space")
    assert tab.locator("fieldset input").first.is_checked()
    assert tab.locator(".tile").count() < 60


def test_what_is_asked_for_survives_a_reload(items, tab):
    tab.get_by_label("Order").select_option(label="highest first")
    tab.get_by_label("Image id contains").fill("_0")
    choose(tab, "Case", "context dependent")
    before = shown(tab)
    assert 0 < len(before) < COUNT
    tab.reload()
    assert shown(tab) == before
    tab.evaluate("location.hash = '#audits'")
    assert shown(tab) == before


def test_larger_view_closes_though_the_address_asks_for_fewer_images(items, tab):
    tab.locator(".tile").nth(50).click()
    name = tab.locator(".browser").get_attribute("id")
    first = items[0][0].image_id
    tab.evaluate(f"location.hash = '#{name}?id={first}'")
    assert tab.get_by_role("status").inner_text().startswith("1 of")
    tab.keyboard.press("Escape")
    assert not tab.get_by_role("dialog").is_visible()
    assert tab.evaluate("document.activeElement.querySelector('.id').textContent") == first


def test_address_made_by_hand_asks_for_no_more_than_there_is(items, open_page):
    name = items[1].read_text(encoding="utf-8").partition('class="browser" id="')[2].split('"')[0]
    tab = open_page(items[1], f"#{name}?score=7&order=x&low=y&is+Label=nothing&is+Nothing=benign")
    assert len(shown(tab)) == COUNT
    assert tab.get_by_label("Sort by").input_value() == "0"


def test_without_a_script_cards_and_the_table_are_there(items, open_page):
    tab = open_page(items[1], java_script_enabled=False)
    assert tab.locator(".tile").count() == FIRST
    assert not tab.locator(".controls").is_visible()
    assert not tab.get_by_role("dialog").is_visible()
    assert not tab.locator(".more").is_visible()
    tab.locator(".values summary").click()
    rows = tab.locator(".values tbody tr")
    assert rows.locator("th").all_inner_texts() == [each.image_id for each in items[0]]
    first = rows.first.locator("td").all_inner_texts()
    assert first[2:7] == list(items[0][0].facets.values())


@pytest.mark.parametrize("text", [HOSTILE, BREAKING_OUT])
def test_hostile_names_are_seen_and_inert(text, open_page, tmp_path):
    odd = item(0)
    odd.facets.update({"case": text, "__proto__": text})
    for name in ("image_id", "note"):
        object.__setattr__(odd, name, text)
    found = gallery([odd, item(1)], facets=["case", "__proto__", "label"], title=text)
    path = tmp_path / "report.html"
    path.write_text(render(run_with([found], tmp_path), tmp_path), encoding="utf-8")
    tab = open_page(path)
    seen = text.replace("\u202e", "\ufffd")
    assert seen in tab.locator(".tile .id").all_text_contents()
    tab.locator(".tile", has_text="script").first.click()
    assert tab.locator("dialog .note").text_content() == seen
    assert tab.locator("dialog dd").last.is_visible()
    tab.keyboard.press("Escape")
    tab.locator("fieldset input").first.check()
    assert tab.locator(".tile").count() == 1
    tab.reload()
    assert tab.locator(".tile").count() == 1


def test_policy_refuses_any_other_script(items, chromium, tmp_path):
    text = items[1].read_text(encoding="utf-8")
    path = tmp_path / "report.html"
    path.write_text(text.replace("</main>", "<script>window.broken = 1</script></main>"))
    tab = chromium.new_page()
    tab.add_init_script(WATCH)
    tab.goto(path.as_uri())
    assert tab.evaluate("window.violations") == ["script-src-elem"]
    assert not tab.evaluate("'broken' in window")
    assert tab.locator(".tile").count() == 60
    tab.context.close()


def test_telephone_shows_all_without_scrolling_sideways(items, open_page):
    tab = open_page(items[1], viewport={"width": 375, "height": 700})
    tab.locator(".filters summary").click()
    assert tab.locator("fieldset input").first.is_visible()
    page = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    needed, width = tab.evaluate(page)
    assert needed == width
    tab.locator(".tile").first.click()
    box = tab.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 375
    assert tab.locator("dialog").evaluate("each => each.scrollWidth - each.clientWidth") == 0


def test_paper_shows_cards_and_says_what_was_asked_for(tab):
    choose(tab, "Decision", "wrong")
    tab.emulate_media(media="print")
    assert not tab.locator(".controls").is_visible()
    assert not tab.locator(".values").is_visible()
    assert tab.locator(".tile").first.is_visible()
    assert tab.locator(".asked").inner_text() == "Decision: wrong; sorted by IoU, lowest first"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(items, open_page, scheme):
    source = axe()
    tab = open_page(items[1], color_scheme=scheme)
    tab.evaluate(source)
    run = "axe.run('.browser').then(f => f.violations.map(v => [v.id, v.nodes[0].html]))"
    assert tab.evaluate(run) == []
    tab.locator(".tile").first.click()
    assert tab.evaluate(run) == []
