"""The screens that experts work with: accessible, alike for all pairs, in step under hands and keys."""

import re

import pytest
from study_browser_world import (
    CHROMIUM,
    DESKTOP,
    LYING,
    STANDING,
    answered,
    axe,
    begin,
    ended,
    seat,
    served,
    tiny,
)

from auditkit.study.answers import Noted, PairAnswer, ScreeningAnswer

playwright = pytest.importorskip(
    "playwright.sync_api", reason='playwright is not installed: pip install "playwright"'
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]
AUDIT = """async () => {
    const found = await axe.run(document, {resultTypes: ['violations']});
    return found.violations.flatMap(each => each.nodes.map(
        node => `${each.impact} ${each.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`));
}"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
IN_PLACE = """[...document.querySelectorAll('.lens')].map(each => {
    const {a, e, f} = new DOMMatrix(getComputedStyle(each).transform);
    return [a.toFixed(3), Math.round(e), Math.round(f)].join(' '); })"""
SEEN = """[...document.querySelectorAll('.frame')].filter(
    each => each.checkVisibility({visibilityProperty: true})).length"""
WIDTHS = """[...document.querySelectorAll('.frame')].map(each => {
    const box = each.getBoundingClientRect(); return [box.width, box.height]; })"""


def audited(here, source):
    """What axe finds in light and dark, on tablets that lie and stand."""
    found = []
    for scheme, size in (("light", LYING), ("dark", STANDING)):
        here.tab.emulate_media(color_scheme=scheme)
        here.tab.set_viewport_size(size)
        if not here.tab.evaluate("'axe' in window"):
            here.tab.evaluate(source)
        found += [f"{scheme}: {each}" for each in here.tab.evaluate(AUDIT)]
        if here.tab.evaluate(SIDEWAYS) > 0:
            found.append(f"{scheme}: scrolls sideways")
    return found


def test_axe_finds_nothing_on_any_screen(chromium, tmp_path):
    source = axe()
    noted = [Noted(category="lesion", attribute="blue", comparator="A only")]
    # axe is a script of the test's, which the page's policy rightly refuses.
    given = {"bypass_csp": True, "reduced_motion": "reduce"}
    with served(tiny(), tmp_path) as world, seat(chromium, world, "anna", **given) as anna:
        begin(anna, world)
        assert audited(anna, source) == []  # screening
        answered(world, "anna", "screening", ScreeningAnswer(artifact=False))
        ended(world)
        answered(world, "anna", "stage-1", PairAnswer(choice="A"), slice(1))
        anna.tab.goto(f"{world.address}/next")
        assert audited(anna, source) == []  # between practice and the first set
        anna.tab.locator("main a.main").click()
        anna.ready()
        anna.tab.locator(".attribute").first.fill("blue")
        anna.tab.locator("#viewer").focus()
        anna.tab.keyboard.press("n")
        assert audited(anna, source) == []  # a pair, with complaints
        anna.tab.locator("#viewer").focus()
        anna.tab.keyboard.press("?")
        assert audited(anna, source) == []  # the list of keys
        anna.tab.on("dialog", lambda dialog: dialog.accept())
        answered(world, "anna", "stage-1", PairAnswer(choice="A", noted=noted), slice(1, None))
        ended(world)
        begin(anna, world)
        anna.tab.locator(".one .attribute").first.click()
        assert audited(anna, source) == []  # the board
        anna.tab.get_by_role("button", name="“blue” as it is").click()
        anna.saved()
        ended(world)
        begin(anna, world)
        anna.tab.locator(".attribute").first.click()
        anna.tab.keyboard.press("ArrowDown")
        assert anna.tab.locator(".suggestions [aria-selected=true]").count() == 1
        assert audited(anna, source) == []  # a pair of stage 2, with suggestions


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    study = tiny(prescreen=False, practice=False, images=4, references=4, stage_one=8, set_size=8)
    with served(study, tmp_path_factory.mktemp("study")) as world:
        yield world


@pytest.fixture
def anna(chromium, world):
    with seat(chromium, world, "anna") as here:
        begin(here, world)
        yield here
        assert here.complaints == []


def test_images_are_enlarged_and_moved_together(anna):
    tab = anna.tab

    def shown():
        one, other = tab.evaluate(IN_PLACE)
        assert one == other
        return one

    whole = shown()
    assert len({tuple(map(round, size)) for size in tab.evaluate(WIDTHS)}) == 1
    second = tab.locator(".frame").nth(1)
    second.hover(position={"x": 40, "y": 60})
    tab.mouse.wheel(0, -300)
    wheeled = shown()
    assert wheeled != whole
    tab.keyboard.press("ArrowRight")
    moved = shown()
    assert moved != wheeled
    tab.mouse.down()
    tab.mouse.move(*[value + 5 for value in (tab.viewport_size["width"] / 2, 300)], steps=2)
    tab.mouse.up()
    assert shown() != moved
    tab.locator(".frame").first.dblclick()
    assert shown() == whole
    tab.locator(".frame").first.dblclick(position={"x": 20, "y": 20})
    assert shown() != whole
    tab.keyboard.press("0")
    assert shown() == whole
    pinch = """frame => { for (const [type, id, x] of [['pointerdown', 1, 100], ['pointerdown', 2, 200],
        ['pointermove', 2, 300], ['pointerup', 1, 100], ['pointerup', 2, 300]])
        frame.dispatchEvent(new PointerEvent(type, {pointerId: id, clientX: x, clientY: 300})); }"""
    tab.evaluate("Element.prototype.setPointerCapture = () => {}")  # there is no real finger
    tab.locator(".frame").first.evaluate(pinch)
    assert tab.locator(".level").inner_text() == "200 %"
    shown()


def test_flicker_alternates_slowly_at_one_place(anna):
    tab = anna.tab
    rates = tab.locator(".rate option").evaluate_all("all => all.map(each => Number(each.value))")
    assert max(rates) <= 3
    tab.locator(".rate").select_option("3")
    tab.locator("#viewer").focus()
    tab.evaluate("""() => {
        window.turns = [];
        new MutationObserver(() => window.turns.push(performance.now())).observe(
            document.getElementById('viewer'), {attributes: true, attributeFilter: ['class']});
    }""")
    tab.keyboard.press("f")
    boxes = "[...document.querySelectorAll('.frame')].map(e => JSON.stringify(e.getBoundingClientRect()))"
    assert len(set(tab.evaluate(boxes))) == 1
    tab.wait_for_timeout(1100)
    assert tab.evaluate(SEEN) == 1
    turns = tab.evaluate("window.turns")
    assert turns[-1] - turns[1] >= (len(turns) - 2) * 1000 / 3 - 50
    tab.keyboard.press("f")
    assert tab.evaluate(SEEN) == 2
    tab.keyboard.down("f")
    tab.wait_for_timeout(450)
    assert tab.evaluate(SEEN) == 1
    tab.keyboard.up("f")
    assert tab.evaluate(SEEN) == 2


def test_keys_never_act_while_somebody_types_and_can_be_turned_off(anna, world):
    tab, keys = anna.tab, anna.tab.keyboard
    address = tab.url
    tab.locator(".attribute").first.click()
    keys.type("abunpfz?12")
    assert tab.locator(".attribute").first.input_value() == "abunpfz?12"
    keys.press("Escape")
    assert tab.locator("[name=choice]:checked").count() == 0
    assert not tab.locator("[name=unable]").is_checked()
    assert not tab.locator("dialog").is_visible()
    assert tab.url == address
    tab.get_by_role("button", name="Remove").click()
    keys.press("Escape")
    keys.press("?")
    tab.get_by_label("Single keys work").uncheck()
    keys.press("Escape")
    keys.press("a")
    keys.press("?")
    assert not tab.locator("dialog").is_visible()
    tab.reload()
    anna.ready()
    keys.press("a")
    assert tab.locator("[name=choice]:checked").count() == 0
    tab.get_by_role("button", name="Help and keys").click()
    tab.get_by_label("Single keys work").check()
    keys.press("Escape")
    keys.press("a")
    assert tab.locator("[name=choice]:checked").input_value() == "A"
    anna.saved()


def test_after_a_click_arrow_keys_change_no_comparator(anna):
    row = anna.tab.locator("[data-category=other] .row").first
    row.locator(".attribute").fill("darker")
    row.get_by_role("radio", name="A > B").click()
    anna.tab.wait_for_timeout(50)
    anna.tab.keyboard.press("z")
    anna.tab.keyboard.press("ArrowRight")
    assert row.get_by_role("radio", name="A > B").is_checked()
    row.get_by_role("button", name="Remove").click()
    anna.saved()


def test_pages_of_a_phase_differ_in_nothing_but_their_names(anna, world):
    """Neither item nor order nor repeat shows: what is left without slugs, nonces and numbers is one page."""

    def page(task):
        answer = anna.tab.request.get(f"{world.address}/task/{task.slug}?begin")
        text = re.sub(r'name="nonce" value="[^"]*"', "", answer.text())
        text = re.sub(r"/(task|picture)/[\w-]+", r"/\1/", text)
        return re.sub(r"Pair \d+ of|value=\"\d+\" aria-label=\"Pairs before", "", text)

    tasks = world.store.tasks("anna", "stage-1")
    # The first one has no previous one, and may have been opened and answered by other tests here.
    assert len({page(task) for task in tasks[2:]}) == 1
    assert not re.search("|".join(item.item for item in world.study.items), page(tasks[3]))


def test_everything_is_in_view_on_a_desk(anna):
    anna.tab.set_viewport_size(DESKTOP)
    for side in (0, 1):
        width, height = anna.tab.evaluate(WIDTHS)[side]
        assert width == pytest.approx(height, rel=0.02)
        assert width > 450
    for name in ("Save and next", "Flicker", "Help and keys ?"):
        playwright.expect(anna.tab.get_by_role("button", name=name)).to_be_in_viewport()
