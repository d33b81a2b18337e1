"""A whole study in real browsers: two experts at once and the coordinator, from the screening to its end."""

import pytest
from study_browser_world import CHROMIUM, answered, begin, onward, seat, served, tiny

from auditkit.study.answers import ScreeningAnswer

playwright = pytest.importorskip(
    "playwright.sync_api", reason='playwright is not installed: pip install "playwright"'
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


def advance(coordinator, world, reason=""):
    tab = coordinator.tab
    tab.goto(f"{world.address}/")
    tab.locator("summary").filter(has_text="End this phase").click()
    if reason:
        tab.locator("#reason").fill(reason)
    tab.get_by_role("button", name="for everybody").click()
    tab.wait_for_url(f"{world.address}/")
    return world.store.phase


def screen(anna, bert, world):
    """Anna has keys, Bert a mouse; Bert rejects one image, and corrects another answer of his."""
    for name in ("anna", "bert"):
        answered(world, name, "screening", ScreeningAnswer(artifact=False), slice(8))
    begin(anna, world)
    begin(bert, world)
    for number in range(4):
        onward(anna, lambda: anna.tab.keyboard.press("1"))
        name = "Artifact 2" if number == 1 else "No artifact 1"
        onward(
            bert, lambda name=name: bert.tab.get_by_role("button", name=name, exact=True).click()
        )
        if number < 3:
            anna.ready()
            bert.ready()
        if number == 2:
            onward(bert, lambda: bert.tab.get_by_role("link", name="Previous").click())
            bert.ready()
            assert bert.tab.get_by_text("Your answer so far: no artifact").is_visible()
            bert.tab.get_by_label("Comment").fill("looked twice")
            onward(bert, lambda: bert.tab.keyboard.press("Escape") or bert.tab.keyboard.press("1"))
            bert.ready()
    given = [one for one in world.store.tasks("bert", "screening") if one.done]
    answers = [world.store.revisions("bert", one.slug)[-1].answer for one in given]
    assert [one.artifact for one in answers].count(True) == 1
    assert [one.comment for one in answers].count("looked twice") == 1


def by_keys(here, side, texts):
    """Answer a pair without a mouse: the side, then rows of the categories in order."""
    keys = here.tab.keyboard
    keys.press(side)
    keys.press("r")
    for text, presses in texts:
        keys.type(text)
        keys.press("Tab")  # to how it differs
        keys.press("Space")  # the first: A only
        for _ in range(presses):
            keys.press("ArrowRight")
        keys.press("Tab")  # to the button that removes the row
        keys.press("Tab")  # to the next empty row
    keys.press("Escape")
    here.saved()
    onward(here, lambda: keys.press("n"))


def by_mouse(here, side, category, text, comparator):
    tab = here.tab
    tab.locator(".choices label").filter(has_text=side).click()
    row = tab.locator(f"[data-category={category}] .row").first
    row.get_by_role("textbox").or_(row.get_by_role("combobox")).first.fill(text)
    row.get_by_role("radio", name=comparator, exact=True).click()
    onward(here, lambda: tab.get_by_role("button", name="Save and next").click())


def stage_one(anna, bert, world):
    begin(anna, world)
    begin(bert, world)
    for here in (anna, bert):
        assert here.tab.get_by_text("Practice: does not count").is_visible()
    by_keys(anna, "a", [("in practice", 0)])
    by_mouse(bert, "A", "lesion", "in practice too", "B only")
    for here in (anna, bert):
        assert here.tab.get_by_role("heading", name="Practice done").is_visible()
        onward(here, lambda here=here: here.tab.get_by_role("link", name="Begin set 1").click())
        here.ready()
    for number in range(2):
        by_keys(anna, "ab"[number], [("sharper", 1), ("blue spots", 2)])
        by_mouse(bert, "BA"[number], "lesion", "border is sharper", "A < B")
        if number == 0:
            anna.ready()
            bert.ready()


def group(anna, bert, world):
    """Anna proposes, Bert sees it and changes it while Anna looks on; both agree."""
    begin(anna, world)
    begin(bert, world)
    of = "Attribute of “{}”".format
    anna.tab.get_by_role("button", name="“blue spots” as it is").click()
    for text in ("border is sharper", "sharper"):
        anna.tab.get_by_label(f"Select “{text}”").check()
    merge = anna.tab.locator("form.merge .attribute").first
    merge.fill("sharp")
    merge.press("ArrowDown")
    merge.press("Enter")
    playwright.expect(anna.tab.get_by_label(of("sharper"))).to_have_value("lesion/sharper border")
    assert world.store.board().attributes[-1] == "lesion/blue spots"
    bert.tab.get_by_label("Search").fill("sharp")
    seen = bert.tab.get_by_label(of("border is sharper"))
    playwright.expect(seen).to_have_value("lesion/sharper border")  # which another browser did
    anna.tab.get_by_role("button", name="I agree").click()
    playwright.expect(anna.tab.locator("#agreed")).to_contain_text("anna: agrees")
    seen.fill("edge")
    seen.press("Enter")
    bert.saved()
    anna.tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # asks at once
    playwright.expect(anna.tab.locator("#agreed")).to_contain_text("anna: has not agreed yet")
    playwright.expect(anna.tab.get_by_label(of("border is sharper"))).to_have_value("lesion/edge")
    for here in (anna, bert):
        button = here.tab.get_by_role("button", name="I agree")
        playwright.expect(button).to_be_enabled()
        button.click()
        playwright.expect(here.tab.locator("#agreed")).to_contain_text(
            "anna: agrees bert: has" if here is anna else "anna: agrees bert: agrees",
            use_inner_text=True,
        )
    assert "practice" not in anna.tab.content()


def stage_two(anna, bert, world):
    """Anna selects what the grouping made of words, without a mouse; Bert writes something new."""
    begin(anna, world)
    begin(bert, world)
    keys = anna.tab.keyboard
    for number in range(2):
        row = anna.tab.locator("[data-category=lesion] .attribute").first
        keys.press("r")
        keys.type("ed")
        assert anna.tab.locator(".suggestions li").all_inner_texts() == ["edge"]
        keys.press("ArrowDown")
        keys.press("Enter")
        playwright.expect(row).to_have_value("edge")
        keys.press("Tab")
        keys.press("Space")
        keys.press("Control+Enter")
        playwright.expect(anna.tab.locator("#complaint")).to_contain_text("Choose A or B")
        keys.press("Space")  # the focus has gone to A
        onward(anna, lambda: keys.press("Control+Enter"))
        by_mouse(bert, "A", "background", "like leather", "different")
        if number == 0:
            anna.ready()
            bert.ready()


def last_words(anna, bert, world):
    begin(bert, world)
    bert.tab.get_by_label("Attribute of “like leather”").fill("Leathery")
    bert.tab.get_by_role("heading", name="Final grouping").click()  # to leave the field is enough
    playwright.expect(bert.tab.locator("#left")).to_contain_text("0 of")
    begin(anna, world)
    for here in (anna, bert):
        here.tab.get_by_role("button", name="I agree").click()
        playwright.expect(here.tab.get_by_role("button", name="I agree")).to_be_disabled()
        here.saved()


def kept(world):
    """All that was entered, and nothing else, is in force in the end."""
    pairs = [
        (task, one.answer) for task, one in world.store.answered() if one.answer.kind == "pair"
    ]
    noted = {name: [] for name in ("anna", "bert")}
    for task, answer in pairs:
        for one in answer.noted:
            noted[task.person].append((task.phase, one.category, one.attribute, one.comparator))
    first = [
        ("stage-1", "lesion", "sharper", "A > B"),
        ("stage-1", "lesion", "blue spots", "different"),
    ]
    second = ("stage-2", "lesion", "edge", "A only")
    practised = ("stage-1", "lesion", "in practice", "A only")
    assert noted["anna"] == [practised, *first, *first, second, second]
    assert noted["bert"] == [
        ("stage-1", "lesion", "in practice too", "B only"),
        *[("stage-1", "lesion", "border is sharper", "A < B")] * 2,
        *[("stage-2", "background", "like leather", "different")] * 2,
    ]
    choices = "".join(answer.choice for task, answer in pairs if task.person == "anna")
    assert choices == "AABAA"
    assert {(text.text, text.attribute) for text in world.store.board().texts} >= {
        ("sharper", "lesion/sharper border"),
        ("border is sharper", "lesion/edge"),
        ("like leather", "background/Leathery"),
    }


def test_two_experts_do_a_whole_study_at_once(chromium, tmp_path):
    with (
        served(tiny(), tmp_path) as world,
        seat(chromium, world, "anna", invited=True) as anna,
        seat(chromium, world, "bert", invited=True) as bert,
        seat(chromium, world, "carla", invited=True) as carla,
    ):
        screen(anna, bert, world)
        assert advance(carla, world) == "stage-1"
        stage_one(anna, bert, world)
        assert advance(carla, world) == "grouping"
        group(anna, bert, world)
        assert advance(carla, world) == "stage-2"
        stage_two(anna, bert, world)
        assert advance(carla, world) == "final-grouping"
        last_words(anna, bert, world)
        assert advance(carla, world) == "closed"
        kept(world)
        assert [anna.complaints, bert.complaints, carla.complaints] == [[], [], []]
