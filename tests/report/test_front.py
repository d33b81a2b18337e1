"""The first page and the sections of what was other than planned."""

import re

import pytest
import report_full
import report_samples
from report_builders import HOSTILE, SHA
from report_pages import Page

from auditkit.report.banners import banners
from auditkit.report.html import MOST_ITEMS, SECTIONS, render
from auditkit.report.overview import glances, named, signatures
from auditkit.results import Redaction, Registration


@pytest.fixture(scope="module")
def text(whole_page):
    return whole_page


def section(text, name):
    start = text.index(f'id="{name}"')
    return Page(text[start : text.index("</section>", start)]).text


def test_sections_stand_in_their_order(text):
    ids = re.findall(r'<h2 id="([\w-]+)"', text)
    first = ["identity", "decision", "glance", "registration", "sign-off", "contents"]
    rest = [name for name in SECTIONS if name not in ("guidelines", "triangulation")]
    assert ids == [*first, *rest]
    nav = text[text.index("<nav") : text.index("</nav>")]
    assert re.findall(r'href="#([\w-]+)"', nav) == rest


def test_identity_has_device_weights_data_run_and_tool(whole, text):
    said = section(text, "identity")
    for value in ("Device, as stated", "Version under test, as stated", "Manufacturer, as stated"):
        assert value in said
    assert whole.models[0].weights_sha256 in said
    assert "1,000 images of 500 patients" in said
    for value in (whole.run.id, whole.run.started, whole.run.finished, whole.environment.commit):
        assert value in said


def test_glance_counts_every_verdict_once(whole):
    rows = glances(whole, ["dermanet"])
    assert sum(sum(row.counts[0].values()) for row in rows) == len(whole.verdicts)
    light = next(row for row in rows if row.audit == "light")
    assert light.counts == [{"fail": 2}]


def test_people_stand_in_the_line_that_they_answer_for(whole):
    lines = [(line.meaning, line.person.name if line.person else "") for line in signatures(whole)]
    assert lines == [
        ("performed", "Pat Example"),
        ("reviewed", HOSTILE),
        ("approved", ""),
        ("witnessed", "Sam Example"),
    ]
    assert named(whole) == {"performed", "reviewed", "witnessed"}


def test_lines_are_blank_where_nobody_is_named():
    lines = signatures(report_samples.passing())
    assert [line.meaning for line in lines] == ["performed", "reviewed", "approved"]
    assert not any(line.person for line in lines)


def test_sign_off_says_how_signatures_are_verified(text):
    said = section(text, "sign-off")
    assert "auditkit verify" in said
    assert "Pat Example test engineer" in re.sub(r"(?<=[a-z])(?=test)", " ", said)


def test_registration_says_no_more_than_it_shows(text):
    said = section(text, "registration")
    assert "existed no later than that commit or a time stamp shows" in said
    assert "1 of 2 specs are unchanged" in said
    assert "changed since" in said


def test_a_record_in_no_commit_is_said_to_be_so(whole, folder):
    record = whole.registration.model_copy(update={"commit": ""})
    page = render(report_full.undrawn(whole, registration=record), folder)
    assert "nothing but the file itself says when it was made" in section(page, "registration")


@pytest.mark.parametrize(
    "record", [None, Registration(file="", sha256="", recorded="", commit="", specs=[])]
)
def test_without_a_record_nothing_is_claimed(whole, folder, record):
    page = render(report_full.undrawn(whole, registration=record), folder)
    assert "No record of the specs was made before this run" in section(page, "registration")


def test_nothing_is_said_to_be_fixed_before_testing(text):
    said = Page(text).text.lower()
    assert not re.search(r"fixed before|before (the )?test|pre-?registered|guarantee", said)


def test_waivers_have_approver_reason_and_day_and_change_no_verdict(text):
    said = section(text, "deviations")
    assert report_full.APPROVER in said
    assert "a new camera is rolled out in March" in said
    assert "2027-03-31" in said
    assert "not in force on the day of the run" in said
    assert "fail (not confirmed after Holm's correction)" in said
    assert f"Waived by {report_full.APPROVER} until 2027-03-31." in section(text, "summary")


def test_deviations_are_in_one_place(whole, text):
    said = section(text, "deviations")
    for value in (*whole.deviations.stand_ins, "nightly", "images 400 in place of 1000"):
        assert value in said
    assert "A rerun plug-in was active" in said
    assert "12 of 14 planned expectations were judged" in said


def test_a_long_banner_leads_to_the_deviations(whole, folder):
    many = whole.deviations.model_copy(update={"deselected": [f"node-{i}" for i in range(30)]})
    page = render(report_full.undrawn(whole, deviations=many), folder)
    banner = page[page.index('class="banners"') : page.index('id="glance"')]
    assert len(re.findall(r"<li>node-", banner)) == MOST_ITEMS
    assert 'and 26 more, under <a href="#deviations">' in banner
    assert "node-29" in section(page, "deviations")


def test_comparisons_with_a_baseline_have_both_values(text):
    said = section(text, "comparison")
    assert "0.83" in said
    assert "−0.010 [−0.017, −0.003]" in said
    assert "3 only there, 100 only here" in said


def test_without_a_baseline_there_is_no_comparison(page):
    assert 'id="comparison"' not in page


def test_environment_has_hardware_code_evidence_and_sources(text):
    said = section(text, "environment")
    for value in ("8 cores, 32 GiB", "threads 1", "52 shards, 1.2 MB", "sources/a", SHA[::-1]):
        assert value in said


def test_identifiers_are_named_and_who_cleared_them(whole, folder, text):
    assert "a date (12)" in text
    assert [b.title for b in banners(whole)].count("Possible identifiers") == 1
    cleared = [whole.data[0].model_copy(update={"cleared": "the data protection office"})]
    known = report_full.undrawn(whole, data=cleared)
    assert "Possible identifiers" not in [banner.title for banner in banners(known)]
    assert "is stated by the data protection office" in render(known, folder)


def test_a_redacted_copy_says_so_and_withheld_pictures_stay(whole, folder):
    audits = [each.model_copy(deep=True) for each in report_full.undrawn(whole).audits]
    panels = [panel for each in audits for example in each.examples for panel in example.panels]
    for panel in panels:
        panel.file = ""
    redaction = Redaction(withheld=["images"], original_sha256=SHA, images=len(panels), ids=0)
    page = render(whole.model_copy(update={"audits": audits, "redaction": redaction}), folder)
    assert len(panels) > 2
    for panel in panels:
        assert f"withheld, sha256 {panel.sha256}" in page
    assert page.count('class="missing"') == len(panels)
    assert "data:image/webp" not in page
    assert "Redacted copy" in page
    assert f"{len(panels)} pictures withheld" in page


def test_hostile_text_is_inert_everywhere(text):
    page = Page(text)
    assert not page.named("script")
    assert page.unbalanced == []
    assert "<script" not in text
    assert not any(name.startswith("on") for _, found in page.elements for name in found)


def test_hazards_method_and_limits_stand_in_each_audit(text):
    said = section(text, "audit-performance-dermanet")
    article = text[text.index('id="audit-performance-dermanet"') :]
    said = Page(article[: article.index("</article>")]).text
    assert "H-07, H-9" in said
    assert "P(s⁺ > s⁻)" in said
    assert "Limits of the method" in said
    assert "No gap found is no proof of fairness" in said
