import re
from itertools import pairwise

import pytest
import report_samples
from report_builders import HOSTILE, measurement, verdict
from report_pages import Page

from auditkit.report import words
from auditkit.report.html import render, write
from auditkit.report.templating import linked
from auditkit.results import read_results, to_json
from auditkit.verdict import Verdict


@pytest.fixture(scope="module")
def read(page):
    return Page(page)


def test_page_loads_nothing(read):
    assert not read.named("script", "link", "iframe", "object", "embed", "base", "form")
    assert all(value.startswith("data:image/webp") for value in read.values("src"))
    for tag, attributes in read.named("image", "use"):
        assert attributes["href"].startswith("data:" if tag == "image" else "#")
    for _, attributes in read.named("a"):
        assert re.match(r"#|https://doi\.org/10\.|https://arxiv\.org/abs/", attributes["href"])
    assert not any("url(" in style and "url(#" not in style for style in read.values("style"))


def test_style_sheet_loads_nothing(page):
    sheet = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert "@import" not in sheet
    assert "url(" not in sheet
    assert "RUN-NAME" not in sheet


def test_policy_forbids_scripts_and_network(read):
    policy = next(
        found["content"]
        for _, found in read.named("meta")
        if found.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert "script-src" not in policy


def test_same_results_give_the_same_bytes(page, results, folder, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(to_json(results), encoding="utf-8")
    assert render(read_results(path), folder) == page


def test_quantity_that_cannot_be_asked_is_told_from_one_that_was_not_estimated(results, folder):
    found = results.model_copy(deep=True)
    unfit = measurement("unfit.iou", None, reason="has no such layer", applicable=False)
    found.audits[0].measurements = [unfit, measurement("rare.iou", None, planned=20)]
    page = Page(render(found, folder))
    assert "unfit.iou not applicable: has no such layer" in page.text
    assert "rare.iou one class only" in page.text
    assert "0 of 20" in page.text


def test_report_is_written_beside_the_results(results, folder, page):
    path = write(results, folder)
    assert path == folder / "report.html"
    assert path.read_bytes() == page.encode("utf-8")


def test_text_from_specs_and_data_is_never_markup(page, read):
    assert "<script" not in page
    assert "onerror" not in page
    seen = HOSTILE.replace("\u202e", "\ufffd")
    assert read.text.count(seen) > 20


def test_characters_that_reorder_text_are_seen(page):
    assert "\u202e" not in page
    assert "\ufffd*b*" in page


def test_every_verdict_is_a_word_with_an_icon(page, read):
    for word in Verdict:
        kind = word.value.replace(" ", "-")
        assert f'id="icon-{kind}"' in page
        assert re.search(rf'class="chip {kind}[^>]*><svg[^>]*><use href="#icon-{kind}"', page)
        assert word.value in read.text


def test_failure_is_a_fault_only_after_the_correction(read):
    assert "fail: fault" in read.text
    assert (
        read.text.count("fail (not confirmed after Holm's correction)") == 4
    )  # two tables, summary, method
    assert read.text.count("fail (not part of Holm's correction)") == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fault": True, "p_adjusted": 0.001}, "fail: fault"),
        ({"p_adjusted": 0.14}, "fail (not confirmed after Holm's correction)"),
        ({"severity": "advisory"}, "fail (not part of Holm's correction)"),
    ],
)
def test_wording_of_failures(changes, expected):
    assert words.wording(verdict("a", "m", Verdict.FAIL, (1, 1, 1), **changes)) == expected


def test_blocked_release_says_so_and_why(read, results):
    assert "Release blocked" in read.text
    assert results.release[0].why in read.text


def test_pass_claims_no_safety_and_no_compliance(tmp_path):
    text = Page(render(report_samples.passing(), tmp_path)).text
    assert "Meets every blocking expectation" in text
    assert "No conformity assessment is made" in text
    assert not re.search(r"\bis (safe|compliant|approved|certified)\b", text)


def test_run_without_deviations_has_no_banner(tmp_path):
    assert 'class="banner' not in render(report_samples.passing(), tmp_path)


def test_headings_leave_no_level_out(read):
    levels = [int(tag[1]) for tag, _ in read.named("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_ids_are_unique_and_every_link_has_its_target(read):
    ids = read.values("id")
    assert len(ids) == len(set(ids))
    targets = [href[1:] for href in read.values("href") if href.startswith("#")]
    labels = " ".join(read.values("aria-labelledby")).split()
    used = [name for style in read.values("style", "clip-path") for name in _urls(style)]
    assert {*targets, *labels, *used} <= set(ids)


def _urls(value):
    return re.findall(r"url\(#([^)]+)\)", value)


def test_page_is_well_formed(read):
    assert read.unbalanced == []
    assert len(read.named("main")) == 1
    assert read.named("html")[0][1]["lang"] == "en"


def test_every_table_has_a_caption_and_scopes(read):
    assert len(read.named("table")) == len(read.named("caption"))
    assert all("scope" in attributes for _, attributes in read.named("th"))


def test_every_picture_has_a_name(read):
    pictures = [found for _, found in read.named("svg") if found.get("aria-hidden") != "true"]
    assert pictures
    for found in pictures:
        assert found["role"] == "img"
        assert found.get("aria-label") or found.get("aria-labelledby")


def test_no_python_value_leaks(read):
    assert not re.search(r"\b(nan|inf|None|undefined|Undefined)\b", read.text)


def test_all_measurements_are_shown_with_what_could_not_be_evaluated(read, results):
    for audit in results.audits:
        if audit.measurements:
            assert f"All measurements: {len(audit.measurements)}" in read.text
    assert "330 of 333" in read.text
    assert "3: the score is not finite" in read.text


def test_identity_is_on_the_page(read, results):
    model, data = results.models[0], results.data[0]
    digests = (model.weights_sha256, model.card_sha256, data.manifest_sha256, data.card_sha256)
    assert all(digest in read.text for digest in digests)


def test_empty_dossier_is_said_to_be_empty(page):
    assert re.search(r"<dt>Not provided</dt><dd[^>]*>[^<]*Manufacturer", page)


def test_verdicts_on_a_model_without_identity_are_still_shown(tmp_path):
    results = report_samples.passing().model_copy(update={"models": []})
    assert "0.818 [0.791, 0.845]" in Page(render(results, tmp_path)).text


def test_two_findings_of_one_audit_have_sections_of_their_own(tmp_path):
    results = report_samples.passing()
    twice = results.model_copy(update={"audits": results.audits * 2})
    ids = Page(render(twice, tmp_path)).values("id")
    assert "audit-performance-dermanet-2" in ids
    assert len(ids) == len(set(ids))


def test_links_are_made_of_identifiers_only():
    text = str(linked('doi:10.1038/s41551-023-01160-9), "><b> arXiv:2202.10553.'))
    assert '<a href="https://doi.org/10.1038/s41551-023-01160-9" rel="noreferrer">' in text
    assert '<a href="https://arxiv.org/abs/2202.10553" rel="noreferrer">' in text
    assert "<b>" not in text
