"""Cases with their counterfactuals as text: what the page holds without its script, and within what size."""

import base64
import hashlib
import json
import re
from io import BytesIO

import numpy as np
import pytest
import report_samples
from PIL import Image
from report_builders import HOSTILE
from report_counterfactuals import BINS, case, cases, run_with_cases
from report_galleries import gallery, item, run_with
from report_pages import Page

from auditkit.report.counterfactuals import BUDGET, CaseImages, cases_of
from auditkit.report.html import render
from auditkit.report.markdown import summary
from auditkit.results import Results, read_results, results_schema, to_json

COUNT = 4


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("cases")


@pytest.fixture(scope="module")
def found(place) -> Results:
    return run_with_cases([cases([case(i) for i in range(COUNT)])], place)


@pytest.fixture(scope="module")
def whole(found, place) -> str:
    return render(found, place)


def strips(page):
    return re.findall(r'<ol class="strip".*?</ol>', page, re.DOTALL)


def pixels(uri):
    content = base64.b64decode(uri.removeprefix("data:image/webp;base64,"))
    return np.asarray(Image.open(BytesIO(content)).convert("RGB")).astype(int)


def test_run_without_cases_has_neither_script_nor_style(tmp_path):
    page = render(report_samples.passing(), tmp_path)
    assert "<script" not in page
    assert ".strip" not in page


def test_strip_holds_the_image_and_every_bin_with_what_was_asked_and_what_came_of_it(found, whole):
    for kept, strip in zip(found.audits[0].counterfactuals[0].cases, strips(whole), strict=True):
        read = Page(strip)
        assert len(read.named("img")) == 1 + 2 * BINS
        said = [f"image score {kept.score:.3f} {kept.facets['decision']}"]
        said += [f"asked {f.asked:.3g} score {f.got:.3f} {f.decision}" for f in kept.frames]
        assert read.text == " ".join(said)


def test_pictures_are_those_of_the_results_in_the_order_of_the_bins(found, whole, place):
    kept = found.audits[0].counterfactuals[0].cases[0]
    files = [kept.picture, *(file for f in kept.frames for file in (f.picture, f.difference))]
    sources = [attributes["src"] for _, attributes in Page(strips(whole)[0]).named("img")]
    for file, source in zip(files, sources, strict=True):
        exact = np.asarray(Image.open(place / file.file).convert("RGB")).astype(int)
        assert np.abs(pixels(source) - exact).mean() < 8  # a lossy format of so small a picture


def test_only_frames_that_change_the_decision_are_marked(found, whole):
    for kept, strip in zip(found.audits[0].counterfactuals[0].cases, strips(whole), strict=True):
        marked = re.findall(r'<li class="frame( turned)?"', strip)
        own = kept.facets["decision"]
        assert [bool(each) for each in marked] == [f.decision != own for f in kept.frames]
        assert any(marked)
        assert not all(marked)


def test_slider_starts_at_the_other_end(found, whole):
    starts = [int(each) for each in re.findall(r'class="reel" data-start="(\d+)"', whole)]
    decisions = [each.facets["decision"] for each in found.audits[0].counterfactuals[0].cases]
    assert starts == [1 if decision == "melanoma" else BINS for decision in decisions]


def test_slider_of_a_generator_that_changes_no_decision_starts_farthest_away(tmp_path):
    one = case(0)
    stubborn = [
        type(frame)(frame.asked, 0.9, "melanoma", frame.picture, frame.difference)
        for frame in one.frames
    ]
    page = render(run_with_cases([cases([case(0, frames=stubborn)])], tmp_path), tmp_path)
    assert 'data-start="1"' in page
    assert "turned" not in strips(page)[0]


def test_caption_and_legend_are_said(found, whole):
    text = Page(whole).text
    kept = found.audits[0].counterfactuals[0]
    assert kept.caption in text
    assert kept.legend in text
    assert "False positive" not in text  # the style sheet writes the capital, the text is as found
    assert "false positive ISIC_0000" in text
    assert "Label benign Decision melanoma Score 0.930" in text


def test_policy_allows_exactly_the_script_of_the_page(whole):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', whole)[1]
    programs = re.findall(r"<script>(.*?)</script>", whole, re.DOTALL)
    assert len(programs) == 1
    digest = base64.b64encode(hashlib.sha256(programs[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy.replace("&#39;", "'")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "fetch(", "Function("):
        assert forbidden not in programs[0]


def test_page_of_a_gallery_and_cases_has_one_script_for_both(tmp_path):
    results = run_with_cases([cases([case(0)])], tmp_path)
    other = run_with([gallery([item(0)])], tmp_path)
    both = [*results.audits, *(a.model_copy(update={"audit": "b"}) for a in other.audits)]
    page = render(results.model_copy(update={"audits": both}), tmp_path)
    programs = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(programs) == 1
    digest = base64.b64encode(hashlib.sha256(programs[0].encode()).digest()).decode()
    assert f"sha256-{digest}" in page
    assert page.count('class="reel"') == 1
    assert 'id="gallery-assets"' in page


def test_no_element_has_a_handler_and_ids_are_unique(whole):
    read = Page(whole)
    assert not any(name.startswith("on") for _, found in read.elements for name in found)
    assert read.unbalanced == []
    ids = read.values("id")
    assert len(ids) == len(set(ids))
    assert set(" ".join(read.values("aria-labelledby")).split()) <= set(ids)


def test_two_audits_of_the_same_name_have_ids_of_their_own(tmp_path):
    results = run_with_cases([cases([case(0)]), cases([case(1)])], tmp_path)
    page = Page(render(results, tmp_path))
    assert len(page.values("id")) == len(set(page.values("id")))


def test_same_results_give_the_same_bytes(whole, found, place, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(to_json(found), encoding="utf-8")
    assert render(read_results(path), place) == whole


def test_results_name_every_picture_by_file_and_digest_and_satisfy_the_schema(found, place):
    for kept in found.audits[0].counterfactuals[0].cases:
        assert len(kept.frames) == BINS
        files = [
            kept.picture,
            *(f for each in kept.frames for f in (each.picture, each.difference)),
        ]
        for file in files:
            assert hashlib.sha256((place / file.file).read_bytes()).hexdigest() == file.sha256
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(to_json(found)), results_schema())


def test_results_written_before_there_were_cases_are_still_read(tmp_path):
    data = json.loads(to_json(report_samples.passing()))
    for audit in data["audits"]:
        del audit["counterfactuals"]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert read_results(path).audits[0].counterfactuals == []


def test_markdown_is_written_whatever_the_cases(found):
    assert summary(found) == summary(
        found.model_copy(
            update={"audits": [a.model_copy(update={"counterfactuals": []}) for a in found.audits]}
        )
    )


@pytest.mark.parametrize("change", ["removed", "altered", "no image"])
def test_case_with_a_picture_that_cannot_be_trusted_is_not_shown(change, tmp_path):
    results = run_with_cases([cases([case(0), case(1)])], tmp_path)
    file = results.audits[0].counterfactuals[0].cases[0].frames[3].difference
    path = tmp_path / file.file
    if change == "removed":
        path.unlink()
    else:
        path.write_bytes(b"other")
    if change == "no image":
        file.sha256 = hashlib.sha256(b"other").hexdigest()
    said = {"removed": "missing", "altered": "sha256", "no image": "cannot be read as an image"}
    page = render(results, tmp_path)
    assert said[change] in re.search(r'<p class="missing">(.*?)</p>', page)[1]
    assert len(strips(page)) == 1
    assert "1 case of 2 not drawn here; each says why." in Page(page).text


def test_budget_too_small_leaves_the_first_cases_of_every_audit(tmp_path):
    first, second = cases([case(i) for i in range(3)]), cases([case(i) for i in range(3, 6)])
    results = run_with_cases([first, second], tmp_path)
    kept = results.audits[0].counterfactuals
    first_ones = CaseImages(tmp_path)
    assert not any(first_ones[each.cases[0]].missing for each in kept)
    images = cases_of(results, tmp_path, first_ones._spent + 100)
    shown = [[not images[each].missing for each in one.cases] for one in kept]
    assert shown == [[True, False, False], [True, False, False]]
    assert "MB are spent" in images[kept[0].cases[2]].missing


def test_twelve_cases_of_a_large_model_fit_many_times(tmp_path):
    results = run_with_cases([cases([case(i, side=192) for i in range(3)])], tmp_path)
    images = cases_of(results, tmp_path)
    assert not any(images[each].missing for each in results.audits[0].counterfactuals[0].cases)
    assert 3 * 4 * images._spent < BUDGET


@pytest.mark.parametrize("text", [HOSTILE, "</script><script>x()</script>", 'a" onerror="x'])
def test_text_from_data_never_becomes_markup(text, tmp_path):
    facets = {"label": text, "decision": text, "case": text, text: text}
    found = cases([case(0, image_id=text, facets=facets)], title=text, caption=text, legend=text)
    page = render(run_with_cases([found], tmp_path), tmp_path)
    read = Page(page)
    assert len(read.named("script")) == 2  # texts, program
    assert read.unbalanced == []
    assert "\u202e" not in page
    assert not any(name.startswith("on") for _, found in read.elements for name in found)


def test_no_cases_is_still_a_page(tmp_path):
    read = Page(render(run_with_cases([cases([])], tmp_path), tmp_path))
    assert read.unbalanced == []
