import re

import pytest
import report_full
import report_samples
from report_pages import Page

from auditkit.report import crosswalk
from auditkit.report.crosswalk import FIELDS, answers
from auditkit.report.html import render
from auditkit.report.language import Language
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.dossier import KINDS

ENGLISH = Language("en")


def by_number(results):
    return {answer.field.number: answer for answer in answers(results, ENGLISH)}


def test_all_fields_are_there_in_order():
    assert [field.number for field in FIELDS] == list(range(1, 39))
    sources = [field.fda + field.ai_act + field.claim + field.others for field in FIELDS]
    assert all(sources)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_dossier_answers_something(kind):
    asked = {key for field in FIELDS for key in getattr(field, kind)}
    assert asked == set(KINDS[kind].fields())


def test_checks_that_are_named_are_shipped():
    for names in (crosswalk.ABOUT_EXPLANATIONS, crosswalk._SHORTCUTS, crosswalk._ROBUSTNESS):
        assert set(names) <= set(SHIPPED)


@pytest.mark.parametrize("make", ["full", "passing", "empty"])
def test_every_anchor_is_on_the_page(make, whole, folder):
    results = report_full.undrawn(whole)
    if make == "passing":
        results = report_samples.passing()
    if make == "empty":
        results = results.model_copy(
            update={"models": [], "data": [], "verdicts": [], "audits": [], "release": []}
        )
    text = render(results, folder)
    ids = Page(text).values("id")
    anchors = {anchor for answer in answers(results, ENGLISH) for anchor in answer.anchors}
    assert len(anchors) > 8
    assert anchors <= set(ids)
    table = text[text.index('id="crosswalk"') :]
    assert anchors == set(re.findall(r'href="#([\w-]+)"', table[: table.index("</table>")]))
    assert len(re.findall(r'<th scope="row">\d+\. ', table)) == len(FIELDS)


def test_a_filled_dossier_leaves_nothing_of_it_open(whole):
    found = by_number(whole)
    for number in (2, 4, 5, 6, 7, 8, 11, 20, 26, 28, 29, 34):
        assert found[number].missing == []
        assert "dossier" in found[number].anchors
    assert found[14].missing == []
    assert found[19].missing == []
    assert found[33].missing == []
    assert found[36].missing == ["name of who approved it"]


def test_what_nobody_provided_is_named_and_leads_nowhere():
    found = by_number(report_samples.passing())
    assert found[6].anchors == []
    assert found[6].missing == ["Foreseeable misuse", "Contraindications", "Out-of-scope inputs"]
    assert found[5].anchors == ["dossier"]
    assert "Intended use" not in found[5].missing
    assert found[9].anchors == []
    assert found[9].missing == ["a check for leakage in this run"]
    assert "comparison" not in found[33].anchors


def test_a_field_that_one_of_two_models_lacks_names_it(whole):
    other = report_samples.model("other", dossier={})
    found = by_number(whole.model_copy(update={"models": [*whole.models, other]}))
    assert found[34].missing == ["Post-market monitoring (other)"]
