"""Rating a heatmap in a real browser: two steps, one slider for all pictures, and without scripts."""

from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from study_browser_world import CHROMIUM, axe, begin, seat, served, tiny

from auditkit.spec.ratings_card import Scale
from auditkit.study.answers import Decision
from auditkit.study.folder import Item, Layout

playwright = pytest.importorskip(
    "playwright.sync_api", reason='playwright is not installed: pip install "playwright"'
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]

ROWS, COLUMNS, SIDE = 2, 5, 6
# Reading canvases is the test's.
OURS = ("willReadFrequently",)
TOLD = {"prediction": "high grade", "probability": "86 %"}
AUDIT = """async () => {
    const found = await axe.run(document, {resultTypes: ['violations']});
    return found.violations.flatMap(each => each.nodes.map(
        node => `${each.impact} ${each.id}: ${node.html.slice(0, 200)}`));
}"""
# What every canvas shows in its middle: (slice, modality, picture), as `draw` paints them.
SHOWN = """() => [...document.querySelectorAll("canvas")].map(each => {
    const [r, g, b] = each.getContext("2d").getImageData(each.width / 2, each.height / 2, 1, 1).data;
    return [r / 40 - 1, g / 100, b / 100];
})"""
LOADED = "() => [...document.images].every(each => each.complete && each.naturalWidth)"


def study():
    items = [
        Item(item=f"i{n}", reference=f"r{n}", pictures=(f"{n}a", f"{n}b", f"{n}c"), told=TOLD)
        for n in range(2)
    ]
    return tiny(
        kind="heatmaps",
        items=tuple(items),
        question="Which grade?",
        classes=("lower grade", "high grade"),
        scale=Scale(low=0, high=10, step=1),
        layout=Layout(rows=ROWS, columns=COLUMNS, names=("t1", "t1c")),
        width=COLUMNS * SIDE,
        height=ROWS * SIDE,
        set_size=4,
    )


def draw(folder, of):
    """Each tile has a colour that says its slice, its modality and its picture."""
    for item in of.items:
        for place, name in enumerate(item.pictures):
            tiles = np.zeros((ROWS, SIDE, COLUMNS, SIDE, 3), np.uint8)
            tiles[..., 0] = 40 * (np.arange(COLUMNS) + 1)[None, None, :, None]
            tiles[..., 1] = 100 * np.arange(ROWS)[:, None, None, None]
            tiles[..., 2] = 100 * place
            sheet = tiles.reshape(of.height, of.width, 3)
            Image.fromarray(sheet).save(folder / "pictures" / f"{name}.png")


@pytest.fixture
def world(tmp_path):
    of = study()
    with served(of, tmp_path) as found:
        draw(tmp_path, of)
        yield found


def shown(here, slice_, pictures):
    """Whether every canvas shows that slice of its own modality and picture."""
    here.tab.wait_for_function(LOADED)
    expected = [[slice_, row, place] for place in range(pictures) for row in range(ROWS)]
    assert here.tab.evaluate(SHOWN) == expected


def audited(here):
    here.tab.evaluate(axe())
    for scheme in ("light", "dark"):
        here.tab.emulate_media(color_scheme=scheme)
        assert here.tab.evaluate(AUDIT) == []


def test_two_steps_by_keyboard(chromium, world):
    with seat(chromium, world, "anna", bypass_csp=True, expected=OURS) as here:
        tab, keys = here.tab, here.tab.keyboard
        begin(here, world)
        address = tab.url
        slug = address.rpartition("/")[2].partition("?")[0]
        first = world.store.tasks("anna", "rating")[0]
        assert slug == first.slug

        # The case alone, one slice of all modalities; neither heatmap nor prediction can be had.
        shown(here, 2, pictures=1)
        keys.press("ArrowRight")
        shown(here, 3, pictures=1)
        keys.press("Home")
        shown(here, 0, pictures=1)
        tab.locator("canvas").first.hover()
        tab.mouse.wheel(0, 80)
        tab.wait_for_function("() => document.getElementById('slice').value === '3'")
        shown(here, 2, pictures=1)
        assert tab.request.get(f"{world.address}/picture/{slug}/1.png").status == 404
        assert "86 %" not in tab.content()
        audited(here)

        # Nothing is kept before it is whole, since it cannot be changed then.
        keys.press("2")
        keys.press("n")
        assert "How confident" in tab.locator("#complaint").inner_text()
        assert world.store.revisions("anna", slug) == []
        tab.locator("#confidence").fill("70")
        keys.press("Control+Enter")
        tab.locator("#quality").wait_for()
        here.ready()

        # Now all three pictures in step, with what the model says.
        assert "high grade, probability 86 %" in tab.locator(".told").inner_text()
        shown(here, 2, pictures=3)
        keys.press("End")
        shown(here, 4, pictures=3)
        tab.locator("#slice").fill("2")
        shown(here, 1, pictures=3)
        audited(here)

        # The first prediction stays as it is, whoever sends what.
        csrf = tab.locator("[name=csrf]").first.get_attribute("value")
        changed = {"csrf": csrf, "nonce": "n" * 12, "step": "first", "decision": "lower grade"}
        sent = tab.request.post(
            f"{world.address}/task/{slug}",
            data=urlencode(changed | {"confidence": "70"}),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
                "Origin": world.address,
            },
        )
        assert sent.status == 422
        assert "cannot change" in sent.json()["error"]
        before = Decision(decision="high grade", confidence=70)
        assert {one.answer.before for one in world.store.revisions("anna", slug)} == {before}

        # Ratings are saved as they are given, numbers in their group rate, and the rest can wait.
        tab.locator("main h1").click()
        keys.press("r")
        with tab.expect_response(lambda got: got.request.method == "POST"):
            keys.press("7")
        tab.reload()
        here.ready()
        assert tab.locator("[name=rating]:checked").get_attribute("value") == "7"
        keys.press("1")
        tab.locator("#confidence").fill("55")
        tab.locator("[name=comment]").fill("the edge")
        keys.press("Control+Enter")
        tab.wait_for_url(lambda url: slug not in url)
        done = world.store.revisions("anna", slug)[-1]
        assert done.submitted
        assert done.answer.before == before
        assert done.answer.after == Decision(decision="lower grade", confidence=55)
        assert (done.answer.rating, done.answer.comment) == (7.0, "the edge")
        assert here.complaints == []


def test_without_scripts_all_slices_are_in_a_row_and_both_steps_work(chromium, world):
    with seat(chromium, world, "bert", java_script_enabled=False) as here:
        tab = here.tab
        tab.goto(f"{world.address}/next")
        slug = world.store.tasks("bert", "rating")[0].slug
        sheet = tab.locator(".sheet")
        assert sheet.count() == 1
        assert sheet.locator("img").bounding_box()["width"] > 5 * 100
        tab.get_by_label("lower grade").check()
        tab.locator("#confidence").fill("40")
        tab.get_by_role("button", name="Keep, and show the heatmap").click()
        tab.locator(".sheet img").nth(2).wait_for()
        assert tab.locator(".sheet img").count() == 3
        tab.get_by_label("high grade").check()
        tab.locator("#confidence").fill("60")
        tab.get_by_label("I cannot rate").check()
        tab.get_by_role("button", name="Save and next").click()
        tab.wait_for_url(lambda url: slug not in url)
        done = world.store.revisions("bert", slug)[-1]
        assert done.submitted
        assert done.answer.unable
        assert done.answer.after == Decision(decision="high grade", confidence=60)
