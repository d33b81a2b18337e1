"""Every change is saved at once: across reloads, lost connections, lost answers, and without scripts."""

import pytest
from study_browser_world import CHROMIUM, answered, begin, ended, onward, seat, served, tiny

from auditkit.study.answers import Noted, PairAnswer

playwright = pytest.importorskip(
    "playwright.sync_api", reason='playwright is not installed: pip install "playwright"'
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    given = {"images": 10, "references": 10, "stage_one": 20, "set_size": 20}
    study = tiny(prescreen=False, practice=False, **given)
    with served(study, tmp_path_factory.mktemp("study")) as world:
        yield world


@pytest.fixture
def anna(chromium, world):
    with seat(chromium, world, "anna") as here:
        begin(here, world)
        yield here
        assert here.complaints == []


@pytest.fixture
def pair(anna, world):
    """The next pair of Anna's; it is handed in afterwards, so that tests do not meet."""
    task = world.store.next_task("anna")
    yield task
    world.store.save("anna", task.slug, f"end-{task.slug}", PairAnswer(choice="A"), submitted=True)


def kept(world, task):
    return world.store.revisions(task.person, task.slug)


def row(here, category="lesion", number=0):
    return here.tab.locator(f"[data-category={category}] .row").nth(number)


def test_what_was_entered_is_there_after_a_reload(anna, pair, world):
    anna.tab.keyboard.press("b")
    row(anna).locator(".attribute").fill("darker")
    row(anna).get_by_role("radio", name="B only").click()
    anna.tab.get_by_label("Comment").fill("look <b>here</b>")
    anna.saved()
    anna.tab.reload()
    anna.ready()
    assert anna.tab.get_by_role("radio", name="B", exact=True).is_checked()
    assert row(anna).locator(".attribute").input_value() == "darker"
    assert row(anna).get_by_role("radio", name="B only").is_checked()
    assert anna.tab.get_by_label("Comment").input_value() == "look <b>here</b>"
    assert not any(one.submitted for one in kept(world, pair))
    history = anna.tab.locator(".history")
    assert history.locator("time").count() == len(kept(world, pair))
    row(anna).get_by_role("button", name="Remove").click()
    anna.saved()
    assert kept(world, pair)[-1].answer == PairAnswer(choice="B", comment="look <b>here</b>")


def test_a_cut_connection_is_said_and_made_up_for(anna, pair, world):
    anna.expected = ("ERR_INTERNET_DISCONNECTED",)
    context = anna.tab.context
    context.set_offline(True)
    anna.tab.keyboard.press("a")
    failing = anna.tab.locator("#saved[data-state=failing]")
    playwright.expect(failing).to_have_text("not saved: retrying")
    anna.tab.get_by_label("Comment").fill("while it was cut")
    anna.tab.wait_for_timeout(600)
    warned = []
    anna.tab.once("dialog", lambda dialog: (warned.append(dialog.type), dialog.dismiss()))
    anna.tab.locator("header.site a").click(no_wait_after=True)
    playwright.expect(failing).to_be_visible()
    assert warned == ["beforeunload"]
    assert kept(world, pair) == []
    context.set_offline(False)
    anna.saved()
    answers = [one.answer for one in kept(world, pair)]
    assert answers == [
        PairAnswer(choice="A"),
        PairAnswer(choice="A", comment="while it was cut"),
    ]


def test_a_lost_acknowledgement_doubles_nothing(anna, pair, world):
    anna.expected = ("ERR_FAILED",)
    lost = []

    def lose(route):
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    anna.tab.route("**/task/*", lose)
    anna.tab.keyboard.press("b")
    anna.saved()
    assert lost == [200]
    assert [one.answer for one in kept(world, pair)] == [PairAnswer(choice="B")]


def test_what_the_server_refuses_is_shown_and_no_row_is_lost_silently(anna, pair, world):
    anna.expected = ("status of 422",)
    anna.tab.evaluate("document.querySelector('[name=comment]').removeAttribute('maxlength')")
    anna.tab.get_by_label("Comment").fill("x" * 2001)
    refused = anna.tab.locator("#saved[data-state=refused]")
    playwright.expect(refused).to_contain_text("comment")
    assert kept(world, pair) == []
    anna.tab.get_by_label("Comment").fill("short")
    anna.saved()
    row(anna).locator(".attribute").fill("no comparator")
    anna.tab.keyboard.press("Escape")
    anna.tab.keyboard.press("a")
    anna.tab.keyboard.press("n")
    playwright.expect(row(anna).locator(".complaint")).to_contain_text("How does it differ")
    assert not any(one.submitted for one in kept(world, pair))


def test_seconds_count_only_while_the_page_is_seen(anna, pair, world):
    """The page's clock is the test's: ten seconds seen, an hour not, and five seen."""
    anna.tab.clock.install()
    anna.tab.reload()
    anna.ready()
    anna.tab.evaluate("""() => {
        window.away = false;
        Object.defineProperty(document, 'hidden', {get: () => window.away});
        window.turn = away => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); };
    }""")
    anna.tab.clock.fast_forward(10_000)
    anna.tab.evaluate("turn(true)")
    anna.tab.clock.fast_forward(3_600_000)
    anna.tab.evaluate("turn(false)")
    anna.tab.clock.fast_forward(5_000)
    anna.tab.keyboard.press("a")
    anna.tab.clock.run_for(1_000)
    anna.saved()
    assert 15 <= kept(world, pair)[-1].seconds <= 20


def test_a_pair_without_scripts(chromium, world):
    with seat(chromium, world, "bert", java_script_enabled=False) as bert:
        tab = bert.tab
        tab.goto(f"{world.address}/next")
        task = world.store.next_task("bert")
        assert tab.locator("[data-category=lesion] .row").count() == 3
        assert not tab.get_by_role("button", name="Flicker").is_visible()
        for number, comparator in enumerate(["A > B", ""]):
            row(bert, number=number).locator(".attribute").fill(f"attribute {number}")
            row(bert, number=number).locator("select").select_option(comparator)
        tab.locator(".choices input").nth(1).check()
        tab.get_by_role("button", name="Save and next").click()
        playwright.expect(tab.get_by_role("alert").first).to_contain_text("choose how it differs")
        assert row(bert, number=1).locator(".attribute").input_value() == "attribute 1"
        row(bert, number=1).locator("select").select_option("different")
        onward(bert, lambda: tab.get_by_role("button", name="Save and next").click())
        answer = kept(world, task)[-1].answer
        assert kept(world, task)[-1].submitted
        assert answer.choice == "B"
        assert [(one.attribute, one.comparator) for one in answer.noted] == [
            ("attribute 0", "A > B"),
            ("attribute 1", "different"),
        ]
        assert [text for text in bert.complaints if "422" not in text] == []


def test_a_grouping_without_scripts(chromium, tmp_path):
    texts = ("bluish", "blue", "spots")
    noted = [Noted(category="lesion", attribute=one, comparator="A only") for one in texts]
    study = tiny(prescreen=False, practice=False, images=1, stage_one=1, references=1)
    with (
        served(study, tmp_path) as world,
        seat(chromium, world, "anna", java_script_enabled=False) as anna,
    ):
        answered(world, "anna", "stage-1", PairAnswer(choice="A", noted=noted))
        assert ended(world) == "grouping"
        tab = anna.tab
        tab.goto(f"{world.address}/next")
        tab.get_by_role("button", name="“spots” as it is").click()
        for text in ("blue", "bluish"):
            tab.get_by_label(f"Select “{text}”").check()
        tab.locator("form.merge .attribute").first.fill("Blue Colour")
        tab.get_by_role("button", name="Group").first.click()
        tab.get_by_label("Attribute of “bluish”").fill("")
        tab.get_by_label("Attribute of “bluish”").press("Enter")
        playwright.expect(tab.locator("#left")).to_contain_text("1 of")
        assert tab.get_by_role("button", name="I agree").is_disabled()
        tab.get_by_label("Attribute of “bluish”").fill("lesion/blue COLOUR")
        tab.get_by_label("Attribute of “bluish”").press("Enter")
        tab.get_by_role("button", name="I agree").click()
        playwright.expect(tab.locator("#agreed")).to_contain_text("anna: agrees")
        board = world.store.board()
        grouped = {one.text: one.attribute for one in board.texts if one.text != "spots"}
        assert grouped == {"blue": "lesion/Blue Colour", "bluish": "lesion/Blue Colour"}
        assert board.agreed == ["anna"]
        assert anna.complaints == []
