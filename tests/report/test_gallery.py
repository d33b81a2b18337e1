"""The image browser as text: what the page holds, within what size, and what it cannot be made to do."""

import base64
import hashlib
import json
import re
from io import BytesIO

import numpy as np
import pytest
import report_samples
from PIL import Image
from pydantic import ValidationError
from report_builders import HOSTILE
from report_galleries import COUNT, gallery, heat, item, run_with
from report_pages import Page

from auditkit.plugin.pictures import gallery_result
from auditkit.report.assets import BUDGET, Assets, embed
from auditkit.report.galleries import FIRST, ranked
from auditkit.report.html import render
from auditkit.report.scripts import in_script
from auditkit.results import Results, read_results, results_schema, to_json

BREAKING_OUT = "</script><script>window.broken = 1</script>\u2028\u2029<!--<script>"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("galleries")


@pytest.fixture(scope="module")
def found(place) -> Results:
    return run_with([gallery([item(i) for i in range(COUNT)])], place)


@pytest.fixture(scope="module")
def whole(found, place) -> str:
    return render(found, place)


def data_of(page):
    blocks = re.findall(r'<script type="application/json" class="data">(.*?)</script>', page)
    return [json.loads(block) for block in blocks]


def assets_in(page):
    return json.loads(re.search(r'id="gallery-assets">(.*?)</script>', page)[1])


def test_run_without_a_gallery_has_no_script(tmp_path):
    page = render(report_samples.passing(), tmp_path)
    assert "<script" not in page
    assert "script-src" not in page
    assert ".tiles" not in page


def test_policy_allows_exactly_the_script_of_the_page(whole):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', whole)[1]
    policy = policy.replace("&#39;", "'")
    programs = re.findall(r"<script>(.*?)</script>", whole, re.DOTALL)
    assert len(programs) == 1
    digest = base64.b64encode(hashlib.sha256(programs[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy


def test_script_makes_no_markup_and_evaluates_nothing(whole):
    program = re.search(r"<script>(.*?)</script>", whole, re.DOTALL)[1]
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "fetch(",
    ):
        assert forbidden not in program
    assert "Function(" not in program
    assert "import(" not in program


def test_same_results_give_the_same_bytes(whole, found, place, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(to_json(found), encoding="utf-8")
    assert render(read_results(path), place) == whole


def test_results_name_every_picture_by_file_and_digest(found, place):
    items = found.audits[0].galleries[0].items
    files = [each for each_item in items for each in (each_item.picture, each_item.heatmap) if each]
    for file in files:
        assert hashlib.sha256((place / file.file).read_bytes()).hexdigest() == file.sha256
    assert len(items) == COUNT
    assert sum(each.heatmap is None for each in items) == sum(i % 16 == 5 for i in range(COUNT))


def test_results_with_a_gallery_satisfy_the_schema(found):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(to_json(found)), results_schema())


def test_score_that_is_not_finite_is_not_evaluable(tmp_path):
    odd = gallery([item(0)], scores=["IoU"])
    odd.items[0].scores["IoU"] = float("nan")
    assert gallery_result(odd, tmp_path).items[0].scores["IoU"] is None


def test_outline_is_path_data_and_nothing_else(tmp_path):
    odd = gallery([item(0)])
    object.__setattr__(odd.items[0], "outline", 'M0 0"/><script>')
    with pytest.raises(ValidationError, match="outline"):
        gallery_result(odd, tmp_path)


def test_items_are_ranked_by_the_first_score_with_the_lost_ones_last(found, whole):
    items = found.audits[0].galleries[0].items
    known = sorted(
        (each for each in items if each.scores["IoU"] is not None), key=lambda e: e.scores["IoU"]
    )
    lost = [each for each in items if each.scores["IoU"] is None]
    expected = [each.image_id for each in (*known, *lost)]
    assert [each.image_id for each in ranked(found.audits[0].galleries[0])] == expected
    assert [each["id"] for each in data_of(whole)[0]["items"]] == expected


def test_data_for_the_script_are_those_of_the_results(found, whole):
    data = data_of(whole)[0]
    by_id = {each.image_id: each for each in found.audits[0].galleries[0].items}
    texts = assets_in(whole)
    for each in data["items"]:
        source = by_id[each["id"]]
        assert each["scores"] == [source.scores[name] for name in ("IoU", "explanation_coverage")]
        values = [f["values"][i] for f, i in zip(data["facets"], each["facets"], strict=True)]
        assert values == list(source.facets.values())
        assert texts[each["outline"]] == source.outline
        assert (each["heatmap"] == -1) == (source.heatmap is None)
        picture = Image.open(BytesIO(base64.b64decode(texts[each["picture"]])))
        assert picture.size == (16, 16)


def test_small_heatmap_is_embedded_without_loss(tmp_path):
    results = run_with([gallery([item(3)])], tmp_path)
    page = render(results, tmp_path)
    text = assets_in(page)[data_of(page)[0]["items"][0]["heatmap"]]
    kept = np.asarray(Image.open(BytesIO(base64.b64decode(text))).convert("RGBA"))
    drawn = np.asarray(Image.open(BytesIO(heat(3, 4))))
    # WebP drops the colour of what is fully transparent.
    assert (kept == drawn)[drawn[..., 3] > 0].all()


def test_same_picture_is_written_and_embedded_once(tmp_path):
    twice = [item(1), item(2)]
    object.__setattr__(twice[1], "picture", twice[0].picture)
    results = run_with([gallery(twice), gallery(twice)], tmp_path)
    page = render(results, tmp_path)
    assert len(list((tmp_path / "images").iterdir())) == 3  # a picture and two heatmaps
    assert len(assets_in(page)) == 4  # those and the outline
    assert len(data_of(page)) == 2


def test_a_thousand_images_with_heatmaps_fit(tmp_path):
    # Of the largest and least compressible kind; the hundredth to the thousandth as the 51st to 100th.
    items = [item(i, side=128, cells=64) for i in range(100)]
    without = len(render(report_samples.passing(), tmp_path).encode())
    some = len(render(run_with([gallery(items[:50])], tmp_path), tmp_path).encode())
    page = render(run_with([gallery(items)], tmp_path), tmp_path)
    assert not any(each["missing"] for each in data_of(page)[0]["items"])
    assert 10 * sum(map(len, assets_in(page))) < BUDGET
    assert some - without + 950 * (len(page.encode()) - some) / 50 < 8_000_000


def test_budget_too_small_leaves_both_ends_of_every_ranking(found, tmp_path, place):
    items = ranked(found.audits[0].galleries[0])
    assets = Assets(place, budget=9_000)
    embed([items, items[:10]], assets)
    shown = [not assets[each].missing for each in items]
    assert 4 < sum(shown) < COUNT
    assert sum(map(len, assets.texts)) <= 9_000
    assert shown[0]
    assert shown[-1]
    holes = "".join("x" if each else "-" for each in shown)
    assert re.fullmatch(r"x+-+x+|x+-+x+-+x+", holes)
    missing = next(assets[each].missing for each in items if assets[each].missing)
    assert re.fullmatch(r"not embedded, 0\.009 MB are spent: see images/\w{64}\.png", missing)


def test_pictures_that_are_not_embedded_are_counted_on_the_page(found, place, monkeypatch):
    monkeypatch.setattr("auditkit.report.galleries.Assets", lambda folder, t: Assets(folder, 0, t))
    text = Page(render(found, place)).text
    assert f"{COUNT} images of {COUNT} not drawn here; each says why." in text


@pytest.mark.parametrize("change", ["removed", "altered", "no image"])
def test_picture_that_cannot_be_trusted_is_not_shown(change, tmp_path):
    results = run_with([gallery([item(0), item(1)])], tmp_path)
    first = results.audits[0].galleries[0].items[0]
    path = tmp_path / first.picture.file
    if change == "removed":
        path.unlink()
    else:
        path.write_bytes(b"other")
    if change == "no image":
        digest = hashlib.sha256(b"other").hexdigest()
        first.picture.sha256 = digest
    said = {"removed": "missing", "altered": "sha256", "no image": "cannot be read as an image"}
    shown = {each["id"]: each for each in data_of(render(results, tmp_path))[0]["items"]}
    assert said[change] in shown[first.image_id]["missing"]
    assert shown[first.image_id]["picture"] == -1
    assert sum(bool(each["missing"]) for each in shown.values()) == 1


@pytest.mark.parametrize("text", [HOSTILE, BREAKING_OUT, "\u202eevil", 'a" onerror="x'])
def test_text_from_data_never_becomes_markup(text, tmp_path):
    odd = item(0)
    odd.facets["case"] = text
    odd.facets[text] = text
    odd.scores[text] = 0.5
    for name in ("image_id", "note"):
        object.__setattr__(odd, name, text)
    found = gallery(
        [odd, item(1)], scores=["IoU", text], facets=["case", text], title=text, caption=text
    )
    page = render(run_with([found], tmp_path), tmp_path)
    read = Page(page)
    assert len(read.named("script")) == 4  # data, pictures, texts, program
    assert read.unbalanced == []
    assert "\u202e" not in page
    assert not any(name.startswith("on") for _, found in read.elements for name in found)
    shown = text.replace("\u202e", "\ufffd")
    assert data_of(page)[0]["items"][0]["id"] == shown


def test_json_in_a_script_element_survives_unharmed():
    value = {"a": BREAKING_OUT, "b": [1.5, None, "é & <b>"]}
    text = in_script(value)
    assert text.isascii()
    assert not re.search("[<>&]", text)
    assert json.loads(text) == value


def test_without_a_script_cards_and_a_table_hold_the_values(found, whole):
    read = Page(whole)
    classes = [attributes.get("class", "") for _, attributes in read.named("div")]
    assert classes.count("tile") == FIRST
    assert "controls" in classes
    assert all(
        "hidden" in attributes
        for _, attributes in read.named("div")
        if attributes.get("class") == "controls"
    )
    assert f"{FIRST} images of {COUNT}, lowest IoU first; the table below has all." in read.text
    table = re.search(r'<div class="values">(.*?)</table>', whole, re.DOTALL)[1]
    assert table.count("<tr>") == COUNT + 1
    for each in found.audits[0].galleries[0].items:
        assert table.count(each.image_id) == 1


def test_equal_scores_share_a_rank(found, whole):
    items = ranked(found.audits[0].galleries[0])[:FIRST]
    scores = [each.scores["IoU"] for each in items]
    assert len(set(scores)) < len(scores)
    tiles = re.search(r'<ol class="tiles".*?</ol>', whole, re.DOTALL)[0]
    ranks = [int(rank) for rank in re.findall(r'class="place">(\d+)<', tiles)]
    assert ranks == [scores.index(score) + 1 for score in scores]


def test_page_stays_well_formed_with_unique_ids(whole):
    read = Page(whole)
    assert read.unbalanced == []
    ids = read.values("id")
    assert len(ids) == len(set(ids))
    labels = " ".join(read.values("aria-labelledby")).split()
    assert set(labels) <= set(ids)


def test_gallery_of_several_methods_speaks_of_heatmaps(tmp_path):
    twice = [item(0), item(0)]
    for each, method in zip(twice, ("gradcam", "occlusion"), strict=True):
        each.facets["method"] = method
    page = render(run_with([gallery(twice, facets=["method"])], tmp_path), tmp_path)
    assert 'data-noun="heatmap"' in page


def test_gallery_without_scores_or_items_is_still_a_page(tmp_path):
    found = [gallery([item(0)], scores=[]), gallery([])]
    read = Page(render(run_with(found, tmp_path), tmp_path))
    assert read.unbalanced == []
    assert "0 images of 0" in read.text
