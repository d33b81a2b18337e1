from itertools import combinations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_guidelines import METHODS, asked, found, run, sixteen
from report_pages import Page

from auditkit.report.adherence import adherence
from auditkit.report.guidelines import NOT_ASKED, WORST_FIRST, Adherence, guidelines
from auditkit.report.html import render
from auditkit.report.markdown import summary
from auditkit.results import AuditResult, VerdictResult
from auditkit.spec.declaration import Guideline
from auditkit.spec.declarations import SHIPPED
from auditkit.verdict import Verdict

MODEL = "dermanet"


def table(verdicts=(), audits=()):
    """Words by guideline and method."""
    made = adherence(run(verdicts, audits), MODEL)
    return {
        row.guideline.id: {
            method: cell.word for method, cell in zip(made.methods, row.cells, strict=True)
        }
        for row in made.rows
    }


def remarks(verdicts=(), audits=()):
    return " ".join(adherence(run(verdicts, audits), MODEL).remarks)


def truthful(method, word=Verdict.PASS):
    return asked("truth", f"{method}.delta_aupc", word, "G3")


def informative(method, word=Verdict.PASS):
    return asked("informative", f"{method}.spearman", word, "G4")


def test_the_five_guidelines_are_those_that_checks_declare():
    assert [each.id for each in guidelines()] == list(get_args(Guideline))
    declared = {each for check in SHIPPED.values() for each in check.guidelines}
    assert declared == {each.id for each in guidelines()}


def test_every_verdict_has_its_place_in_the_order():
    assert sorted(WORST_FIRST) == sorted(Verdict)


ORDER = [
    "not met",
    "error",
    "not interpretable",
    "not run",
    "inconclusive",
    "met",
    "not applicable",
]


@pytest.mark.parametrize(("worse", "better"), list(combinations(range(7), 2)))
def test_the_worst_verdict_wins_whichever_comes_first(worse, better):
    pair = [truthful("gradcam", WORST_FIRST[i]) for i in (worse, better)]
    for verdicts in (pair, pair[::-1]):
        assert table(verdicts)["G3"] == {"gradcam": ORDER[worse]}


def test_an_advisory_expectation_counts_as_any():
    advisory = asked("a", "gradcam.insertion", Verdict.FAIL, "G3", severity="advisory")
    assert table([truthful("gradcam"), advisory])["G3"] == {"gradcam": "not met"}


def test_methods_are_judged_each_by_its_own_expectations():
    found = table([truthful("gradcam"), truthful("lime", Verdict.FAIL)])
    assert found["G3"] == {"gradcam": "met", "lime": "not met"}
    assert found["G5"] == {"gradcam": NOT_ASKED, "lime": NOT_ASKED}


def test_an_assessment_concerns_every_method_and_each_guideline_by_its_own_measure():
    verdicts = [
        truthful("gradcam"),
        truthful("lime"),
        asked("clinic", "understandable", Verdict.PASS, "G1"),
        asked("clinic", "relevant", Verdict.FAIL, "G2"),
    ]
    found = table(verdicts)
    assert set(found["G1"].values()) == {"met"}
    assert set(found["G2"].values()) == {"not met"}


def test_what_is_expected_of_the_model_alone_spoils_truthfulness_but_does_not_meet_it():
    def with_ranking(word):
        top = asked("modalities", "top_modality", word, "G3")
        plausible = asked("a", "lime.msfi", Verdict.PASS, "G4")
        return table([truthful("gradcam"), plausible, top])["G3"]

    assert with_ranking(Verdict.PASS) == {"gradcam": "met", "lime": NOT_ASKED}
    assert with_ranking(Verdict.NOT_APPLICABLE) == {"gradcam": "met", "lime": NOT_ASKED}
    assert set(with_ranking(Verdict.INCONCLUSIVE).values()) == {"inconclusive"}


def test_a_method_that_was_measured_but_not_judged_has_a_column():
    audits = [found("truth", "G3", methods=["gradcam", "lime"])]
    assert table([truthful("gradcam")], audits)["G3"] == {"gradcam": "met", "lime": NOT_ASKED}


@pytest.mark.parametrize("word", [w for w in Verdict if w is not Verdict.PASS])
@pytest.mark.parametrize("own", [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_plausibility_is_read_only_where_truthfulness_is_met(word, own):
    verdicts = [truthful("gradcam", word), informative("gradcam", own), informative("lime", own)]
    verdicts.append(truthful("lime"))
    made = adherence(run(verdicts), MODEL)
    row = next(row for row in made.rows if row.guideline.id == "G4")
    gradcam, lime = row.cells
    assert gradcam.word == "not interpretable"
    assert gradcam.note.startswith("G3 is ")
    assert gradcam.audit == "informative"
    assert (lime.verdict, lime.note) == (own, "")


def test_plausibility_without_any_question_of_truthfulness_is_not_interpretable():
    assert table([informative("gradcam")])["G4"] == {"gradcam": "not interpretable"}


@pytest.mark.parametrize(
    "own", [Verdict.NOT_RUN, Verdict.NOT_APPLICABLE, Verdict.ERROR, Verdict.NOT_INTERPRETABLE]
)
def test_a_verdict_that_read_nothing_stays_behind_the_gate(own):
    made = adherence(run([truthful("a", Verdict.FAIL), informative("a", own)]), MODEL)
    (cell,) = made.rows[3].cells
    assert (cell.verdict, cell.note) == (own, "")


def test_controls_are_no_columns_and_are_said_to_be_left_out():
    audit = found("truth", "G3", methods=["gradcam"], controls=["edge-map", "random-map"])
    audit.parameters["controls"][0]["name"] = "edges"
    verdicts = [truthful("gradcam"), truthful("edges", Verdict.FAIL), truthful("random-map")]
    assert table(verdicts, [audit])["G3"] == {"gradcam": "met"}
    assert "2 expectations of controls (edges, random-map)" in remarks(verdicts, [audit])
    over = asked("truth", "gradcam.over[edges]", Verdict.FAIL, "G3")
    assert table([*verdicts, over], [audit])["G3"] == {"gradcam": "not met"}


def test_controls_of_an_audit_that_was_not_run_are_known_by_their_kind():
    verdicts = [truthful(name, Verdict.NOT_RUN) for name in ("gaussian-map", "gradcam")]
    assert table(verdicts)["G3"] == {"gradcam": "not run"}


def test_a_guideline_that_nobody_asked_about_is_said_to_be_so():
    text = remarks([truthful("gradcam")])
    assert "G1 Understandability was not asked of any explanation: no audit" in text
    assert "checks that are: clinical-assessment." in text
    assert "G3" not in text
    measured = remarks([truthful("gradcam")], [found("speed", "G5", methods=["gradcam"])])
    assert "G5 Computational efficiency was not asked of any explanation: it is measured" in (
        measured
    )
    rated = remarks([truthful("a"), asked("rated", "alpha", Verdict.PASS, "G4")])
    assert (
        "G4 Informative plausibility was not asked of any explanation: what is expected (rated)"
        in (rated)
    )
    assert "about the model or about raters" in rated


def test_a_run_without_methods_has_one_column():
    made = adherence(run([asked("clinic", "understandable", Verdict.NOT_RUN, "G1")]), MODEL)
    assert made.methods == ["every explanation"]
    assert [cell.word for row in made.rows for cell in row.cells] == ["not run", *[NOT_ASKED] * 4]


def test_parameters_of_other_packages_are_no_methods():
    other = found("other", "G3")
    other.parameters.update(methods=["thirds", 3], controls="none")
    assert adherence(run(audits=[other]), MODEL).methods == ["every explanation"]


def test_models_are_apart():
    other = truthful("lime", Verdict.FAIL).model_copy(update={"model": "second"})
    results = run([truthful("gradcam"), other])
    assert adherence(results, MODEL).methods == ["gradcam"]
    assert adherence(results, "second").methods == ["lime"]
    assert adherence(results, "third") is None


def test_without_guidelines_there_is_no_section(page, results):
    assert adherence(results, MODEL) is None
    assert 'id="guidelines"' not in page
    assert "#guidelines" not in page
    assert "Clinical XAI Guidelines" not in summary(results)


@given(st.integers(1, 60), st.integers(1, 10))
def test_parts_hold_every_column_once_and_fit(count, most):
    made = Adherence(MODEL, [str(i) for i in range(count)], [], [])
    parts = made.blocks(most)
    shown = [method for first, last in parts for method in made.methods[first:last]]
    assert shown == made.methods
    sizes = [last - first for first, last in parts]
    assert max(sizes) <= most
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) - min(sizes) <= 1


@pytest.fixture(scope="module")
def sixteen_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guidelines")
    results = sixteen(folder)
    return results, Page(render(results, folder))


def test_the_page_has_a_cell_per_method_and_guideline_with_word_and_icon(sixteen_page):
    results, page = sixteen_page
    made = adherence(results, MODEL)
    assert list(made.methods) == list(METHODS)
    heads = [a for t, a in page.named("th") if a.get("scope") == "col"]
    assert len(heads) > len(METHODS)
    for row in made.rows:
        assert f"{row.guideline.id} {row.guideline.name}" in page.text
        assert row.guideline.text in page.text
    words = {cell.word for row in made.rows for cell in row.cells}
    assert words == {*ORDER, NOT_ASKED}
    icons = {a["href"] for _, a in page.named("use") if a["href"].startswith("#icon")}
    assert icons <= {f"#{i}" for i in page.values("id")}
    assert "#icon-not-asked" in icons


def test_the_page_stays_whole(sixteen_page):
    _, page = sixteen_page
    ids = page.values("id")
    assert page.unbalanced == []
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in page.values("href") if href.startswith("#")} <= set(ids)
    assert len(page.named("table")) == len(page.named("caption"))
    assert all("scope" in attributes for _, attributes in page.named("th"))
    assert not page.named("script")


def test_a_cell_leads_to_the_audit_that_decided(sixteen_page):
    _, page = sixteen_page
    chips = [a for t, a in page.named("a") if a.get("class", "").startswith("chip")]
    targets = {a["href"] for a in chips}
    assert "#audit-truthfulness-dermanet" in targets
    assert "#audit-assessment-dermanet" in targets
    assert targets <= {f"#{i}" for i in page.values("id")}
    # The audit of speed broke off: there is no section to lead to.
    assert not any("efficiency" in target for target in targets)


def test_the_summary_has_the_same_table(sixteen_page):
    results, _ = sixteen_page
    text = summary(results)
    rows = [line for line in text.splitlines() if line.startswith("| G")]
    assert len(rows) == 6
    assert {row.count("|") for row in rows} == {len(METHODS) + 2}
    cells = [cell.word for cell in adherence(results, MODEL).rows[2].cells]
    shown = rows[3].strip("| ").split(" | ")[1:]
    assert [one.split(" ", 1)[-1] for one in shown] == cells


def test_volumes_are_worded_as_what_they_are(sixteen_page):
    _, page = sixteen_page
    assert "modalities t1, t1c, t2, flair; size 24 × 24 × 24" in page.text
    assert "given as stacked; mean 0; scale foreground; std 1" in page.text
    assert "size 24 × 24 × 24; crop" not in page.text


def test_results_of_before_are_read():
    old = {"audit": found("a").model_dump(), "verdict": truthful("a").model_dump()}
    for kind in old.values():
        del kind["guidelines"]
    assert AuditResult.model_validate(old["audit"]).guidelines == []
    assert VerdictResult.model_validate(old["verdict"]).guidelines == []


def test_pictures_in_rows_say_how_many_stand_in_one(sixteen_page):
    results, page = sixteen_page
    rows = [a for _, a in page.named("div") if a.get("style", "") == "--columns: 4"]
    assert len(rows) == sum(len(audit.examples) for audit in results.audits)


def test_cases_that_lack_a_modality_are_counted(tmp_path):
    results = sixteen(tmp_path)
    data = results.data[0].model_copy(update={"incomplete": {"has no flair": 3}})
    page = Page(render(results.model_copy(update={"data": [data]}), tmp_path))
    assert page.text.count("3 cases left out: has no flair") == 2
